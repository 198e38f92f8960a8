using System.Diagnostics;
using System.Text;
using System.Text.Json;
using EventStore.Benchmarks.Load;
using EventStore.Benchmarks.Machine;
using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Server.Store;
using EventStore.Server.Store.Format;
using JasperFx;
using Marten;
using Npgsql;

namespace EventStore.Benchmarks.Limits;

/// <summary>
/// The same patches by Marten as its documentation writes them: FetchForWriting, decide, append, SaveChanges, with the product's own
/// events, rules and inline projection, on its own tables. It runs in a process of its own, as the server does; there is no HTTP.
/// </summary>
internal static class PlainMarten
{
    /// <summary>The hidden verb.</summary>
    public const string Verb = "plain-marten";

    private const int BatchLength = 100;

    private static readonly Origin Nobody = new(
        "bench", ["system:masters", "system:authenticated"], "", "127.0.0.1", Guid.CreateVersion7().ToString());
    private static long lastLabel = DateTime.UtcNow.Ticks;

    /// <summary>What its process is told on standard input.</summary>
    internal sealed record Order(string ConnectionString, int Jobs, int Connections, double WarmUpSeconds, double Seconds, int PostgresPid);

    public static async Task<int> Run()
    {
        Order order = JsonSerializer.Deserialize<Order>(await Console.In.ReadToEndAsync())!;
        await using NpgsqlDataSource database = NpgsqlDataSource.Create(order.ConnectionString);
        await using DocumentStore store = DocumentStore.For(options =>
        {
            options.Connection(database);
            MartenSetup.Configure(options);
            options.AutoCreateSchemaObjects = AutoCreate.All;
        });
        Guid[] jobs = await CreateJobs(store, order.Jobs);
        await Console.Out.WriteLineAsync(JsonSerializer.Serialize(await Measure(store, jobs, order)));
        return 0;
    }

    private static async Task<Guid[]> CreateJobs(DocumentStore store, int count)
    {
        var jobs = new List<Guid>();
        while (jobs.Count < count)
        {
            await using IDocumentSession session = store.LightweightSession();
            for (int i = 0; i < BatchLength && jobs.Count < count; i++)
            {
                var key = new JobKey("bench", $"marten-{Guid.NewGuid():N}");
                var create = new CreateJob(
                    key, DateTimeOffset.UtcNow, Nobody, (JsonObject)JsonReading.Parse(Encoding.UTF8.GetBytes(Requests.Manifest(key.Name))),
                    Guid.CreateVersion7());
                session.Events.StartStream<CurrentJob>(create.Uid, Happens(null, create));
                jobs.Add(create.Uid);
            }

            await session.SaveChangesAsync();
        }

        return [.. jobs];
    }

    private static async Task<Measured> Measure(DocumentStore store, Guid[] jobs, Order order)
    {
        var all = new Latencies();
        var errors = new Dictionary<string, long>();
        bool measuring = false, ended = false;
        Task running = Task.WhenAll(Enumerable.Range(0, order.Connections).Select(_ => Task.Run(Work)));
        await Task.Delay(TimeSpan.FromSeconds(order.WarmUpSeconds));
        CpuTimes before = CpuTimes.Read(0, order.PostgresPid);
        long started = Stopwatch.GetTimestamp();
        Volatile.Write(ref measuring, true);
        await Task.Delay(TimeSpan.FromSeconds(order.Seconds));
        Volatile.Write(ref measuring, false);
        TimeSpan time = Stopwatch.GetElapsedTime(started);
        CpuTimes spent = CpuTimes.Read(0, order.PostgresPid) - before;
        Volatile.Write(ref ended, true);
        await running;
        return new Measured
        {
            Seconds = time.TotalSeconds,
            Requests = all.Count,
            P50Ms = all.PercentileMs(0.5),
            P90Ms = all.PercentileMs(0.9),
            P99Ms = all.PercentileMs(0.99),
            MaxMs = all.MaxMs,
            ServerCpuMs = spent.OwnMs, // the process that does a server's work
            PostgresCpuMs = spent.PostgresMs,
            Errors = errors,
        };

        async Task Work()
        {
            var random = new Random();
            while (!Volatile.Read(ref ended))
            {
                long sent = Stopwatch.GetTimestamp();
                string? error = await Patch(store, jobs[random.Next(jobs.Length)]);
                lock (all)
                {
                    if (error is not null)
                        errors[error] = errors.GetValueOrDefault(error) + 1;
                    else if (Volatile.Read(ref measuring))
                        all.Record(Stopwatch.GetTimestamp() - sent);
                }
            }
        }
    }

    /// <summary>One patch; beaten by another it decides again, as the server does for a patch without a resourceVersion.</summary>
    private static async Task<string?> Patch(DocumentStore store, Guid id)
    {
        while (true)
        {
            try
            {
                await using IDocumentSession session = store.LightweightSession();
                var stream = await session.Events.FetchForWriting<CurrentJob>(id);
                Job job = stream.Aggregate!.ToJob();
                string label = $"{Interlocked.Increment(ref lastLabel)}";
                var patch = (JsonObject)JsonReading.Parse(
                    Encoding.UTF8.GetBytes($$$$"""{"metadata":{"labels":{"run":"{{{{label}}}}"}}}"""));
                stream.AppendOne(Happens(job, new PatchJob(job.Key, DateTimeOffset.UtcNow, Nobody, patch)));
                (session.CorrelationId, session.LastModifiedBy) = (Nobody.RequestId, Nobody.User);
                session.SetHeader("groups", Nobody.Groups);
                session.SetHeader("sourceAddress", Nobody.SourceAddress);
                await session.SaveChangesAsync();
                return null;
            }
            catch (ConcurrencyException)
            {
                // Somebody else appended to this stream between the read and the append.
            }
            catch (Exception e) when (e is NpgsqlException or Marten.Exceptions.MartenException)
            {
                return e.GetType().Name;
            }
        }
    }

    private static JobEvent Happens(Job? job, JobCommand command) => JobDecider.Decide(job, command) is Decision.Accepted(var happened)
        ? happened
        : throw new UnreachableException($"{command.GetType().Name} is always accepted here");
}
