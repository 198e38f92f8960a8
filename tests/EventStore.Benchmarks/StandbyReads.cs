using System.Globalization;
using EventStore.Benchmarks.Load;
using EventStore.Benchmarks.Machine;
using EventStore.Benchmarks.Report;

namespace EventStore.Benchmarks;

/// <summary>
/// What a standby takes off the primary: two servers on one database, of which one reads the standby, in turn. PostgreSQL's CPU time is
/// that of the primary alone. And what it costs that every commit waits for it. Both hosts are on this machine, so the rate is not what two
/// machines would give.
/// </summary>
internal sealed class StandbyReads(
    MeasuredPostgres postgres, Options options, Figures figures, Func<LoadSpec, Task<Measured>> load, CancellationToken stop)
{
    private const string Database = "bench_standby";
    private const int Connections = 16;

    private static readonly (string Name, string Path, int Connections)[] Reads =
    [
        ("list", "/apis/kubeflow.org/v1/namespaces/bench/pytorchjobs", 1),
        ("page of history", "/apis/audit.eventstore.io/v1/pytorchjobrevisions?limit=100", Connections),
        ("page of a job", "/apis/audit.eventstore.io/v1/namespaces/bench/pytorchjobrevisions?limit=100&labelSelector=job%3DJOB",
            Connections),
        ("blame", "/apis/kubeflow.org/v1/namespaces/bench/pytorchjobs/JOB/blame", Connections),
    ];

    /// <summary>Measures and reports.</summary>
    public async Task Measure()
    {
        await using ServerUnderTest alone = await ServerUnderTest.Start(postgres, Database, options.Server, stop);
        await BulkLoad.Fill(postgres, Database, options.Jobs, 100 * options.Jobs, $"loading {100 * options.Jobs} events", stop);
        await postgres.Ask("VACUUM ANALYZE", Database);
        await using MeasuredPostgres standby = await postgres.StartStandby(stop);
        await using ServerUnderTest shared = await alone.Beside(
            postgres, options.Server, new Dictionary<string, string> { ["standby-reads"] = "on" }, stop, standby);
        foreach ((string name, string path, int connections) in Reads)
        {
            (Measured primary, Measured both) = (await Load(alone, path, connections), await Load(shared, path, connections));
            figures.Add($"{name}, primary alone", connections, primary);
            figures.Add($"{name}, standby", connections, both, string.Create(
                CultureInfo.InvariantCulture, $"of the primary's CPU a request: {Cpu(both) / Cpu(primary):0.00}"));
        }

        await Patches(alone);
    }

    /// <summary>Patches with an asynchronous standby, and with one that every commit waits for, in turn.</summary>
    private async Task Patches(ServerUnderTest server)
    {
        List<Measured> asynchronous = [], synchronous = [];
        for (int round = 0; round < Math.Max(3, options.Rounds); round++)
        {
            await Require(string.Empty);
            asynchronous.Add(await load(Patch(server)));
            await Require("*");
            synchronous.Add(await load(Patch(server)));
        }

        (Measured without, Measured with) = (Median(asynchronous), Median(synchronous));
        figures.Add("patch, asynchronous standby", Connections, without);
        figures.Add("patch, synchronous standby", Connections, with, string.Create(
            CultureInfo.InvariantCulture, $"of the rate: {with.PerSecond / without.PerSecond:0.00}"));
    }

    private async Task Require(string standbys)
    {
        await postgres.Ask($"ALTER SYSTEM SET synchronous_standby_names = '{standbys}'");
        await postgres.Ask("SELECT pg_reload_conf()");
        while (await postgres.Ask("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") is not { } count
            || (long)count == 1 != (standbys.Length > 0))
            await Task.Delay(50, stop);
    }

    private LoadSpec Patch(ServerUnderTest server) => server.Load(LoadKind.Patch, postgres) with
    {
        Jobs = options.Jobs,
        Connections = Connections,
        Seconds = options.Seconds,
        WarmUpSeconds = options.WarmUpSeconds,
    };

    private static Measured Median(List<Measured> rounds) => rounds.OrderBy(measured => measured.PerSecond).ElementAt(rounds.Count / 2);

    private static double Cpu(Measured measured) => measured.PostgresCpuMs / Math.Max(1, measured.Requests);

    private Task<Measured> Load(ServerUnderTest server, string path, int connections) => load(server.Load(LoadKind.Path, postgres) with
    {
        Path = path,
        Accept = "application/json",
        Jobs = options.Jobs,
        Connections = connections,
        Seconds = options.Seconds,
        WarmUpSeconds = options.WarmUpSeconds,
    });
}
