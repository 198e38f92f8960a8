using System.Globalization;
using EventStore.Benchmarks.Load;
using EventStore.Benchmarks.Machine;
using EventStore.Benchmarks.Report;

namespace EventStore.Benchmarks;

/// <summary>
/// What owners of fields cost: a merge patch in the profile that keeps none and in the one that does, and server-side apply of a label, in
/// turn, so that what else happens on the machine hits all alike.
/// </summary>
internal sealed class ApplyCost(
    MeasuredPostgres postgres, Options options, Func<LoadSpec, Task<Measured>> load, Func<ServerUnderTest, Task> fill,
    CancellationToken stop)
{
    private const int RoundsMin = 5;

    /// <summary>Measures and reports.</summary>
    public async Task Measure(Figures figures)
    {
        await using ServerUnderTest documented = await ServerUnderTest.Start(postgres, "bench_documented", options.Server, stop);
        await using ServerUnderTest kubeflow = await ServerUnderTest.Start(
            postgres, "bench_kubeflow", options.Server, stop, new Dictionary<string, string> { ["profile"] = "kubeflow" });
        await fill(documented);
        await fill(kubeflow);
        (string Name, ServerUnderTest Server, LoadKind Kind)[] measured =
        [
            ("patch, documented", documented, LoadKind.Patch), ("patch, kubeflow", kubeflow, LoadKind.Patch),
            ("apply", kubeflow, LoadKind.Apply),
        ];
        foreach (int connections in options.Connections)
        {
            var rounds = measured.ToDictionary(one => one.Name, _ => new List<Measured>());
            for (int round = 0; round <= Math.Max(RoundsMin, options.Rounds); round++)
            {
                foreach ((string name, ServerUnderTest server, LoadKind kind) in round % 2 == 0 ? measured : measured.Reverse())
                {
                    Measured one = await load(server.Load(kind, postgres) with
                    {
                        Jobs = options.Jobs,
                        Connections = connections,
                        Seconds = options.Seconds,
                        WarmUpSeconds = options.WarmUpSeconds,
                    });
                    if (round > 0) // before, the servers' code is still being compiled
                        rounds[name].Add(one);
                }
            }

            List<Measured> basis = rounds[measured[0].Name];
            foreach ((string name, ServerUnderTest server, _) in measured)
            {
                double ratio = Median(rounds[name].Zip(basis, (one, other) => one.PerSecond / other.PerSecond));
                figures.Add(name, connections, rounds[name].OrderBy(one => one.PerSecond).ElementAt(rounds[name].Count / 2), string.Create(
                    CultureInfo.InvariantCulture,
                    $"{ratio:0.00} of the documented profile's patch; highest memory {server.PeakMemoryMb:0} MB"));
            }
        }
    }

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }
}
