using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Hosts;
using EventStore.Server.Store.Lane;
using EventStore.Server.Tests.Fixtures;
using Npgsql;

namespace EventStore.Server.Tests.Survival;

/// <summary>A wait for a synchronous standby ends, after a time, with a commit that only the primary has.</summary>
[Trait("Category", "Slow")]
public sealed class A_standby_that_is_away
{
    private const string Nothing = """{"metadata":{"labels":{"none":null}}}""";

    [Fact]
    public async Task Is_told_to_who_waits_and_what_only_the_primary_has_is_not_called_done()
    {
        await using OwnCluster cluster = await OwnCluster.Start(durable: true);
        await using TestDatabase database = await TestDatabase.Create(cluster.Superuser);
        await using CommitLane lane = InProcess.Lane(database.Source, new LaneLimits { CommitTime = TimeSpan.FromSeconds(5) });
        Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Create("kept")));

        await Require(cluster, standby: true);
        var unknown = Assert.IsType<Outcome.Unavailable>(await lane.Execute(InProcess.Label("kept", "a", "b")));
        Assert.Equal((true, "no synchronous standby of the database has confirmed it in time"), (unknown.MayHaveBeenApplied, unknown.Why));
        Assert.IsType<Outcome.Unavailable>(await lane.Execute(InProcess.Label("kept", "a", "b"))); // tried again, it would change nothing

        await Require(cluster, standby: false);
        var done = Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Label("kept", "a", "d")));
        Assert.Equal(3, done.Job.Version); // the one before was applied, as it may have been
    }

    [Fact]
    public async Task Is_waited_for_again_when_the_reply_of_the_commit_is_lost()
    {
        await using OwnCluster cluster = await OwnCluster.Start(durable: true);
        await using TestDatabase database = await TestDatabase.Create(cluster.Superuser);
        await using CommitLane lane = InProcess.Lane(database.Source, new LaneLimits { LookUpTime = TimeSpan.FromSeconds(3) });
        Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Create("kept")));

        await Require(cluster, standby: true);
        Task<Outcome> patching = lane.Execute(InProcess.Label("kept", "a", "b"));
        while (await cluster.Run("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'") is 0L)
            Assert.False(patching.IsCompleted);
        Assert.True(Assert.IsType<Outcome.Unavailable>(await patching).MayHaveBeenApplied);

        await Require(cluster, standby: false);
        Assert.Equal(3, Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Label("kept", "a", "d"))).Job.Version);
    }

    [Fact]
    public async Task Is_waited_for_before_an_answer_that_rests_on_what_the_primary_alone_may_have()
    {
        await using OwnCluster cluster = await OwnCluster.Start(durable: true);
        await using TestDatabase database = await TestDatabase.Create(cluster.Superuser);
        await using NpgsqlConnection connection = await database.Source.OpenConnectionAsync();
        Job[] jobs = await connection.Commit(InProcess.Decide([], InProcess.Create("kept"), InProcess.Create("moved")));
        await connection.Commit(InProcess.Decide(jobs, InProcess.Label("moved", "a", "b")));
        await using ServerProcess server = await ServerProcess.Start(database.Serving);
        await Require(cluster, standby: true);

        Batch nothing = InProcess.Decide(jobs, InProcess.Patch("kept", Nothing), InProcess.Label("moved", "a", "c"));
        Assert.Single(nothing.Entries); // of a job that stands no more as it was decided upon
        Task<Committed> committing = connection.Execute(nothing);
        long waits = 0;
        while (!committing.IsCompleted)
            waits += (long)(await cluster.Run("SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"))!;
        Assert.Equal(0, (await committing).Revisions.Single());
        Assert.True(waits > 0, "the commit of nothing did not wait");

        using WholeBatches together = InProcess.Together(database.Source);
        Task<(IReadOnlyList<CommandVerdict> Verdicts, Outcome? Failure)> unchanged = together.ExecuteAll(InProcess.Patch("kept", Nothing));
        Task<HttpResponseMessage> deleting = server.Admin.DeleteAsync(Sample.Jobs("empty"));
        while (!unchanged.IsCompleted || !deleting.IsCompleted)
            await cluster.Run("SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
        Assert.True(Assert.IsType<Outcome.Unavailable>((await unchanged).Failure).MayHaveBeenApplied);
        Assert.Equal(503, (int)(await deleting).StatusCode);

        Primary primary = database.Source;
        primary.LacksStandby = true; // as a server learns that requires one
        await Assert.ThrowsAsync<NotSynchronousException>(() => new StandbyWait(primary).Confirm(TimeSpan.FromSeconds(3), default));
        await using CommitLane lane = InProcess.Lane(primary);
        Assert.Equal(
            "the database has no synchronous standby, which this server requires",
            Assert.IsType<Outcome.Unavailable>(await lane.Execute(InProcess.Label("kept", "a", "b"))).Why);
        await Require(cluster, standby: false);
    }

    /// <summary>
    /// Sets whether commits wait for a standby that is not there. Of the setting PostgreSQL's processes learn one after the other.
    /// </summary>
    private static async Task Require(OwnCluster cluster, bool standby)
    {
        await cluster.Run($"ALTER SYSTEM SET synchronous_standby_names = '{(standby ? "nobody" : "")}'");
        await cluster.Run("SELECT pg_reload_conf()");
        await using var probe = new NpgsqlConnection(cluster.Superuser);
        await probe.OpenAsync();
        bool hasWaited = !standby;
        for (probe.Notice += (_, _) => hasWaited = true; hasWaited != standby;)
        {
            hasWaited = false;
            await using var commit = new NpgsqlCommand("SELECT pg_logical_emit_message(true, 'test', '')", probe);
            Task committing = commit.ExecuteNonQueryAsync();
            while (!committing.IsCompleted)
                await cluster.Run("SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
            await committing;
        }
    }
}
