using System.Globalization;
using EventStore.Benchmarks.Limits;
using EventStore.Benchmarks.Load;
using EventStore.Benchmarks.Machine;
using EventStore.Benchmarks.Report;

namespace EventStore.Benchmarks;

/// <summary>One run: starts what is measured, prepares the jobs, goes through the scenarios, and reports.</summary>
internal sealed class Benchmark : IAsyncDisposable
{
    private const string Database = "bench";
    private const int PreparingConnections = 32;
    private const double ChartSeconds = 4;

    private static readonly string[] Special =
    [
        "watch", "list", "growth", "flood", "startup", "first-screen", "past", "lifetimes", "whole", Options.OfGivenStore, "chain",
        "snapshot", "page-job", "page-store", "page-live", "deletecollection", "large", "apply", "undo", "touched", "standby", "bytes",
    ];
    private static readonly int[] ChartConnections = [1, 2, 4, 8, 16, 32, 64, 128];
    private static readonly (int Watchers, int Rate)[] WatchLoads = [(1, 200), (1, 1000), (100, 200), (100, 1000)];

    private readonly Options options;
    private readonly CancellationToken stop;
    private readonly Figures figures = new();
    private MeasuredPostgres? postgres;
    private ServerUnderTest server = null!;
    private readonly Dictionary<string, PgBench> pgbench = [];
    private bool serverIsOpen;

    private Benchmark(Options options, CancellationToken stop) => (this.options, this.stop) = (options, stop);

    /// <summary>Answers the program's exit code.</summary>
    public static async Task<int> Run(Options options, CancellationToken stop)
    {
        await using var benchmark = new Benchmark(options, stop);
        await benchmark.Open();
        Dictionary<string, string> about = MachineFacts.Read(benchmark.postgres?.Version ?? "unknown");
        foreach ((string name, string value) in about)
            Console.WriteLine($"{name,-11} {value}");
        if (options.Scenarios is not [Options.OfGivenStore])
            await benchmark.Prepare();
        Console.WriteLine(Table.Head);
        foreach (int connections in options.Connections)
            await benchmark.Throughput([.. options.Scenarios.Except(Special)], connections);
        foreach (string scenario in options.Scenarios.Intersect(Special))
            await benchmark.Scenario(scenario);
        if (options.Svg is { } svg)
            await File.WriteAllTextAsync(svg, await benchmark.Chart(), stop);
        Console.WriteLine(benchmark.Memory());
        if (options.Json is { } json)
            await File.WriteAllTextAsync(json, benchmark.figures.ToJson(about), stop);
        return benchmark.figures.Errors == 0 ? 0 : 1;
    }

    public async ValueTask DisposeAsync()
    {
        if (serverIsOpen)
            await server.DisposeAsync();
        if (postgres is not null)
            await postgres.DisposeAsync();
    }

    private async Task Open()
    {
        if (options.Url is { } url)
        {
            server = ServerUnderTest.Given(url, options.Token!);
            return;
        }

        postgres = await MeasuredPostgres.Open(options.ConnectionString, stop);
        string settings = (string)(await postgres.Ask(
            "SELECT concat_ws(' ', current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit'))"))!;
        if (settings != "on on on")
            throw new BenchmarkException(
                $"fsync, full_page_writes and synchronous_commit must be on to compare anything; they are {settings}");
        server = await ServerUnderTest.Start(postgres, Database, options.Server, stop);
        serverIsOpen = true;
    }

    private async Task Prepare()
    {
        await Fill(server, LoadKind.CreateAll, "bench", options.Jobs, options.Jobs, $"creating {options.Jobs} jobs");
        await Fill(server, LoadKind.MakeHistory, "bench", options.Jobs, 150, "patching one job for its history");
        // What runs first would be measured while the server's code is still being compiled.
        await Load(
            server.Load(LoadKind.Patch, postgres) with { Jobs = options.Jobs, Connections = 16, Seconds = options.WarmUpSeconds }, null);
    }

    private Task Scenario(string name) => name switch
    {
        "list" => List(),
        "watch" => Watches(),
        "growth" => new Growth(postgres!, options, spec => Load(spec, null), stop).Measure(figures),
        "flood" => new Flood(postgres!, options, figures, stop).Measure(),
        "lifetimes" => new Lifetimes(postgres!, options, figures, spec => Load(spec, null), stop).Measure(),
        "past" => Past(),
        "whole" => new Whole(postgres!, options, figures, spec => Load(spec, null), stop).Measure(),
        Options.OfGivenStore => new HistoryPages(postgres, options, figures, spec => Load(spec, null)).Measure(server, options.WholeJobs),
        "standby" => new StandbyReads(postgres!, options, figures, spec => Load(spec, null), stop).Measure(),
        "chain" => new ChainCost(postgres!, options, spec => Load(spec, null), stop).Measure(figures),
        "snapshot" => new OldSnapshot(postgres!, options, stop).Measure(figures),
        "page-job" or "page-store" or "page-live" =>
            new PageFigures(postgres!, options, figures, spec => Load(spec, null), stop).Measure(name),
        "deletecollection" => new CollectionDeletion(postgres!, options, spec => Load(spec, null), stop).Measure(figures),
        "large" => Large(),
        "apply" => new ApplyCost(postgres!, options, spec => Load(spec, null), Prepared, stop).Measure(figures),
        "bytes" => new BytesKept(postgres!, options, spec => Load(spec, null), stop).Measure(Prepared),
        "undo" => new Undo(postgres!, options, figures, LongJob, stop).Measure(),
        "touched" => new TouchedCost(postgres!, options, stop).Measure(figures),
        "first-screen" => Once(name, FirstScreen.Measure),
        "startup" => Once(name, Startup.Measure),
        _ => Task.CompletedTask,
    };

    private Task Prepared(ServerUnderTest target) =>
        Fill(target, LoadKind.CreateAll, "bench", options.Jobs, options.Jobs, $"creating {options.Jobs} jobs");

    /// <summary>In turn, round by round, so that what else happens on the machine hits the limits and the server alike.</summary>
    private async Task Throughput(string[] names, int connections)
    {
        var rounds = names.ToDictionary(name => name, _ => new List<Measured>());
        for (int round = 0; round < options.Rounds; round++)
        {
            foreach (string name in names)
                rounds[name].Add(await Measure(name, connections, options.Seconds, options.WarmUpSeconds));
        }

        foreach (string name in names)
        {
            List<Measured> sorted = [.. rounds[name].OrderBy(measured => measured.PerSecond)];
            var errors = sorted.SelectMany(measured => measured.Errors).GroupBy(error => error.Key)
                .ToDictionary(same => same.Key, same => same.Sum(error => error.Value));
            string spread = sorted.Count == 1 ? "" : string.Create(
                CultureInfo.InvariantCulture, $"rounds {sorted[0].PerSecond:0} to {sorted[^1].PerSecond:0}");
            figures.Add(name, connections, sorted[sorted.Count / 2] with { Errors = errors }, spread);
        }
    }

    private async Task<Measured> Measure(string name, int connections, double seconds, double warmUp)
    {
        if (PgBench.Forms.Contains(name))
            return await Limit(name, connections, seconds);
        if (name == "marten")
            return await Marten(connections, seconds, warmUp);
        LoadKind kind = Enum.Parse<LoadKind>(name.Replace("-", string.Empty, StringComparison.Ordinal), ignoreCase: true);
        string @namespace = kind == LoadKind.Create ? "created" : "bench";
        return await Load(
            server.Load(kind, postgres) with
            {
                Namespace = @namespace,
                Jobs = options.Jobs,
                Connections = connections,
                Seconds = seconds,
                WarmUpSeconds = warmUp,
            },
            null);
    }

    private async Task<Measured> Limit(string form, int connections, double seconds)
    {
        if (!pgbench.TryGetValue(form, out PgBench? limit))
            pgbench[form] = limit = await PgBench.Prepare(form, postgres!, Database, options.Jobs);
        return await limit.Run(connections, seconds, stop);
    }

    private async Task<Measured> Marten(int connections, double seconds, double warmUp)
    {
        const string database = "bench_marten";
        await postgres!.CreateDatabase(database);
        await postgres.Ask("CHECKPOINT");
        var connection =
            new Npgsql.NpgsqlConnectionStringBuilder(postgres.For(database, database)) { MaxPoolSize = Math.Max(20, connections + 2) };
        return await Self.Run(
            PlainMarten.Verb, new PlainMarten.Order(connection.ConnectionString, options.Jobs, connections, warmUp, seconds, postgres.Pid),
            null, stop);
    }

    private async Task List()
    {
        const string many = "many";
        await Fill(server, LoadKind.CreateAll, many, options.ManyJobs, options.ManyJobs, $"creating {options.ManyJobs} jobs");
        foreach ((string @namespace, int jobs) in ((string, int)[])[("bench", options.Jobs), (many, options.ManyJobs)])
        {
            double before = server.MemoryMb;
            Measured measured = await Load(
                server.Load(LoadKind.List, postgres) with
                {
                    Namespace = @namespace,
                    Jobs = jobs,
                    Seconds = options.Seconds,
                    WarmUpSeconds = options.WarmUpSeconds,
                },
                null);
            figures.Add($"list {jobs}", 1, measured, string.Create(
                CultureInfo.InvariantCulture,
                $"{measured.BodyBytes / 1e6 / Math.Max(1, measured.Requests):0.0} MB each; server's memory {before:0} → {server.MemoryMb:0} MB"));
        }
    }

    private async Task Watch(int watchers, int rate)
    {
        Measured measured = await Load(
            server.Load(LoadKind.Watch, postgres) with { Jobs = options.Jobs, Seconds = options.Seconds, Watchers = watchers, Rate = rate },
            null);
        WatchMeasured watch = measured.Watch!;
        figures.Add($"watch {watchers} x {rate}/s", watchers, measured, string.Create(
            CultureInfo.InvariantCulture,
            $"lag p50 {watch.LagP50Ms:0.0} p99 {watch.LagP99Ms:0.0} max {watch.LagMaxMs:0} ms; frames {watch.FramesReceived} of {watch.FramesExpected}, {watch.FramesTwice} twice, {watch.Resumes} resumes"));
    }

    private async Task Watches()
    {
        foreach ((int watchers, int rate) in WatchLoads)
            await Watch(watchers, rate);
    }

    private async Task Large()
    {
        using var large = new LargeJobs(postgres!, options, stop);
        await large.Measure(figures);
    }

    private async Task Once(string name, Func<string?, CancellationToken, Task<Measured>> measure) =>
        figures.Add(name, 1, await measure(options.Server, stop));

    private async Task Past()
    {
        const string database = "bench_past";
        await using ServerUnderTest fresh = await ServerUnderTest.Start(postgres!, database, options.Server, stop);
        int events = Benchmarks.Past.Depths.Max();
        await LongJob(fresh, events);
        await postgres!.Ask("ANALYZE", database);
        long[] revisions = await Benchmarks.Past.Revisions(postgres, database);
        foreach (int depth in Benchmarks.Past.Depths)
            figures.Add($"past {depth}", 1, await Benchmarks.Past.Measure(fresh, revisions, depth, stop), $"of {revisions.Length} events");
    }

    private async Task LongJob(ServerUnderTest target, int patches)
    {
        await Fill(target, LoadKind.CreateAll, "bench", 1, 1, "creating a job");
        await Fill(target, LoadKind.MakeHistory, "bench", 1, patches, $"patching it {patches} times");
    }

    /// <summary>Throughput by concurrency: the patches of the server, of pgbench and of plain Marten.</summary>
    private async Task<string> Chart()
    {
        string[] names = options.Url is null ? ["patch", "pgbench", "pgbench-steps", "marten"] : ["patch"];
        var chart = new Chart("Patches per second, by connections", ChartConnections);
        foreach (int connections in ChartConnections)
        {
            foreach (string name in names)
                figures.AddToChart(chart, name, connections, await Measure(name, connections, ChartSeconds, 1));
        }

        return chart.ToSvg();
    }

    private string Memory() => figures.Memory = string.Create(
        CultureInfo.InvariantCulture,
        $"Highest memory: server {server.PeakMemoryMb:0} MB (VmHWM), PostgreSQL {figures.PostgresMb:0} MB (Pss of all its processes)");

    private async Task Fill(ServerUnderTest target, LoadKind kind, string @namespace, int jobs, long count, string doing)
    {
        if (count <= 0)
            return;
        var progress = new ProgressBar(doing);
        Measured measured = await Self.Run(
            Generator.Verb,
            target.Load(kind, postgres) with { Namespace = @namespace, Jobs = jobs, Count = count, Connections = PreparingConnections },
            progress.Show,
            stop);
        progress.Show(count, count);
        if (measured.Errors.Count > 0)
            throw new BenchmarkException($"{doing}: {Table.Errors(measured)}");
    }

    /// <summary>
    /// Each measurement begins after a checkpoint, so that each pays alike for the full pages PostgreSQL writes after one.
    /// </summary>
    private async Task<Measured> Load(LoadSpec spec, Action<long, long>? progress)
    {
        if (postgres is not null)
            await postgres.Ask("CHECKPOINT");
        Measured measured = await Self.Run(Generator.Verb, spec, progress, stop);
        figures.PostgresMb = Math.Max(figures.PostgresMb, postgres?.MemoryMb() ?? 0);
        return measured;
    }
}
