using System.Text;
using EventStore.Benchmarks.Machine;
using EventStore.Benchmarks.Report;
using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Server.Store.Lane;
using Npgsql;

namespace EventStore.Benchmarks.Load;

/// <summary>
/// Fills a database in minutes where requests would take hours: the product's own decisions, committed by its one function, in batches
/// larger than the lane's. What it leaves is what as many requests would have left.
/// </summary>
internal sealed class BulkLoad : IAsyncDisposable
{
    private const int LargeBatch = 1000;

    // A job's row is written once a batch, so fewer jobs in one make it quicker.
    private const int PatchesOfOneJob = 5;

    private static readonly Origin Origin = new(
        "bench", ["system:masters", "system:authenticated"], "", "127.0.0.1", Guid.CreateVersion7().ToString());

    private readonly List<Job> jobs = [];
    private readonly NpgsqlConnection connection;
    private (int Length, int OfOneJob) batches;
    private readonly Action<long> progress;
    private int next;

    private BulkLoad(NpgsqlConnection connection, (int Length, int OfOneJob) batches, Action<long> progress) =>
        (this.connection, this.batches, this.progress) = (connection, batches, progress);

    /// <summary>How many there are.</summary>
    public long Events { get; private set; }

    /// <summary>
    /// Fills a database that has its schema, and leaves it as autovacuum would have by the time so much was written by requests.
    /// </summary>
    public static async Task Fill(MeasuredPostgres postgres, string database, int jobs, long events, string doing, CancellationToken stop)
    {
        var progress = new ProgressBar(doing);
        await using BulkLoad load = await Open(postgres, database, LargeBatch, PatchesOfOneJob, done =>
        {
            stop.ThrowIfCancellationRequested();
            progress.Show(done, Math.Max(jobs, events));
        });
        await load.Create(jobs);
        await load.PatchUntil(events);
        await postgres.Ask("VACUUM ANALYZE", database);
    }

    /// <summary>Connects as the serving role.</summary>
    /// <param name="postgres">Where the database is.</param>
    /// <param name="database">A database that has its schema and no events.</param>
    /// <param name="batchLength">How many events are committed at once.</param>
    /// <param name="ofOneJob">How many of them are of one job.</param>
    /// <param name="progress">Told how many events there are.</param>
    public static async Task<BulkLoad> Open(
        MeasuredPostgres postgres, string database, int batchLength, int ofOneJob, Action<long> progress)
    {
        var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(postgres.For(database, database + "_serving"))
        {
            Pooling = false,
            MaxAutoPrepare = 10,
            AutoPrepareMinUsages = 2,
            CommandTimeout = 300,
        }.ConnectionString);
        await connection.OpenAsync();
        return new BulkLoad(connection, (batchLength, ofOneJob), progress);
    }

    /// <summary>Commits each event alone from now on.</summary>
    public void CommitOneByOne() => batches = (1, 1);

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => connection.DisposeAsync();

    /// <summary>Creates jobs, by the names the load generator asks for.</summary>
    public async Task Create(int count)
    {
        for (int first = 0; first < count; first += batches.Length)
            await Commit(Enumerable.Range(first, Math.Min(batches.Length, count - first)).Select(Creation));
    }

    /// <summary>Patches them in turn until there are so many events.</summary>
    public async Task PatchUntil(long eventsMax)
    {
        for (; Events < eventsMax; next += batches.Length / batches.OfOneJob)
        {
            int count = (int)Math.Min(batches.Length, eventsMax - Events);
            await Commit(Enumerable.Range(0, count).Select(i => Patch(jobs[(next + (i / batches.OfOneJob)) % jobs.Count].Key)));
        }
    }

    private async Task Commit(IEnumerable<JobCommand> commands)
    {
        Batch batch = Batch.Of(
            commands.Select(command => new QueuedCommand(command, dryRun: false, 0)),
            key => Place(key) is var at && at < jobs.Count ? jobs[at] : null);
        Committed committed = await CommitCall.Execute(
            connection, batch, wakeOthers: false, fence: null, TimeSpan.FromSeconds(30), allOrNone: false);
        foreach (Batch.KeyCommands ofKey in batch.ByKey)
        {
            if (!committed.Held[ofKey.Place])
                throw new BenchmarkException($"{ofKey.Key} was changed by somebody else while the database was being filled");
            Batch.Entry last = ofKey.LastEntry!;
            Job now = last.After with { Revision = committed.Revisions[last.Place] };
            if (ofKey.Basis is null)
                jobs.Add(now);
            else
                jobs[Place(ofKey.Key)] = now;
        }

        progress(Events += batch.Entries.Count);
    }

    private static CreateJob Creation(int number)
    {
        string name = Requests.JobName(number);
        return new CreateJob(
            new JobKey("bench", name), DateTimeOffset.UtcNow, Origin, Parse(Requests.Manifest(name)), Guid.CreateVersion7());
    }

    private static PatchJob Patch(JobKey key) =>
        new(key, DateTimeOffset.UtcNow, Origin, Parse($$$$"""{"metadata":{"labels":{"run":"{{{{Requests.NextLabel()}}}}"}}}"""));

    private static int Place(JobKey key) => int.Parse(key.Name.AsSpan("job-".Length), System.Globalization.CultureInfo.InvariantCulture);

    private static JsonObject Parse(string json) => (JsonObject)JsonReading.Parse(Encoding.UTF8.GetBytes(json));
}
