using System.Diagnostics;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Watch;

/// <summary>How watches end, and how they must not.</summary>
public sealed class Ends : IAsyncLifetime
{
    private const string JobOfTomorrow = """
        INSERT INTO eventstore.mt_events (seq_id, id, stream_id, version, data, type, timestamp)
        SELECT nextval('eventstore.mt_events_sequence'), gen_random_uuid(), stream_id, 2, '{}', 'job_of_tomorrow', now()
          FROM eventstore.mt_events ORDER BY seq_id LIMIT 1
        """;

    private TestDatabase database = null!;

    public async Task InitializeAsync() => database = await TestDatabase.Create();

    public async Task DisposeAsync() => await database.DisposeAsync();

    [Fact]
    public async Task A_server_that_stops_ends_its_watches_with_a_bookmark()
    {
        await using ServerProcess server = await ServerProcess.Start(database.Serving);
        await using WatchClient watch = await WatchClient.Open(server.Admin, Sample.Jobs(), "allowWatchBookmarks=true");
        await using WatchClient silent = await WatchClient.Open(server.Admin, Sample.Jobs());
        string revision = (await server.Admin.Create("mnist")).Revision();
        Assert.Equal("ADDED", (await watch.Next(1))[0].Type);
        Assert.Equal("ADDED", (await silent.Next(1))[0].Type);

        long started = Stopwatch.GetTimestamp();
        Task stopping = server.Stop();

        Assert.Equal([("BOOKMARK", revision)], (await watch.ToEnd()).Select(frame => (frame.Type, $"{frame.Revision}")));
        Assert.Empty(await silent.ToEnd());
        await stopping;
        Assert.True(Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(10), "it took as long as if nobody had told the watches");
    }

    /// <summary>
    /// A bookmark in the middle of the beginning would tell the client to go on behind jobs it has never been shown.
    /// </summary>
    [Fact]
    public async Task A_beginning_that_takes_too_long_ends_without_a_bookmark()
    {
        await using ServerProcess server = await ServerProcess.Start(database.Serving);
        await server.Admin.Create("mnist");
        await using Npgsql.NpgsqlConnection locking = await database.OwnerSource.OpenConnectionAsync();
        await using Npgsql.NpgsqlTransaction transaction = await locking.BeginTransactionAsync();
        await using (var command = new Npgsql.NpgsqlCommand("LOCK TABLE eventstore.mt_doc_current_job", locking))
            await command.ExecuteNonQueryAsync();

        await using WatchClient watch = await WatchClient.Open(server.Admin, Sample.Jobs(), "allowWatchBookmarks=true&timeoutSeconds=1");

        Assert.Empty(await watch.ToEnd());
    }

    /// <summary>A release that writes a new kind of event may run beside one that cannot read it: the old one's writes must go on.</summary>
    [Fact]
    public async Task An_event_of_an_unknown_kind_ends_the_watches_and_not_the_server()
    {
        await using ServerProcess server = await ServerProcess.Start(database.Serving);
        await server.Admin.Create("mnist");
        await using WatchClient watch = await WatchClient.Open(server.Admin, Sample.Jobs());
        await watch.Next(1);
        await server.Admin.Create("next");
        await watch.Next(1);

        await database.Execute(JobOfTomorrow);

        await Assert.ThrowsAnyAsync<IOException>(() => watch.Next());
        using HttpResponseMessage answer = await server.Admin.Patch(Sample.Job("next"), """{"metadata":{"labels":{"a":"b"}}}""");
        await answer.Manifest();
    }

    [Fact]
    public async Task A_watch_that_cannot_go_on_says_so_in_its_last_frame()
    {
        await using ServerProcess server = await ServerProcess.Start(database.Serving, "--Feed:Backlog=2"); // the past comes from the log
        await server.Admin.Create("mnist");
        await server.Admin.Create("next");
        await database.Execute($"{JobOfTomorrow}; {TestDatabase.MoveHead("(SELECT max(seq_id) FROM eventstore.mt_events)")}");

        await using WatchClient watch = await WatchClient.Open(server.Admin, Sample.Jobs(), "resourceVersion=1");

        Frame last = (await watch.ToEnd())[^1];
        Assert.Equal("ERROR", last.Type);
        Assert.StartsWith("""{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Internal error occurred: request """, last.Object, StringComparison.Ordinal);
        Assert.Contains("\"code\":500", last.Object, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Watchers_hold_no_connections()
    {
        await using ServerProcess server = await ServerProcess.Start(database.Serving);
        var watches = new List<WatchClient>();
        for (int i = 0; i < 60; i++) // three times as many as the pool of the tests' servers has connections
            watches.Add(await WatchClient.Open(server.Admin, Sample.Jobs(), i % 2 == 0 ? "" : "resourceVersion=1"));
        await server.Admin.Create("mnist");
        foreach (WatchClient watch in watches)
            Assert.Equal("ADDED", (await watch.Next(1))[0].Type);
        // A transaction would still have its locks.
        Assert.Equal(0, await database.Ask<long>("SELECT count(*) FROM pg_locks WHERE relation = 'eventstore.mt_doc_current_job'::regclass"));
        foreach (WatchClient watch in watches)
            await watch.DisposeAsync();
    }
}
