using System.Diagnostics;
using System.Text.Json.Nodes;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Watch;

/// <summary>How watches end, and how they must not.</summary>
[Trait("Category", "Slow")]
public sealed class Ends_of_watches : IAsyncLifetime
{
    private const string JobOfTomorrow = """
        INSERT INTO eventstore.mt_events (seq_id, id, stream_id, version, data, type, timestamp)
        SELECT nextval('eventstore.mt_events_sequence'), gen_random_uuid(), stream_id, 2, '{}', 'job_of_tomorrow', now()
          FROM eventstore.mt_events ORDER BY seq_id LIMIT 1
        """;

    private TestDatabase database = null!;

    private static string Patch(string name) => $$$$"""
        INSERT INTO eventstore.mt_events (seq_id, id, stream_id, version, data, type, timestamp, user_name)
        SELECT nextval('eventstore.mt_events_sequence'), gen_random_uuid(), id, 2,
               '{"patch":{"metadata":{"labels":{"a":"b"}}},"replaced":{"metadata":{"labels":{"a":null}}},"paths":["metadata.labels.a"]}', 'job_patched', now(), 'admin'
          FROM eventstore.mt_doc_current_job WHERE name = '{{{{name}}}}'
        """;

    private static (string, string?) Shown(Frame frame) => (frame.Type, (string?)JsonNode.Parse(frame.Object)!["metadata"]?["name"]);

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

    /// <summary>
    /// A release that writes a new kind of event may run beside one that cannot read it. What came before it is delivered, who watches
    /// other jobs goes on, and who watches this one is told to list again: 410 is what clients do that for.
    /// </summary>
    [Fact]
    public async Task An_event_of_an_unknown_kind_ends_the_watches_of_its_job_alone()
    {
        await using ServerProcess server = await ServerProcess.Start(database.Serving);
        await server.Admin.Create("mnist");
        await server.Admin.Create("next");
        await using WatchClient all = await WatchClient.Open(server.Admin, Sample.Jobs());
        await using WatchClient other = await WatchClient.Open(server.Admin, Sample.Jobs(), "fieldSelector=metadata.name%3Dnext");
        await using WatchClient elsewhere = await WatchClient.Open(server.Admin, Sample.Jobs("elsewhere"));
        await using WatchClient history = await WatchClient.Open(
            server.Admin, "/apis/audit.eventstore.io/v1/namespaces/kube-test/pytorchjobrevisions",
            $"resourceVersion={(await server.Admin.Get(Sample.Jobs())).Revision()}");
        await using WatchClient spaces = await WatchClient.Open(server.Admin, "/api/v1/namespaces");
        await using WatchClient otherSpace = await WatchClient.Open(
            server.Admin, "/api/v1/namespaces", "fieldSelector=metadata.name%3Delsewhere");
        await all.Next(2);
        await other.Next(1);
        await spaces.Next(2);

        await database.Execute("BEGIN; " + Patch("next") + "; " + JobOfTomorrow + "; COMMIT"); // read together
        await server.Admin.Create("elsewhere", "elsewhere");

        Assert.Equal([("MODIFIED", "next"), ("ERROR", null)], (await all.ToEnd()).Select(Shown));
        Assert.Equal([("MODIFIED", "next")], (await other.Next(1)).Select(Shown));
        Assert.Equal([("ADDED", "elsewhere")], (await elsewhere.Next(1)).Select(Shown));
        Assert.Equal([("ADDED", "elsewhere")], (await otherSpace.Next(1)).Select(Shown));
        Assert.Equal([("ERROR", null)], (await spaces.ToEnd()).Select(Shown)); // it may be the birth or the end of a job
        List<Frame> revisions = await history.Next(2);
        Assert.Equal(["Patched", "Unknown"], revisions.Select(frame => (string?)JsonNode.Parse(frame.Object)!["verb"]));
        Assert.Equal(
            "job_of_tomorrow", await database.Ask<string>($"SELECT type FROM eventstore.mt_events WHERE seq_id = {revisions[1].Revision}"));
        // Whoever runs the server sees that it passed over one. A scrape is cached for 0.3 s.
        string metrics = await Eventually.Holds(
            () => server.Admin.GetStringAsync("/metrics"), text => text.Contains(
                "eventstore_events_unreadable_total{", StringComparison.Ordinal));
        Assert.Matches(@"(?m)^eventstore_events_unreadable_total\{[^}]*\} 1\b", metrics);
        // The list it is told to make works, and so do writes.
        await using WatchClient again = await WatchClient.Open(server.Admin, Sample.Jobs());
        await again.Next(2);
        await server.Admin.Create("later");
        Assert.Equal([("ADDED", "later")], (await again.Next(1)).Select(Shown));
    }

    [Fact]
    public async Task A_watch_from_before_an_event_of_an_unknown_kind_is_given_what_came_before_it_and_410()
    {
        await using ServerProcess server = await ServerProcess.Start(database.Serving, "--Feed:Backlog=2"); // the past comes from the log
        await server.Admin.Create("mnist");
        await server.Admin.Create("next");
        await database.Execute($"{JobOfTomorrow}; {TestDatabase.MoveHead("(SELECT max(seq_id) FROM eventstore.mt_events)")}");
        await server.Admin.Create("later");
        await server.Admin.Create("last");

        await using WatchClient watch = await WatchClient.Open(server.Admin, Sample.Jobs(), "resourceVersion=1");
        List<Frame> frames = await watch.ToEnd();
        Assert.Equal([("ADDED", "mnist"), ("ADDED", "next"), ("ERROR", null)], frames.Select(Shown));
        Assert.Contains("\"reason\":\"Expired\"", frames[^1].Object, StringComparison.Ordinal);
        Assert.Contains("\"code\":410", frames[^1].Object, StringComparison.Ordinal);
        Assert.Contains(
            "named job_of_tomorrow, cannot be read by this release (job kube-test/mnist)", frames[^1].Object, StringComparison.Ordinal);

        await using WatchClient other = await WatchClient.Open(
            server.Admin, Sample.Jobs(), "resourceVersion=1&fieldSelector=metadata.name!%3Dmnist");
        Assert.Equal([("ADDED", "next"), ("ADDED", "later"), ("ADDED", "last")], (await other.Next(3)).Select(Shown));
    }

    [Theory]
    [InlineData("/apis/kubeflow.org/v1/pytorchjobs")]
    [InlineData("/apis/audit.eventstore.io/v1/pytorchjobrevisions")]
    public async Task A_watch_outlasts_the_time_of_other_requests(string path)
    {
        await using ServerProcess server = await ServerProcess.Start(database.Serving, "--Limits:RequestTime=00:00:02");
        await server.Admin.Get(path); // what a first request compiles takes no time of the watch
        await using WatchClient watch = await WatchClient.Open(
            server.Admin, path, "resourceVersion=1&allowWatchBookmarks=true&timeoutSeconds=4");
        Assert.Equal("BOOKMARK", Assert.Single(await watch.ToEnd()).Type);
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
        Assert.Equal(
            0, await database.Ask<long>("SELECT count(*) FROM pg_locks WHERE relation = 'eventstore.mt_doc_current_job'::regclass"));
        foreach (WatchClient watch in watches)
            await watch.DisposeAsync();
    }
}
