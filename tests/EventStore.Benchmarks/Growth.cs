using System.Globalization;
using EventStore.Benchmarks.Load;
using EventStore.Benchmarks.Machine;
using EventStore.Benchmarks.Report;

namespace EventStore.Benchmarks;

/// <summary>
/// Whether patches stay as quick as the store grows: a small store, one with many events and one with many jobs, each with a server of its
/// own, measured in turn so that what else happens on the machine hits all three alike.
/// </summary>
internal sealed class Growth(MeasuredPostgres postgres, Options options, Func<LoadSpec, Task<Measured>> load, CancellationToken stop)
{
    private const int FewEvents = 10_000;
    private const int RoundsMin = 3;
    private const int PatchesPerSecondAtLeast = 2500; // so each job is met twice, on average

    public async Task Measure(Figures figures)
    {
        await using Store few = await Prepare("bench_growth", options.Jobs, FewEvents);
        await using Store events = await Prepare("bench_growth_events", options.Jobs, options.GrowthEvents);
        await using Store jobs = await Prepare("bench_growth_jobs", options.GrowthJobs, options.GrowthJobs);
        Store[] stores = [few, events, jobs];
        for (int round = 0; round <= Math.Max(RoundsMin, options.Rounds); round++)
        {
            foreach (Store store in stores)
            {
                if (round == 0) // the servers' code is still being compiled, and they have yet to meet the jobs
                    await load(Spec(store) with { WarmUpSeconds = options.WarmUpSeconds + (store.Jobs / PatchesPerSecondAtLeast) });
                else
                    store.Rounds.Add(await load(Spec(store)));
            }
        }

        double ofFew = few.Median.PerSecond;
        foreach (Store store in stores)
        {
            figures.Add($"growth {store.Name}", options.Connections[0], store.Median, store == few ? "" : string.Create(
                CultureInfo.InvariantCulture,
                $"{store.Median.PerSecond / ofFew:0.00} of the rate at {few.Name}; {store.LoadedPerSecond:0} events/s while loading"));
        }
    }

    private LoadSpec Spec(Store store) => store.Server.Load(LoadKind.Patch, postgres) with
    {
        Jobs = store.Jobs,
        Connections = options.Connections[0],
        Seconds = options.Seconds,
        WarmUpSeconds = options.WarmUpSeconds,
    };

    private async Task<Store> Prepare(string database, int jobs, long events)
    {
        ServerUnderTest server = await ServerUnderTest.Start(postgres, database, options.Server, stop);
        string name = jobs == options.Jobs ? $"{events} events" : $"{jobs} jobs";
        var store = new Store(server, name, jobs);
        long started = System.Diagnostics.Stopwatch.GetTimestamp();
        await BulkLoad.Fill(postgres, database, jobs, events, $"loading {name}", stop);
        store.LoadedPerSecond = Math.Max(jobs, events) / System.Diagnostics.Stopwatch.GetElapsedTime(started).TotalSeconds;
        return store;
    }

    private sealed class Store(ServerUnderTest server, string name, int jobs) : IAsyncDisposable
    {
        public ServerUnderTest Server { get; } = server;

        public string Name { get; } = name;

        public int Jobs { get; } = jobs;

        public double LoadedPerSecond { get; set; }

        public List<Measured> Rounds { get; } = [];

        public Measured Median => Rounds.OrderBy(measured => measured.PerSecond).ElementAt(Rounds.Count / 2);

        public ValueTask DisposeAsync() => Server.DisposeAsync();
    }
}
