using System.Diagnostics;
using System.Text.Json.Nodes;
using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.History;
using EventStore.Server.Store.Hosts;
using EventStore.Server.Store.Lane;
using EventStore.Server.Store.Reads;
using EventStore.Server.Tests.Fixtures;
using Npgsql;

namespace EventStore.Server.Tests.Survival;

/// <summary>Who answers a read that a standby may answer, and what becomes of it when the standby fails.</summary>
[Trait("Category", "Slow")]
public sealed class Reads_of_standbys(PrimaryAndStandby clusters) : IClassFixture<PrimaryAndStandby>, IAsyncLifetime
{
    private const int Host = 1;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private TestDatabase database = null!;
    private TestDatabase replica = null!;
    private Primary primary = null!;
    private Standbys standbys = null!;
    private CommitLane lane = null!;

    public async Task InitializeAsync()
    {
        database = await TestDatabase.Create(clusters.Primary.Superuser);
        replica = database.At(clusters.Standby.Superuser);
        primary = database.Source;
        lane = InProcess.Lane(primary);
        standbys = Known(primary, replica);
        standbys.Note(Host, isStandby: true);
    }

    public async Task DisposeAsync()
    {
        await lane.DisposeAsync();
        await standbys.DisposeAsync();
        await replica.Source.DisposeAsync();
        await replica.OwnerSource.DisposeAsync();
        await database.DisposeAsync();
    }

    [Fact]
    public async Task Are_answered_by_a_standby_once_it_has_replayed_the_revision_and_by_the_primary_until_then()
    {
        long first = await Written(InProcess.Create("kept"));
        await Eventually.Holds(() => IsOfStandby(first));
        await Replay(paused: true);
        long second = await Written(InProcess.Label("kept", "a", "b"));
        for (var asked = Stopwatch.StartNew(); asked.Elapsed < TimeSpan.FromSeconds(3);)
            Assert.False(await IsOfStandby(second)); // those that wait, and those that do so no more
        await Eventually.Holds(() => IsOfStandby(first));
        Assert.Null(await Label("kept", first, "a"));
        Assert.Equal("b", await Label("kept", second, "a"));
        await Replay(paused: false);
        await Eventually.Holds(() => IsOfStandby(second));
        Assert.Equal("b", await Label("kept", second, "a"));
    }

    /// <summary>A GET with a resourceVersion asks for no more than that: the primary is not asked at all.</summary>
    [Fact]
    public async Task Of_one_job_not_older_than_a_revision_are_answered_by_a_standby_that_has_it()
    {
        long first = await Written(InProcess.Create("kept"));
        await Eventually.Holds(async () => await OnStandby(0) == first);
        await Replay(paused: true);
        long second = await Written(InProcess.Label("kept", "a", "b"));
        Assert.Equal(second, await new JobReads(standbys).Head(default)); // from which it has seen it
        await Eventually.Holds(async () => await OnStandby(first) == first);
        for (var asked = Stopwatch.StartNew(); asked.Elapsed < TimeSpan.FromSeconds(3);)
            Assert.Equal((null, null), (await OnStandby(second), await OnStandby(0)));
        await Eventually.Holds(async () => await OnStandby(first) == first);
        Assert.Null(await OnStandby(second + 1_000)); // that is not waited for
        Assert.Equal(first, await OnStandby(first));
        await Replay(paused: false);
        await Eventually.Holds(async () => await OnStandby(second) == second);
        Assert.Equal((second, second), (await OnStandby(first), await OnStandby(0)));
        Assert.Null(await new JobReads(standbys).TryGetOnStandby(new JobKey(InProcess.Namespace, "none"), first, default));

        async Task<long?> OnStandby(long revision) =>
            (await new JobReads(standbys).TryGetOnStandby(new JobKey(InProcess.Namespace, "kept"), revision, default))?.Revision;
    }

    /// <summary>
    /// It has the revision, and not the epoch that has begun behind it: what else it has may be of a history that was left.
    /// </summary>
    [Fact]
    public async Task Are_not_answered_by_a_standby_of_another_epoch()
    {
        long first = await Written(InProcess.Create("kept"));
        await Eventually.Holds(() => IsOfStandby(first));
        await Replay(paused: true);
        await database.Execute("SELECT eventstore.epoch_add_1()");
        await new JobReads(standbys).Head(default); // which learns of it
        for (var asked = Stopwatch.StartNew(); asked.Elapsed < TimeSpan.FromSeconds(3);)
            Assert.False(await IsOfStandby(first));
        await Replay(paused: false);
        await Eventually.Holds(() => IsOfStandby(first));
    }

    [Fact]
    public async Task Are_repeated_on_the_primary_where_replay_cancels_them()
    {
        long first = await Written(InProcess.Create("kept"));
        await Eventually.Holds(() => IsOfStandby(first));
        List<bool> asked = [];
        Task<object?> reading = standbys.Read(first, async connection =>
        {
            bool isStandby = await IsStandby(connection);
            asked.Add(isStandby);
            return await connection.Ask(isStandby ? "SELECT pg_sleep(300) FROM eventstore.head" : "SELECT 'done'", default);
        }, default);
        for (int i = 0; !reading.IsCompleted; i++)
        {
            await Written(InProcess.Label("kept", "a", $"{i}")); // each leaves a dead row of the head
            await database.Execute("VACUUM eventstore.head");
        }

        Assert.Equal("done", await reading);
        Assert.Equal([true, false], asked);
    }

    [Fact]
    public async Task Go_on_at_the_primary_where_the_snapshot_of_a_list_is_taken_away()
    {
        const int Jobs = 400; // several pieces
        for (int i = 0; i < Jobs; i++)
            await Written(InProcess.Create($"job-{i:000}"));
        long head = await Written(InProcess.Label("job-000", "a", "b"));
        await Eventually.Holds(() => IsOfStandby(head));
        var reads = new JobReads(standbys);
        await using ListTransaction list = await reads.BeginShownList(isAny: false, default);
        Assert.Equal((head, 1L), (list.Head, await Sessions("state = 'idle in transaction'")));
        List<string> names = [];
        await foreach (StoredJobOf job in Read(list, head))
        {
            names.Add(job.Name);
            Assert.Equal(job.Name == "job-000" ? "b" : null, job.Label);
            if (names.Count != 10)
                continue;
            for (int i = 0; i < Jobs; i++)
                await Written(i % 3 == 0 ? InProcess.Delete($"job-{i:000}") : InProcess.Label($"job-{i:000}", "a", "later"));
            for (; await Sessions("state LIKE 'idle in transaction%'") > 0; await Written(
                InProcess.Label("job-001", "b", $"{Guid.NewGuid()}")))
                await database.Execute("VACUUM eventstore.mt_doc_current_job, eventstore.head");
        }

        Assert.Equal(Enumerable.Range(0, Jobs).Select(i => $"job-{i:000}"), names);
        Assert.Equal(Jobs, await list.Count(new JobRange(), head, default));
    }

    [Fact]
    public async Task Are_given_up_where_a_standby_hangs_and_answered_by_the_primary()
    {
        long first = await Written(InProcess.Create("kept"));
        await Eventually.Holds(() => IsOfStandby(first));
        var begun = new TaskCompletionSource();
        List<bool> asked = [];
        Task<bool> reading = standbys.Read(first, async connection =>
        {
            asked.Add(await IsStandby(connection));
            begun.TrySetResult();
            return (bool)(await connection.Ask(asked[^1] ? "SELECT pg_sleep(300) IS NULL" : "SELECT true", default))!;
        }, default);
        await begun.Task.WaitAsync(Patience);
        await clusters.Standby.Freeze();
        try
        {
            Assert.False(await IsOfStandby(first).WaitAsync(Patience)); // nobody knows yet that it hangs
            Assert.False(reading.IsCompleted);
            standbys.Note(Host, isStandby: false);
            Assert.True(await reading.WaitAsync(Patience));
            Assert.Equal([true, false], asked);
            Assert.False(await IsOfStandby(first).WaitAsync(Patience));
        }
        finally
        {
            await clusters.Standby.Thaw();
        }

        standbys.Note(Host, isStandby: true);
        await Eventually.Holds(() => IsOfStandby(first));
    }

    /// <summary>
    /// What was given up may still be answered: while the primary is being connected to, and by the host that is promoted.
    /// </summary>
    [Fact]
    public async Task Miss_nothing_that_a_standby_answers_after_it_was_given_up()
    {
        const int Events = 300; // the first piece has 128
        long first = await Written(InProcess.Create("kept"));
        for (int i = 1; i < Events; i++)
            await Written(InProcess.Label("kept", "a", $"{i}"));
        var builder = new NpgsqlDataSourceBuilder(new NpgsqlConnectionStringBuilder(database.Serving) { Pooling = false }.ConnectionString);
        Task open = Task.CompletedTask;
        builder.UsePhysicalConnectionInitializer(
            _ => throw new InvalidOperationException("it is opened asynchronously"), async _ => await open);
        await using Primary slow = builder.Build();
        await using Standbys both = Known(slow, replica);
        both.Note(Host, isStandby: true);
        long head = await new JobReads(both).Head(default);
        await Eventually.Holds(() => both.Read(head, IsStandby, default));

        List<long> read = [];
        var opened = new TaskCompletionSource();
        await foreach (RevisionStep step in new RevisionReads(both).List(new RevisionQuery { Last = head }, Events, default))
        {
            read.Add(step.Bound);
            if (read.Count != 128)
                continue;
            await clusters.Standby.Freeze(); // the next piece is asked for in vain
            open = opened.Task;
            _ = GoOn();
        }

        Assert.Equal(Enumerable.Range(0, Events).Select(i => head - i), read);
        Assert.Equal(first, read[^1]);

        async Task GoOn()
        {
            await Eventually.Holds(clusters.Standby.HasUnread, "it is being asked");
            both.Note(Host, isStandby: false);
            await clusters.Standby.Thaw();
            await Eventually.Equal(0, () => Sessions("state <> 'idle'"));
            opened.SetResult();
        }
    }

    /// <summary>A synchronous standby shows a commit that still waits for another one: a GET on the primary does not show it yet.</summary>
    [Fact]
    public async Task Show_no_change_in_a_list_that_the_primary_does_not_show_yet()
    {
        long head = await Written(InProcess.Create("kept"));
        await Eventually.Holds(() => IsOfStandby(head));
        await clusters.Primary.Run("ALTER SYSTEM SET synchronous_standby_names = 'FIRST 2 (*)'");
        await clusters.Primary.Run("SELECT pg_reload_conf()");
        Task<Outcome> waiting = Task.FromResult<Outcome>(null!);
        try
        {
            // Of the setting PostgreSQL's processes learn one after the other.
            for (int i = 0; waiting.IsCompleted; i++)
            {
                head = await database.Ask<long>("SELECT revision FROM eventstore.head");
                waiting = lane.Execute(InProcess.Label("kept", "a", $"{i}"));
                await Eventually.Holds(
                    async () => waiting.IsCompleted || await replica.Ask<long>("SELECT revision FROM eventstore.head") > head);
                await Eventually.Holds(async () => waiting.IsCompleted
                    || await clusters.Primary.Run("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep')") is true);
            }

            var asked = Stopwatch.StartNew();
            for (int i = 0; asked.Elapsed < TimeSpan.FromSeconds(3); i++)
            {
                await using ListTransaction list = await new JobReads(standbys).BeginShownList(isAny: i % 2 == 0, default);
                Assert.Equal(head, list.Head);
                Assert.Null(await new JobReads(standbys).TryGetOnStandby(new JobKey(InProcess.Namespace, "kept"), head, default));
            }

            Assert.False(waiting.IsCompleted);
        }
        finally
        {
            await clusters.Primary.Run("ALTER SYSTEM RESET synchronous_standby_names");
            await clusters.Primary.Run("SELECT pg_reload_conf()");
        }

        Assert.IsType<Outcome.Done>(await waiting.WaitAsync(Patience));
    }

    private sealed record StoredJobOf(string Name, string? Label);

    private static async IAsyncEnumerable<StoredJobOf> Read(ListTransaction list, long revision)
    {
        await foreach (var job in list.List(new JobRange(), revision, default))
        {
            JsonNode read = JsonNode.Parse(job.Utf8.Span)!;
            yield return new StoredJobOf(job.Key.Name, (string?)read["metadata"]!["labels"]!["a"]);
        }
    }

    private async Task<long> Written(JobCommand command) => Assert.IsType<Outcome.Done>(await lane.Execute(command)).Job.Revision;

    private async Task<string?> Label(string name, long revision, string label)
    {
        (Job job, DateTimeOffset time) =
            (await new JobReads(standbys).JobShownAt(new JobKey(InProcess.Namespace, name), revision, default))!.Value;
        return (string?)JsonNode.Parse(StoredJob.Of(job, time).Utf8.Span)!["metadata"]!["labels"]![label];
    }

    private static Standbys Known(Primary primary, TestDatabase replica) =>
        new(primary, () => throw new InvalidOperationException("it is the primary"), () => NpgsqlDataSource.Create(replica.Serving));

    private Task<bool> IsOfStandby(long revision) => standbys.Read(revision, IsStandby, default);

    private static async Task<bool> IsStandby(NpgsqlConnection connection) =>
        (bool)(await connection.Ask("SELECT pg_is_in_recovery()", default))!;

    private async Task<long> Sessions(string condition) => (long)(await clusters.Standby.Run(
        $"SELECT count(*) FROM pg_stat_activity WHERE usename = '{database.ServingRoleName}' AND {condition}"))!;

    private async Task Replay(bool paused)
    {
        await clusters.Standby.Run(paused ? "SELECT pg_wal_replay_pause()" : "SELECT pg_wal_replay_resume()");
        await Eventually.Holds(() => clusters.Standby.Run("SELECT pg_get_wal_replay_pause_state()"), state => state is "paused" == paused);
    }
}
