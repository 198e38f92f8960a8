using System.Data;
using EventStore.Domain.Jobs;
using EventStore.Server.Store.Lane;
using EventStore.Server.Tests.Fixtures;
using Npgsql;

namespace EventStore.Server.Tests.Store;

/// <summary>What the database makes of a batch whose decisions were made upon a job that somebody else has changed since.</summary>
public sealed class Batches_on_outdated_jobs : IAsyncLifetime
{
    private TestDatabase database = null!;
    private NpgsqlConnection connection = null!;

    public async Task InitializeAsync()
    {
        database = await TestDatabase.Create();
        connection = await database.Source.OpenConnectionAsync();
    }

    public async Task DisposeAsync()
    {
        await connection.DisposeAsync();
        await database.DisposeAsync();
    }

    [Fact]
    public async Task Nothing_of_the_beaten_job_is_stored_and_everything_of_the_others()
    {
        Job[] jobs = await connection.Commit(InProcess.Decide([], InProcess.Create("beaten"), InProcess.Create("other")));
        await connection.Commit(InProcess.Decide(jobs, InProcess.Label("beaten", "by", "somebody-else")));

        // Decided upon version 1: the second event claims version 3, which would follow the other's version 2 nicely.
        Batch batch = InProcess.Decide(
            jobs,
            InProcess.Label("beaten", "by", "us"),
            InProcess.Label("other", "a", "1"),
            InProcess.Label("beaten", "too", "us"),
            InProcess.Label("other", "b", "2"),
            InProcess.Create("third"),
            InProcess.Label("beaten", "three", "us"));
        Committed committed = await connection.Execute(batch);

        Assert.Equal([false, true, true], committed.Held);
        Assert.Equal([false, true, false, true, true, false], committed.Revisions.Select(revision => revision > 0));
        Assert.Equal((2, 3, 1), (await database.Events("beaten"), await database.Events("other"), await database.Events("third")));
        await database.AssertWhole();
    }

    /// <summary>
    /// When hardly any job lived while statistics were gathered, PostgreSQL takes it that hardly any does: it once read all living jobs for
    /// each name of a batch, under the commit lock.
    /// </summary>
    [Fact]
    public async Task Each_job_is_looked_up_by_its_name_whatever_the_statistics_say()
    {
        const int many = 500;
        string[] names = [.. Enumerable.Range(0, many).Select(i => $"job-{i}")];
        Job[] jobs = await connection.Commit(InProcess.Decide([], names.Select(name => InProcess.Create(name))));
        await connection.Commit(InProcess.Decide(jobs, names.Select(InProcess.Delete)));
        await database.Execute("ANALYZE eventstore.mt_doc_current_job");
        // With plans of its own, made from these statistics.
        await using NpgsqlConnection fresh = await database.Source.OpenConnectionAsync();
        jobs = await fresh.Commit(InProcess.Decide([], names.Select(name => InProcess.Create(name))));
        long before = await Lookups(fresh);
        await fresh.Commit(InProcess.Decide(jobs, names.Select(name => InProcess.Label(name, "n", "1"))));
        Assert.Equal(many, await Lookups(fresh) - before);
    }

    private static async Task<long> Lookups(NpgsqlConnection session)
    {
        await using (var flush = new NpgsqlCommand("SELECT pg_stat_force_next_flush()", session))
            await flush.ExecuteNonQueryAsync();
        await using var ask = new NpgsqlCommand(
            "SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'current_job_living'", session);
        return (long)(await ask.ExecuteScalarAsync())!;
    }

    [Fact]
    public async Task A_verdict_without_an_event_is_checked_like_any_other()
    {
        Job[] jobs = await connection.Commit(InProcess.Decide([], InProcess.Create("checked"), InProcess.Create("sure")));
        await connection.Commit(InProcess.Decide(jobs, InProcess.Delete("checked"), InProcess.Create("new")));

        Batch batch = InProcess.Decide(
            jobs, InProcess.Patch("checked", "{}"), InProcess.Patch("sure", "{}"), InProcess.Patch("new", "{}"),
            InProcess.Patch("none", "{}"));
        Committed committed = await connection.Execute(batch);

        Assert.Empty(batch.Entries);
        Assert.Equal([false, true, false, true], committed.Held);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_name_may_be_deleted_and_created_again_within_one_batch(bool beaten)
    {
        Job[] jobs = await connection.Commit(InProcess.Decide([], InProcess.Create("again")));
        if (beaten)
            await connection.Commit(InProcess.Decide(jobs, InProcess.Label("again", "by", "somebody-else")));

        Batch batch = InProcess.Decide(
            jobs,
            InProcess.Label("again", "life", "first"),
            InProcess.Delete("again"),
            InProcess.Create("again"),
            InProcess.Label("again", "life", "second"),
            InProcess.Delete("again"),
            InProcess.Create("again"),
            InProcess.Label("again", "life", "third"));
        Committed committed = await connection.Execute(batch);

        Assert.Equal(7, batch.Entries.Count);
        Assert.Equal([!beaten], committed.Held);
        Assert.All(committed.Revisions, revision => Assert.Equal(!beaten, revision > 0));
        Assert.Equal(beaten ? 1 : 3, await database.Ask<long>("SELECT count(*) FROM eventstore.mt_doc_current_job"));
        Assert.Equal(2, await database.Events("again"));
        await database.AssertWhole();
    }

    [Fact]
    public async Task A_batch_decided_upon_an_earlier_life_of_the_name_is_refused()
    {
        Job[] first = await connection.Commit(InProcess.Decide([], InProcess.Create("lives")));
        await connection.Commit(InProcess.Decide(first, InProcess.Delete("lives"), InProcess.Create("lives")));

        Committed committed = await connection.Execute(InProcess.Decide(first, InProcess.Label("lives", "by", "us")));

        Assert.Equal([false], committed.Held);
        await database.AssertWhole();
    }

    [Theory]
    [InlineData(IsolationLevel.RepeatableRead)]
    [InlineData(IsolationLevel.Serializable)]
    public async Task At_an_isolation_that_would_read_the_state_before_the_lock_the_function_raises(IsolationLevel level)
    {
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(level);
        PostgresException refusal = await Assert.ThrowsAsync<PostgresException>(
            () => connection.Execute(InProcess.Decide([], InProcess.Create("isolated"))));
        Assert.Contains("must run at READ COMMITTED", refusal.MessageText, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_names_a_revision_is_answered_with_the_number_its_predecessor_in_the_batch_was_given()
    {
        await using CommitLane lane = InProcess.Lane(database.Source);
        await lane.Execute(InProcess.Create("named"));
        Task<Outcome> first, label, delete;
        await using (CommitLock held = await CommitLock.Hold(database))
        {
            first = lane.Execute(InProcess.Create("first"));
            await held.WaitForWaiting(1);
            label = lane.Execute(InProcess.Label("named", "a", "1"));
            delete = lane.Execute((DeleteJob)InProcess.Delete("named") with { ResourceVersion = "2" });
        }

        long labelled = Assert.IsType<Outcome.Done>(await label).Job.Revision;
        var refused = Assert.IsType<Rejection.RevisionPrecondition>(Assert.IsType<Outcome.Refused>(await delete).Why);
        Assert.Equal(labelled.ToString(System.Globalization.CultureInfo.InvariantCulture), refused.Actual);
        Assert.IsType<Outcome.Done>(await first);
    }

    [Fact]
    public void A_dry_run_create_behind_a_delete_shows_no_revision()
    {
        Job living = Job.Evolve(null, ((Decision.Accepted)JobDecider.Decide(null, InProcess.Create("dry"))).Event, 7);
        Batch batch = Batch.Of([InProcess.Delete("dry").Queued(), InProcess.Create("dry").Queued(dryRun: true)], _ => living);

        Batch.Verdict created = batch.ByKey[0].Verdicts[1];
        Assert.Null(created.Entry);
        Assert.Equal(0, created.Job!.Revision);
    }
}
