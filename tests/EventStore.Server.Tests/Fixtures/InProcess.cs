using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Server.Store.Feed;
using EventStore.Server.Store.Hosts;
using EventStore.Server.Store.Lane;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace EventStore.Server.Tests.Fixtures;

/// <summary>The product's own commands, batches and lane, for what cannot be arranged through a server's front door.</summary>
internal static class InProcess
{
    public const string Namespace = "kube-test";

    public static readonly Origin Origin = new("tester", ["testers"], "test/1.0", "127.0.0.1", "request-of-a-test");

    private static readonly DateTimeOffset Time = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    public static CommitLane Lane(Primary database, LaneLimits? limits = null, ILogger<CommitLane>? log = null) =>
        new(
            database,
            new LostReplies(database),
            limits ?? new LaneLimits(),
            Feed(database, new FeedLimits(), out _),
            new ServerPresence(database, NullLogger<ServerPresence>.Instance),
            log ?? NullLogger<CommitLane>.Instance);

    /// <summary>What carries out many commands as one transaction.</summary>
    public static WholeBatches Together(
        NpgsqlDataSource database, TimeSpan? turn = null, TimeSpan? decision = null, LaneLimits? limits = null) =>
        new(
            database,
            new LostReplies(database),
            limits ?? new LaneLimits(),
            Feed(database, new FeedLimits(), out _),
            new ServerPresence(database, NullLogger<ServerPresence>.Instance),
            NullLogger<WholeBatches>.Instance)
        {
            TurnTime = turn ?? TimeSpan.FromMinutes(2),
            DecisionTime = decision ?? TimeSpan.FromMinutes(2),
        };

    /// <summary>A feed that is not running, and what it would hear.</summary>
    public static JobFeed Feed(Primary database, FeedLimits limits, out Notifications notifications)
    {
        notifications = new Notifications(database, limits, NullLogger<Notifications>.Instance);
        return new JobFeed(database, limits, notifications, NullLogger<JobFeed>.Instance);
    }

    public static JobCommand Create(string name, string team = "ml") => new CreateJob(
        new JobKey(Namespace, name), Time, Origin, Parse(Sample.Manifest(name, labels: $$"""{"team":"{{team}}"}""")),
        Guid.CreateVersion7());

    /// <summary>A job with an annotation of so many bytes, which no text of it is shorter than.</summary>
    public static JobCommand CreateLarge(string name, int bytes) => new CreateJob(
        new JobKey(Namespace, name), Time, Origin,
        Parse(Sample.Manifest(name, metadata: $$""","annotations":{"large":"{{new string('x', bytes)}}"}""")), Guid.CreateVersion7());

    public static JobCommand Label(string name, string label, string value) =>
        Patch(name, $$$$"""{"metadata":{"labels":{"{{{{label}}}}":"{{{{value}}}}"}}}""");

    public static JobCommand Patch(string name, string patch) => new PatchJob(new JobKey(Namespace, name), Time, Origin, Parse(patch));

    public static JobCommand PatchStatus(string name, string patch) =>
        new PatchStatus(new JobKey(Namespace, name), Time, Origin, Parse(patch));

    public static JobCommand Delete(string name) => new DeleteJob(new JobKey(Namespace, name), Time, Origin, null, null);

    /// <summary>A command as the lane queues it.</summary>
    public static QueuedCommand Queued(this JobCommand command, bool dryRun = false) => new(command, dryRun, 0);

    /// <summary>Carries a command out for a client that stays.</summary>
    public static Task<Outcome> Execute(this CommitLane lane, JobCommand command) =>
        lane.Execute(command, false, 100, CancellationToken.None);

    /// <summary>Carries out commands as one transaction.</summary>
    public static Task<(IReadOnlyList<CommandVerdict> Verdicts, Outcome? Failure)> ExecuteAll(
        this WholeBatches together, params JobCommand[] commands) =>
        together.Execute(
            [[.. commands.Select(command => command.Key).Distinct()]], (_, _) => Task.FromResult<IReadOnlyList<JobCommand>?>(commands),
            () => true, CancellationToken.None);

    /// <summary>Decides the commands upon these living jobs.</summary>
    public static Batch Decide(IReadOnlyCollection<Job> living, params IEnumerable<JobCommand> commands) =>
        Batch.Of(commands.Select(command => command.Queued()), key => living.FirstOrDefault(job => job.Key == key));

    /// <summary>Commits a batch without a fencing token, as for who has read its jobs just now, or with one.</summary>
    public static Task<Committed> Execute(this NpgsqlConnection connection, Batch batch, Fence? fence = null, bool allOrNone = false) =>
        CommitCall.Execute(connection, batch, wakeOthers: false, fence, TimeSpan.FromSeconds(30), allOrNone);

    /// <summary>Commits a batch that must hold, and answers the job of each event.</summary>
    public static async Task<Job[]> Commit(this NpgsqlConnection connection, Batch batch, Fence? fence = null)
    {
        Committed committed = await connection.Execute(batch, fence);
        Assert.All(committed.Held, Assert.True);
        return [.. batch.Entries.Select(entry => entry.After with { Revision = committed.Revisions[entry.Place] })];
    }

    /// <summary>
    /// The call of the release before: of <c>commit_jobs_6</c>, or of <c>commit_jobs_whole_3</c> where all or none is to be stored.
    /// </summary>
    public static NpgsqlCommand CallOfTheReleaseBefore(
        NpgsqlConnection connection, Batch batch, Fence? fence = null, bool allOrNone = false)
    {
        NpgsqlCommand call = CommitCall.Of(connection, batch, wakeOthers: false, fence, allOrNone);
        call.Parameters.RemoveAt(22); // one function appends both kinds now
        if (allOrNone)
            call.Parameters.RemoveAt(23); // no lifetime is ended so
        string parameters = string.Join(',', Enumerable.Range(1, call.Parameters.Count).Select(i => $"${i}"));
        call.CommandText = allOrNone
            ? $"SELECT held, revisions, rebuild, NULL::bigint, epoch FROM eventstore.commit_jobs_whole_3({parameters})"
            : $"SELECT held, revisions, rebuild, lease, epoch FROM eventstore.commit_jobs_6({parameters})";
        return call;
    }

    /// <summary>Commits a batch as a server of the release before does.</summary>
    public static async Task<Committed> CommitAsTheReleaseBefore(
        this NpgsqlConnection connection, Batch batch, Fence? fence = null, bool allOrNone = false)
    {
        await using NpgsqlCommand call = CallOfTheReleaseBefore(connection, batch, fence, allOrNone);
        await using NpgsqlDataReader reader = await call.ExecuteReaderAsync();
        await reader.ReadAsync();
        return new Committed(
            await reader.GetFieldValueAsync<bool[]>(0),
            await reader.GetFieldValueAsync<long[]>(1),
            reader.GetInt64(2),
            reader.IsDBNull(3) ? null : reader.GetInt64(3),
            reader.IsDBNull(4) ? null : reader.GetInt64(4));
    }

    private static JsonObject Parse(string json) => (JsonObject)JsonReading.Parse(System.Text.Encoding.UTF8.GetBytes(json));
}
