using System.Globalization;
using EventStore.Domain.Jobs;
using EventStore.Server.Store.Lane;
using EventStore.Server.Tests.Fixtures;
using EventStore.Server.Tests.Watch;
using Npgsql;

namespace EventStore.Server.Tests.Survival;

/// <summary>A clock goes back, PostgreSQL's or a server's: times never run against revisions.</summary>
[Trait("Category", "Slow")]
public sealed class A_clock_stepped_back
{
    private static readonly string? FakeTime = Directory.Exists("/usr/lib")
        ? Directory.EnumerateFiles("/usr/lib", "libfaketimeMT.so.1",
            new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true }).FirstOrDefault()
        : null;

    [SkippableFact]
    public async Task Of_PostgreSQL_does_not_turn_time_against_revisions()
    {
        Skip.If(
            FakeTime is null && Environment.GetEnvironmentVariable("CI") is null,
            "there is no libfaketime (Debian: apt-get install libfaketime)");
        string offset = Path.Combine(Path.GetTempPath(), $"clock-{Guid.NewGuid():N}"); // PostgreSQL's account reads it too
        await File.WriteAllTextAsync(offset, "+0");
        await using OwnCluster cluster = await OwnCluster.Start(
            false, ("CLUSTER_PRELOAD", FakeTime!), ("FAKETIME_TIMESTAMP_FILE", offset), ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"));
        await using TestDatabase database = await TestDatabase.Create(cluster.Superuser);
        await using ServerProcess server = await ServerProcess.Start(database.Serving);
        await server.Admin.Create("before");
        var now = await database.Ask<DateTime>("SELECT clock_timestamp()");

        await File.WriteAllTextAsync(offset, "-3600");
        Assert.True(
            await database.Ask<DateTime>("SELECT clock_timestamp()") < now.AddMinutes(-30),
            "the clock did not step back, so nothing is shown");
        await server.Admin.Create("after");
        await (await server.Admin.Patch(Sample.Job("before"), """{"metadata":{"labels":{"a":"b"}}}""")).Manifest();

        await AssertInOrder(database, 3);
        await File.WriteAllTextAsync(offset, "+10");
        await server.Admin.Create("later");
        await AssertInOrder(database, 4);
        Assert.True(await database.Ask<bool>("SELECT max(timestamp) > min(timestamp) + interval '5 s' FROM eventstore.mt_events"));
        File.Delete(offset);
    }

    [SkippableFact]
    public async Task Of_a_server_keeps_no_bookmark_away()
    {
        Skip.If(
            FakeTime is null && Environment.GetEnvironmentVariable("CI") is null,
            "there is no libfaketime (Debian: apt-get install libfaketime)");
        string offset = Path.Combine(Path.GetTempPath(), $"clock-{Guid.NewGuid():N}");
        await File.WriteAllTextAsync(offset, "+0");
        await using TestDatabase database = await TestDatabase.Create();
        await using ServerProcess server = await ServerProcess.Start(
            database.Serving,
            [("LD_PRELOAD", FakeTime!), ("FAKETIME_TIMESTAMP_FILE", offset), ("FAKETIME_NO_CACHE", "1"),
                ("FAKETIME_DONT_FAKE_MONOTONIC", "1")],
            "--Feed:BookmarkEvery=00:00:00.3");
        await using WatchClient watch = await WatchClient.Open(server.Admin, Sample.Jobs(), "allowWatchBookmarks=true&resourceVersion=1");
        await server.Admin.Create("before");
        await Until(watch, "ADDED");
        await Until(watch, "BOOKMARK");

        await File.WriteAllTextAsync(offset, "-3600");
        string created = (string)(await server.Admin.Create("after"))["metadata"]!["creationTimestamp"]!;
        Assert.True(
            DateTimeOffset.Parse(created, CultureInfo.InvariantCulture) < DateTimeOffset.UtcNow.AddMinutes(-30),
            "the clock did not step back, so nothing is shown");

        await Until(watch, "ADDED");
        await Until(watch, "BOOKMARK"); // or nothing would come for an hour
        File.Delete(offset);
    }

    /// <summary>The same without the library: a clock an hour behind the last event looks like this.</summary>
    [Fact]
    public async Task Behind_the_last_event_holds_time_where_it_is()
    {
        await using TestDatabase database = await TestDatabase.Create();
        await using ServerProcess server = await ServerProcess.Start(database.Serving);
        await server.Admin.Create("before");
        await database.Execute("UPDATE eventstore.head SET time = time + interval '1 hour'");
        var held = await database.Ask<DateTime>("SELECT time FROM eventstore.head");
        await server.Admin.Create("after");
        await server.Admin.Create("another");
        Assert.Equal(2, await database.Ask<long>($"SELECT count(*) FROM eventstore.mt_events WHERE timestamp = '{held:O}'"));
        await AssertInOrder(database, 3);
    }

    /// <summary>What a server's own clock says fills creationTimestamp and nothing else.</summary>
    [Fact]
    public async Task Of_a_server_shows_in_what_it_fills_and_nowhere_else()
    {
        await using TestDatabase database = await TestDatabase.Create();
        await using CommitLane lane = InProcess.Lane(database.Source);
        foreach ((string name, int hours) in ((string, int)[])[("now", 0), ("earlier", -1), ("later", 1)])
        {
            var create = (CreateJob)InProcess.Create(name);
            Assert.IsType<Outcome.Done>(await lane.Execute(create with { Time = create.Time.AddHours(hours) }));
        }

        Assert.Equal(
            ["2026-01-02T03:04:05Z", "2026-01-02T02:04:05Z", "2026-01-02T04:04:05Z"],
            await database.Ask<string[]>(
                "SELECT array_agg(data #>> '{manifest,metadata,creationTimestamp}' ORDER BY seq_id) FROM eventstore.mt_events"));
        await AssertInOrder(database, 3);
    }

    private static async Task Until(WatchClient watch, string type)
    {
        while (await watch.Next() is { } frame && frame.Type != type)
            Assert.NotEqual("ERROR", frame.Type);
    }

    private static async Task AssertInOrder(TestDatabase database, long events)
    {
        NpgsqlDataSource owner = database.OwnerSource;
        await using NpgsqlCommand command = owner.CreateCommand("""
            SELECT count(*), count(*) FILTER (WHERE timestamp < before)
              FROM (SELECT timestamp, lag(timestamp) OVER (ORDER BY seq_id) AS before FROM eventstore.mt_events) e
            """);
        await using (NpgsqlDataReader reader = await command.ExecuteReaderAsync())
        {
            await reader.ReadAsync();
            Assert.Equal((events, 0L), (reader.GetInt64(0), reader.GetInt64(1)));
        }

        await database.AssertWhole();
    }
}
