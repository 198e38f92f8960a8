using System.Text;
using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using EventStore.Server.Store.Activities;
using EventStore.Server.Store.Lane;
using EventStore.Server.Store.Proof;
using EventStore.Server.Tests.Fixtures;
using JasperFx.Events.Projections;
using Marten;
using Marten.Events.Daemon;
using Marten.Storage;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace EventStore.Server.Tests.Store;

/// <summary>
/// Activity is counted by Marten's daemon, as the serving role, from what the lane wrote. Two ways to count it are held against each other:
/// the daemon's, page by page, and one statement over the whole log.
/// </summary>
public sealed class Counted_activity : IAsyncLifetime
{
    private TestDatabase database = null!;
    private DocumentStore marten = null!;

    public async Task InitializeAsync()
    {
        database = await TestDatabase.Create();
        marten = ActivityStore.Open(database.Source);
    }

    public async Task DisposeAsync()
    {
        await marten.DisposeAsync();
        await database.DisposeAsync();
    }

    [Fact]
    public async Task What_the_daemon_counts_page_by_page_is_what_the_log_gives_at_once()
    {
        await RandomHistory.Write(database.Source, seed: 3, jobs: 30, events: 500);
        await Count();
        long events = await database.Ask<long>("SELECT count(*) FROM eventstore.mt_events");
        await RandomHistory.Write(database.Source, seed: 4, jobs: 30, events: 500);
        await Count();
        Assert.Equal(await database.Ask<long>("SELECT count(*) FROM eventstore.mt_events"), await Total());
        Assert.True(await Total() > events && events >= 500);
        Assert.Empty(await Differences());

        string counted = await Content();
        await using NpgsqlConnection owner = await database.OwnerSource.OpenConnectionAsync();
        await ActivityOfLog.Rebuild(owner, default);
        Assert.Equal(counted, await Content());
    }

    [Fact]
    public async Task A_status_that_was_restored_or_applied_is_that_of_the_job()
    {
        const string running = """{"conditions":[{"status":"True","type":"Running"}]}""";
        const string done = """{"completionTime":"2026-01-02T00:00:00Z","conditions":[{"status":"True","type":"Succeeded"}]}""";
        await using (var lane = InProcess.Lane(database.Source))
        {
            foreach (string name in (string[])["applied", "emptied", "restored", "written"])
                Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Create(name)));
            var past = await lane.Execute(InProcess.PatchStatus("written", $$"""{"status":{{done}}}""")) as Outcome.Done;
            await lane.Execute(InProcess.Delete("restored"));
            JobKey restored = past!.Job.Key with { Name = "restored" };
            Assert.IsType<Outcome.Done>(await lane.Execute(
                new RestoreJob(restored, DateTimeOffset.UtcNow, InProcess.Origin, past.Job, Guid.NewGuid()) { WithStatus = true }));
            await Apply(lane, "applied", running);
            await Apply(lane, "emptied", done);
            await Count();
            await Apply(lane, "applied", done);
            await Apply(lane, "emptied", "{}");
            await Count();
        }

        Assert.Equal(
            """
            applied Succeeded 2026-01-02T00:00:00Z
            emptied
            restored
            restored Succeeded 2026-01-02T00:00:00Z
            written Succeeded 2026-01-02T00:00:00Z
            """,
            await database.Ask<string>("""
                SELECT string_agg(line, E'\n' ORDER BY line)
                  FROM (SELECT concat_ws(' ', name, data->>'state', data->>'completed') AS line FROM eventstore.mt_doc_job_activity) lines
                """));
        List<Finding> findings = [];
        await Verification.Run(database.Source, null, findings.Add, (_, _) => { }, default);
        Assert.Empty(findings);
        string counted = await Content();
        await using NpgsqlConnection owner = await database.OwnerSource.OpenConnectionAsync();
        await ActivityOfLog.Rebuild(owner, default);
        Assert.Equal(counted, await Content());
    }

    [Fact]
    public async Task A_gap_in_the_numbers_holds_nobody_up()
    {
        await RandomHistory.Write(database.Source, seed: 5, jobs: 5, events: 20);
        await Count();
        await database.Execute(
            "SELECT setval('eventstore.mt_events_sequence', (SELECT last_value + 1000 FROM eventstore.mt_events_sequence))");
        await using (var lane = InProcess.Lane(database.Source))
            Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Create("behind-the-gap")));
        await Count();
        Assert.Empty(await Differences());
        Assert.Equal(1L, await database.Ask<long>("SELECT count(*) FROM eventstore.mt_doc_job_activity WHERE name = 'behind-the-gap'"));
        Assert.True(await new HeadDetector(database.Source).Detect(default) is { CurrentMark: var mark, HighestSequence: var highest }
            && mark == highest && mark > 1000);
    }

    [Theory]
    [InlineData("UPDATE eventstore.mt_doc_activity SET data = jsonb_set(data, '{count}', '7777')", "has 7777")]
    [InlineData("DELETE FROM eventstore.mt_doc_activity WHERE field = ''", "has 0")]
    [InlineData("UPDATE eventstore.mt_doc_job_activity SET data = jsonb_set(data, '{changes}', '7777')", "the line of its activity is not what the events give")]
    [InlineData("DELETE FROM eventstore.mt_doc_job_activity", "the line of its activity is not what the events give")]
    public async Task A_wrong_count_is_found_by_verify_and_mended_by_rebuild(string tampering, string found)
    {
        await RandomHistory.Write(database.Source, seed: 6, jobs: 10, events: 50);
        await Count();
        await database.Execute(tampering);
        List<Finding> findings = [];
        await Verification.Run(database.Source, null, findings.Add, (_, _) => { }, default);
        Assert.NotEmpty(findings);
        Assert.All(findings, finding => Assert.Contains(found, finding.What, StringComparison.Ordinal));
        await using NpgsqlConnection owner = await database.OwnerSource.OpenConnectionAsync();
        await ActivityOfLog.Rebuild(owner, default);
        Assert.Empty(await Differences());
    }

    [Fact]
    public async Task Two_that_count_at_once_and_a_rebuild_between_them_count_nothing_twice()
    {
        await RandomHistory.Write(database.Source, seed: 7, jobs: 10, events: 100);
        await Count();
        await RandomHistory.Write(database.Source, seed: 8, jobs: 10, events: 100);
        await using NpgsqlConnection owner = await database.OwnerSource.OpenConnectionAsync();
        using (ProjectionDaemon one = Daemon(), other = Daemon())
        {
            await Task.WhenAll(one.StartAllAsync(), other.StartAllAsync(), ActivityOfLog.Rebuild(owner, default));
            await RandomHistory.Write(database.Source, seed: 9, jobs: 10, events: 100);
            await Task.WhenAll(one.StopAllAsync(), other.StopAllAsync());
        }

        await Count(); // one that was refused goes on from the progress of the others
        Assert.Empty(await Differences());
    }

    private static async Task Apply(CommitLane lane, string name, string status)
    {
        var configuration = (JsonObject)JsonReading.Parse(Encoding.UTF8.GetBytes(
            $$"""{"apiVersion":"kubeflow.org/v1","kind":"PyTorchJob","metadata":{"name":"{{name}}"},"status":{{status}}}"""));
        Assert.IsType<Outcome.Done>(await lane.Execute(new ApplyJob(
            new JobKey(InProcess.Namespace, name), DateTimeOffset.UtcNow, InProcess.Origin, configuration, Force: true, Guid.NewGuid())
        {
            Profile = Profile.Kubeflow,
            Manager = "operator",
            OfStatus = true,
        }));
    }

    private ProjectionDaemon Daemon() =>
        new(marten, (MartenDatabase)marten.Storage.Database, NullLogger.Instance, new HeadDetector(database.Source));

    /// <summary>Lets Marten's daemon count everything there is.</summary>
    private async Task Count()
    {
        using ProjectionDaemon daemon = Daemon();
        await daemon.StartAllAsync();
        await daemon.WaitForShardToBeRunning(ActivityStore.Shard, Eventually.Deadline);
        long head = await database.Ask<long>("SELECT revision FROM eventstore.head");
        await daemon.Tracker.WaitForShardState(new ShardState(ActivityStore.Shard, head), Eventually.Deadline);
        await daemon.StopAllAsync();
    }

    private async Task<List<string>> Differences()
    {
        List<string> found = [];
        await using NpgsqlConnection connection = await database.Source.OpenConnectionAsync();
        await ActivityOfLog.Compare(connection, (_, what) => found.Add(what), default);
        return found;
    }

    private Task<long> Total() =>
        database.Ask<long>("SELECT sum((data->>'count')::bigint)::bigint FROM eventstore.mt_doc_activity WHERE field = ''");

    private Task<string> Content() => database.Ask<string>("""
        SELECT string_agg(line, E'\n' ORDER BY line)
          FROM (SELECT data::text || day || namespace || user_name || type || field AS line FROM eventstore.mt_doc_activity
                 UNION ALL SELECT data::text || namespace || name || revision FROM eventstore.mt_doc_job_activity) lines
        """);
}
