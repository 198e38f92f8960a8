using System.Text;
using EventStore.Benchmarks.Machine;
using EventStore.Domain.Jobs;
using EventStore.Domain.Manifests;
using EventStore.Server.Store;
using Npgsql;

namespace EventStore.Benchmarks.Load;

/// <summary>
/// Fills a database in minutes where requests would take hours: the product's own decisions, committed by its one function, in batches
/// larger than the lane's. What it leaves is what as many requests would have left.
/// </summary>
/// <param name="connection">A connection as the serving role.</param>
/// <param name="progress">Told how many events there are.</param>
internal sealed class BulkLoad(NpgsqlConnection connection, Action<long> progress)
{
    private const int BatchLength = 1000;

    // A job's row is written once a batch, so fewer jobs in one make it quicker.
    private const int PatchesOfOneJob = 5;

    private static readonly Origin Origin = new("bench", ["system:masters", "system:authenticated"], "", "127.0.0.1", Guid.CreateVersion7().ToString());

    private readonly List<Job> jobs = [];
    private long events;

    /// <summary>Creates jobs, by the names the load generator asks for.</summary>
    public async Task Create(int count)
    {
        for (int first = 0; first < count; first += BatchLength)
            await Commit(Enumerable.Range(first, Math.Min(BatchLength, count - first)).Select(Creation));
    }

    /// <summary>Patches them in turn until there are so many events.</summary>
    public async Task PatchUntil(long eventsMax)
    {
        for (int first = 0; events < eventsMax; first += BatchLength / PatchesOfOneJob)
        {
            int count = (int)Math.Min(BatchLength, eventsMax - events);
            await Commit(Enumerable.Range(0, count).Select(i => Patch(jobs[(first + (i / PatchesOfOneJob)) % jobs.Count].Key)));
        }
    }

    private async Task Commit(IEnumerable<JobCommand> commands)
    {
        Batch batch = Batch.Of(commands.Select(command => new QueuedCommand(command, dryRun: false, 0)), key => Place(key) is var at && at < jobs.Count ? jobs[at] : null);
        Committed committed = await CommitCall.Execute(connection, batch);
        foreach (Batch.Chain chain in batch.Chains)
        {
            if (!committed.Held[chain.Place])
                throw new BenchmarkException($"{chain.Key} was changed by somebody else while the database was being filled");
            Batch.Entry last = chain.LastEntry!;
            Job now = last.After with { Revision = committed.Revisions[last.Place] };
            if (chain.Basis is null)
                jobs.Add(now);
            else
                jobs[Place(chain.Key)] = now;
        }

        progress(events += batch.Entries.Count);
    }

    private static CreateJob Creation(int number)
    {
        string name = Requests.JobName(number);
        return new CreateJob(new JobKey("bench", name), DateTimeOffset.UtcNow, Origin, Parse(Requests.Manifest(name)), Guid.CreateVersion7());
    }

    private static PatchJob Patch(JobKey key) =>
        new(key, DateTimeOffset.UtcNow, Origin, Parse($$$$"""{"metadata":{"labels":{"run":"{{{{Requests.NextLabel()}}}}"}}}"""));

    private static int Place(JobKey key) => int.Parse(key.Name.AsSpan("job-".Length), System.Globalization.CultureInfo.InvariantCulture);

    private static JsonObject Parse(string json) => (JsonObject)JsonReading.Parse(Encoding.UTF8.GetBytes(json));
}
