using System.Text.Json.Nodes;
using EventStore.Server.Tests.Fixtures;
using EventStore.Server.Tests.Watch;

namespace EventStore.Server.Tests.Jobs;

/// <summary>
/// Costs what that job's own history costs, however long the log is. Rows are counted, not milliseconds, and each question is asked often
/// enough for PostgreSQL to settle on a plan for any value.
/// </summary>
[Trait("Category", "Slow")]
public sealed class The_past_of_one_job : IAsyncLifetime
{
    private const int JobsCount = 1_000;
    private const int EventsEach = 40;
    private const int Questions = 12;

    private TestDatabase database = null!;

    public async Task InitializeAsync()
    {
        database = await TestDatabase.Create();
        await ManyJobs.InsertWithHistory(database, JobsCount, EventsEach);
    }

    public async Task DisposeAsync() => await database.DisposeAsync();

    [Fact]
    public async Task Is_read_without_the_log_of_all_others()
    {
        await using ServerProcess server = await ServerProcess.Start(database.Serving);
        for (int i = 1; i <= Questions; i++)
        {
            // As each stood after its third event.
            string query = $"resourceVersion={(3 * JobsCount) + 1}&resourceVersionMatch=Exact";
            JsonNode job = await server.Admin.Get($"{Sample.Job($"job-{i}", ManyJobs.Namespace)}?{query}");
            Assert.Equal("3", (string)job["metadata"]!["labels"]!["n"]!);
        }

        Assert.InRange(await EventsRead(server), Questions * 3, Questions * EventsEach * 6);
    }

    [Fact]
    public async Task Is_watched_without_the_log_of_all_others()
    {
        await using ServerProcess server = await ServerProcess.Start(database.Serving);
        for (int i = 1; i <= Questions; i++)
        {
            await using WatchClient watch = await WatchClient.Open(
                server.Admin, Sample.Jobs(ManyJobs.Namespace), $"fieldSelector=metadata.name%3Djob-{i}&resourceVersion={JobsCount + 1}");
            List<Frame> frames = await watch.Next(EventsEach - 1);
            Assert.All(frames, frame => Assert.Equal("MODIFIED", frame.Type));
            Assert.Contains("\"labels\":{\"n\":\"2\"}", frames[0].Object, StringComparison.Ordinal);
        }

        Assert.InRange(await EventsRead(server), Questions * (EventsEach - 3), Questions * EventsEach * 8);
    }

    /// <summary>How many events the server read. PostgreSQL counts what a session read when the session ends at the latest.</summary>
    private async Task<long> EventsRead(ServerProcess server)
    {
        await server.Stop();
        await Eventually.Equal(0, Sessions, within: TimeSpan.FromSeconds(20));

        // What was read while the test inserted the events is none of it: it went through no index.
        return await database.Ask<long>(
            "SELECT idx_tup_fetch + CASE WHEN seq_scan > 1 THEN seq_tup_read ELSE 0 END FROM pg_stat_user_tables WHERE relid = 'eventstore.mt_events'::regclass");
    }

    private Task<long> Sessions() =>
        database.Ask<long>($"SELECT count(*) FROM pg_stat_activity WHERE usename = '{database.ServingRoleName}'");
}
