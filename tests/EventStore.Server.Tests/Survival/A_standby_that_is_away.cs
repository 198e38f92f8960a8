using EventStore.Server.Store.Lane;
using EventStore.Server.Tests.Fixtures;
using Npgsql;

namespace EventStore.Server.Tests.Survival;

/// <summary>A wait for a synchronous standby ends, after a time, with a commit that only the primary has.</summary>
[Trait("Category", "Slow")]
public sealed class A_standby_that_is_away
{
    [Fact]
    public async Task Is_told_to_who_waits_and_what_only_the_primary_has_is_not_called_done()
    {
        await using OwnCluster cluster = await OwnCluster.Start(durable: true);
        await using TestDatabase database = await TestDatabase.Create(cluster.Superuser);
        await using CommitLane lane = InProcess.Lane(database.Source, new LaneLimits { CommitTime = TimeSpan.FromSeconds(5) });
        Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Create("kept")));

        await Set(cluster, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
        var unknown = Assert.IsType<Outcome.Unavailable>(await lane.Execute(InProcess.Label("kept", "a", "b")));
        Assert.Equal((true, "no synchronous standby of the database has confirmed it in time"), (unknown.MayHaveBeenApplied, unknown.Why));

        await Set(cluster, "ALTER SYSTEM RESET synchronous_standby_names");
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

        await Set(cluster, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
        Task<Outcome> patching = lane.Execute(InProcess.Label("kept", "a", "b"));
        while (await cluster.Run("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'") is 0L)
            Assert.False(patching.IsCompleted);
        Assert.True(Assert.IsType<Outcome.Unavailable>(await patching).MayHaveBeenApplied);

        await Set(cluster, "ALTER SYSTEM RESET synchronous_standby_names");
        Assert.Equal(3, Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Label("kept", "a", "d"))).Job.Version);
    }

    private static async Task Set(OwnCluster cluster, string sql)
    {
        await using NpgsqlDataSource superuser = NpgsqlDataSource.Create(cluster.Superuser);
        foreach (string each in (string[])[sql, "SELECT pg_reload_conf()"])
        {
            await using NpgsqlCommand command = superuser.CreateCommand(each);
            await command.ExecuteNonQueryAsync();
        }
    }
}
