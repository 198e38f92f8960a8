using System.Globalization;
using EventStore.Benchmarks.Load;
using EventStore.Benchmarks.Machine;
using EventStore.Benchmarks.Report;

namespace EventStore.Benchmarks;

/// <summary>
/// One user floods the server with patches, or with reads; what does another one, who patches, feel of it? Measured on one machine: the
/// other alone, beside each flood, and beside that of patches without the limits on a user.
/// </summary>
internal sealed class Flood(MeasuredPostgres postgres, Options options, Figures figures, CancellationToken stop)
{
    private const int QuietConnections = 4;
    private const int QuietRate = 400; // far below what one user may ask for, or it would be the limit that is measured
    private const int FloodConnections = 64;
    private const string Refused = "HTTP 429";

    /// <summary>Measures and reports.</summary>
    public async Task Measure()
    {
        Measured alone;
        await using (ServerUnderTest limited = await Start(limits: true))
        {
            (List<Measured> alones, List<Measured> besides, List<Measured> floods, List<Measured> besideReads) = ([], [], [], []);
            for (int round = 0; round < options.Rounds; round++) // in turn: what else the machine does changes by the minute
            {
                alones.Add(await Load(limited, limited.Token, QuietConnections, options.Seconds));
                (Measured quiet, Measured itself) = await Beside(limited, LoadKind.Patch);
                besides.Add(quiet);
                floods.Add(itself);
                besideReads.Add((await Beside(limited, LoadKind.Get)).Quiet);
            }

            alone = Median(alones);
            Measured flood = Median(floods);
            figures.Add("flood: alone", QuietConnections, alone);
            figures.Add("flood: beside it", QuietConnections, Median(besides), Ratio(Median(besides), alone));
            figures.Add(
                "flood: itself", FloodConnections, flood with { Errors = flood.Errors.Where(error => error.Key != Refused).ToDictionary() },
                string.Create(CultureInfo.InvariantCulture, $"{flood.Errors.GetValueOrDefault(Refused)} refused with 429"));
            figures.Add("flood: beside reads", QuietConnections, Median(besideReads), Ratio(Median(besideReads), alone));
        }

        await using ServerUnderTest open = await Start(limits: false);
        (Measured beside, _) = await Beside(open, LoadKind.Patch);
        figures.Add("flood: no limits", QuietConnections, beside, Ratio(beside, alone));
    }

    private static Measured Median(List<Measured> rounds) => rounds.OrderBy(measured => measured.P99Ms).ElementAt(rounds.Count / 2) with
    {
        Errors = rounds.SelectMany(measured => measured.Errors).GroupBy(error => error.Key)
            .ToDictionary(same => same.Key, same => same.Sum(error => error.Value)),
    };

    private static string Ratio(Measured beside, Measured alone) =>
        string.Create(
            CultureInfo.InvariantCulture, $"p99 {beside.P99Ms / alone.P99Ms:0.0} × that of alone, p50 {beside.P50Ms / alone.P50Ms:0.0} ×");

    private async Task<ServerUnderTest> Start(bool limits)
    {
        ServerUnderTest server = await ServerUnderTest.Start(
            postgres, "bench_flood", options.Server, stop,
            new Dictionary<string, string> { ["Limits__Masters"] = limits ? "true" : "false" });
        await Self.Run(
            Generator.Verb, server.Load(LoadKind.CreateAll, postgres) with { Jobs = options.Jobs, Count = options.Jobs, Connections = 16 },
            null, stop);
        await Load(server, server.Token, QuietConnections, options.WarmUpSeconds); // nobody is measured while code is being compiled
        return server;
    }

    private async Task<(Measured Quiet, Measured Flood)> Beside(ServerUnderTest server, LoadKind of)
    {
        Task<Measured> flood = Load(server, server.OtherToken, FloodConnections, options.Seconds + (2 * options.WarmUpSeconds) + 4, of);
        await Task.Delay(TimeSpan.FromSeconds(2), stop); // until its process is up
        Measured quiet = await Load(server, server.Token, QuietConnections, options.Seconds);
        return (quiet, await flood);
    }

    private Task<Measured> Load(ServerUnderTest server, string token, int connections, double seconds, LoadKind? flood = null) => Self.Run(
        Generator.Verb,
        server.Load(flood ?? LoadKind.Patch, postgres) with
        {
            Token = token,
            Rate = flood is null ? QuietRate : 0,
            Jobs = options.Jobs,
            Connections = connections,
            Seconds = seconds,
            WarmUpSeconds = options.WarmUpSeconds,
        },
        null,
        stop);
}
