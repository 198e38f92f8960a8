using System.Diagnostics;
using System.Globalization;
using System.Text;
using EventStore.Benchmarks.Load;
using EventStore.Benchmarks.Machine;
using EventStore.Benchmarks.Report;
using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Server.Store.Lane;
using Npgsql;

namespace EventStore.Benchmarks;

/// <summary>
/// Finished jobs whose TTL is over within two minutes, and three servers, of which the one that acts is killed in the middle: how late each
/// job is deleted, whether each is deleted once, and what others who patch feel of it.
/// </summary>
internal sealed class Lifetimes(
    MeasuredPostgres postgres, Options options, Figures figures, Func<LoadSpec, Task<Measured>> load, CancellationToken stop)
{
    private const string Database = "bench_lifetimes";
    private const int Window = 120;
    private const int BatchLength = 1000;
    private const int LoadedPerSecond = 1000; // a little less than it will be
    private const int TakeOver = 8; // seconds after the kill of which the killed server's jobs are due
    private const int PatchConnections = 16;
    private const int PatchRate = 400;
    private const string Late = "extract(epoch FROM e.timestamp) - d.due";
    private static readonly Dictionary<string, string> Controllers = new() { ["controllers"] = "ttl,deadline" };
    private static readonly Origin Origin = new("bench", ["system:masters"], "", "127.0.0.1", Guid.CreateVersion7().ToString());

    /// <summary>Measures and reports.</summary>
    public async Task Measure()
    {
        await using ServerUnderTest first = await ServerUnderTest.Start(postgres, Database, options.Server, stop, Controllers);
        while (await Ask("SELECT number FROM eventstore.lease") is 0L)
            await Task.Delay(100, stop);
        await using ServerUnderTest second = await first.Beside(postgres, options.Server, Controllers, stop);
        await using ServerUnderTest third = await first.Beside(postgres, options.Server, Controllers, stop);
        await Self.Run(
            Generator.Verb,
            second.Load(LoadKind.CreateAll, postgres) with { Jobs = options.Jobs, Count = options.Jobs, Connections = PatchConnections },
            null,
            stop);
        Measured alone = await load(Patches(second, options.Seconds) with { WarmUpSeconds = options.WarmUpSeconds });
        long begin = DateTimeOffset.UtcNow.ToUnixTimeSeconds() + (2L * options.Lifetimes / LoadedPerSecond) + 20;
        await Fill(begin);
        if (DateTimeOffset.UtcNow.ToUnixTimeSeconds() >= begin)
            throw new BenchmarkException("the jobs were not there before the first was due");

        await Task.Delay(DateTimeOffset.FromUnixTimeSeconds(begin + 5) - DateTimeOffset.UtcNow, stop);
        Task<Measured> patching = load(Patches(second, Window - 10));
        await Task.Delay(DateTimeOffset.FromUnixTimeSeconds(begin + (Window / 2)) - DateTimeOffset.UtcNow, stop);
        long killed = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        using (Process process = Process.GetProcessById(first.Pid))
            process.Kill();
        Measured beside = await patching;
        for (long until = begin + (3 * Window); await Deleted() < options.Lifetimes && DateTimeOffset.UtcNow.ToUnixTimeSeconds() < until;)
            await Task.Delay(500, stop);
        await Report(begin, killed, alone, beside);
    }

    private async Task Report(long begin, long killed, Measured alone, Measured beside)
    {
        long deleted = await Deleted();
        long jobs = (long)(await Ask("SELECT count(DISTINCT stream_id) FROM eventstore.mt_events WHERE type = 'job_deleted'"))!;
        string taken = string.Create(CultureInfo.InvariantCulture, $"d.due BETWEEN {killed} AND {killed + TakeOver}");
        (double P50, double P99, double Max) all = await Lateness(begin, $"NOT {taken}"), over = await Lateness(begin, taken);
        var errors = new Dictionary<string, long>();
        if (jobs != options.Lifetimes)
            errors["jobs that were not deleted"] = options.Lifetimes - jobs;
        if (deleted != jobs)
            errors["jobs deleted twice"] = deleted - jobs;
        figures.Add("lifetimes", 1, Of(deleted, all, Window, errors), string.Create(
            CultureInfo.InvariantCulture, $"lateness; {jobs} jobs deleted, {deleted - jobs} of them twice"));
        figures.Add("lifetimes: killed", 1, Of(1, over, TakeOver, []), "lateness of what was due in the eight seconds after the kill");
        figures.Add("lifetimes: alone", PatchConnections, alone);
        figures.Add("lifetimes: beside", PatchConnections, beside, string.Create(
            CultureInfo.InvariantCulture, $"p99 {beside.P99Ms / alone.P99Ms:0.0} × that of alone, p50 {beside.P50Ms / alone.P50Ms:0.0} ×"));
    }

    private static Measured Of(long count, (double P50, double P99, double Max) late, double seconds, Dictionary<string, long> errors) =>
        new()
        {
            Seconds = seconds,
            Requests = count,
            P50Ms = late.P50 * 1000,
            P90Ms = late.P99 * 1000,
            P99Ms = late.P99 * 1000,
            MaxMs = late.Max * 1000,
            Errors = errors,
        };

    private LoadSpec Patches(ServerUnderTest server, double seconds) => server.Load(LoadKind.Patch, postgres) with
    {
        Jobs = options.Jobs,
        Connections = PatchConnections,
        Rate = PatchRate,
        Seconds = seconds,
    };

    private async Task<(double P50, double P99, double Max)> Lateness(long begin, string which)
    {
        var found = (double[]?)await Ask(string.Create(CultureInfo.InvariantCulture, $"""
            SELECT ARRAY[coalesce(percentile_cont(0.5) WITHIN GROUP (ORDER BY {Late}), 0)::float8,
                         coalesce(percentile_cont(0.99) WITHIN GROUP (ORDER BY {Late}), 0)::float8, coalesce(max({Late}), 0)::float8]
              FROM eventstore.mt_events e JOIN eventstore.mt_doc_current_job j ON j.id = e.stream_id,
                   LATERAL (SELECT {begin} + substr(j.name, 6)::bigint * {Window} / {options.Lifetimes} AS due) d
             WHERE e.type = 'job_deleted' AND {which}
            """));
        return (found![0], found[1], found[2]);
    }

    private async Task<long> Deleted() => (long)(await Ask("SELECT count(*) FROM eventstore.mt_events WHERE type = 'job_deleted'"))!;

    private Task<object?> Ask(string sql) => postgres.Ask(sql, Database);

    /// <summary>Makes the jobs, finished, the last of them due at the end of the window.</summary>
    private async Task Fill(long begin)
    {
        string finished = DateTimeOffset.FromUnixTimeSeconds(begin).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
        var status = new SentPatch.Merge(
            Parse($$$"""{"status":{"completionTime":"{{{finished}}}","conditions":[{"type":"Succeeded","status":"True"}]}}"""));
        var progress = new ProgressBar($"loading {options.Lifetimes} jobs");
        await using var connection = new NpgsqlConnection(postgres.For(Database, Database + "_serving"));
        await connection.OpenAsync(stop);
        for (int start = 0; start < options.Lifetimes; start += BatchLength)
        {
            progress.Show(start, options.Lifetimes);
            IEnumerable<JobCommand> commands = Enumerable.Range(start, Math.Min(BatchLength, options.Lifetimes - start))
                .SelectMany(number =>
                {
                    var key = new JobKey("bench", $"done-{number}");
                    JsonObject manifest = Parse(Requests.Manifest(key.Name));
                    manifest = manifest.With(
                        "spec", ((JsonObject)manifest["spec"]!).With("ttlSecondsAfterFinished", (long)number * Window / options.Lifetimes));
                    return new JobCommand[]
                    {
                        new CreateJob(key, DateTimeOffset.UtcNow, Origin, manifest, Guid.CreateVersion7()), new PatchStatus(
                            key, DateTimeOffset.UtcNow, Origin, status),
                    };
                });
            Batch batch = Batch.Of(commands.Select(command => new QueuedCommand(command, dryRun: false, 0)), _ => null);
            Committed committed = await CommitCall.Execute(
                connection, batch, wakeOthers: true, fence: null, TimeSpan.FromSeconds(30), allOrNone: false);
            if (committed.Held.Contains(false))
                throw new BenchmarkException("a job was there already");
        }
    }

    private static JsonObject Parse(string json) => (JsonObject)JsonReading.Parse(Encoding.UTF8.GetBytes(json));
}
