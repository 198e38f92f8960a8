using EventStore.Domain.Jobs;
using EventStore.Server.Store.Feed;
using EventStore.Server.Store.Hosts;
using EventStore.Server.Tests.Fixtures;
using Npgsql;

namespace EventStore.Server.Tests.Survival;

/// <summary>
/// One backup restored twice: each copy begins the same epoch, as far as either can know. What was given out by the first is given out by
/// none again, and a server that knew the first sees what it lost.
/// </summary>
[Trait("Category", "Slow")]
public sealed class Backups_restored_twice
{
    [Fact]
    public async Task Give_out_no_revision_twice()
    {
        await using OwnCluster cluster = await OwnCluster.Start();
        TestDatabase database = await TestDatabase.Create(cluster.Superuser);
        await using (NpgsqlConnection connection = await database.Source.OpenConnectionAsync())
            await connection.Commit(InProcess.Decide([], InProcess.Create("kept")));
        foreach (NpgsqlDataSource pool in (NpgsqlDataSource[])[database.Source, database.OwnerSource])
            await pool.DisposeAsync();
        string name = new NpgsqlConnectionStringBuilder(database.Owner).Database!;
        await cluster.Run($"SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE datname = '{name}'");
        foreach (string copy in (string[])["one", "two"])
            await cluster.Run($"CREATE DATABASE {copy} TEMPLATE {name}");
        await using NpgsqlConnection one = await Open(database, "one");
        await using NpgsqlConnection two = await Open(database, "two");

        var server = new Epochs();
        await server.Check(one);
        Job[] lost = await one.Commit(InProcess.Decide([], InProcess.Create("a"), InProcess.Create("b"), InProcess.Create("c")));
        await server.Check(one);
        Assert.Equal(lost[^1].Revision, server.Seen);

        using JobFeed feed = InProcess.Feed(database.Source, new FeedLimits(), out _);
        var fanout = new Fanout(server, new FeedLimits());
        using var watch = new FeedSubscription(feed);
        fanout.Add(watch);
        Assert.True(fanout.Join(watch, lost[^1].Revision, lost[^1].Revision));

        var another = new Epochs();
        await another.Check(two);
        Job[] given = await two.Commit(InProcess.Decide([], "defgh".Select(each => InProcess.Create(each.ToString()))));
        Assert.Equal(server.Last, another.Last);
        Assert.Empty(lost.Select(job => job.Revision).Intersect(given.Select(job => job.Revision)));

        await server.Check(two);
        Assert.All(lost, job => Assert.NotNull(server.Lacking(job.Revision)));
        Assert.All(given, job => Assert.Null(server.Lacking(job.Revision)));
        Assert.Equal(given[^1].Revision, server.Seen);
        Assert.True(fanout.ForgetLost());
        Assert.NotNull(watch.LostWith);
    }

    private static async Task<NpgsqlConnection> Open(TestDatabase database, string name)
    {
        var opened = new NpgsqlConnection(
            new NpgsqlConnectionStringBuilder(database.Serving) { Database = name, Pooling = false }.ConnectionString);
        await opened.OpenAsync();
        return opened;
    }
}
