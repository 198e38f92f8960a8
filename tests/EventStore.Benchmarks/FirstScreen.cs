using System.Diagnostics;
using System.Text;
using EventStore.Benchmarks.Load;
using EventStore.Benchmarks.Machine;

namespace EventStore.Benchmarks;

/// <summary>
/// The first screen of the README as a newcomer goes through it: from starting the program on an empty folder, which makes the database,
/// to a patch by kubectl.
/// </summary>
internal static class FirstScreen
{
    private const int Walks = 3;

    /// <summary>Walks some times, each on a folder of its own; the times are those of whole walks.</summary>
    public static async Task<Measured> Measure(string? program, CancellationToken stop)
    {
        var times = new Latencies();
        for (int i = 0; i < Walks; i++)
            times.Record(await Walk(program, stop));
        return new Measured
        {
            Seconds = 1,
            Requests = times.Count,
            P50Ms = times.PercentileMs(0.5),
            P90Ms = times.PercentileMs(0.9),
            P99Ms = times.PercentileMs(0.99),
            MaxMs = times.MaxMs,
        };
    }

    private static async Task<long> Walk(string? program, CancellationToken stop)
    {
        string folder = Startup.EmptyFolder();
        try
        {
            string data = Path.Combine(folder, "data"), manifest = Path.Combine(folder, "job.json");
            string created = Encoding.UTF8.GetString(
                new Requests(new LoadSpec { Kind = LoadKind.Patch, Host = "127.0.0.1", Port = 1, Token = "none" }).Create("first").Span);
            await File.WriteAllTextAsync(manifest, created[(created.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..], stop);
            string[] kubectl = ["kubectl", "--kubeconfig", Path.Combine(data, "kubeconfig"), "--namespace", "bench"];
            long started = Stopwatch.GetTimestamp();
            (Child server, _) = await ServerUnderTest.Launch([.. ServerUnderTest.Command(program), "--data", data, "--urls", "http://127.0.0.1:0"], null, stop);
            await using (server)
            {
                await Child.Run([.. kubectl, "create", "--filename", manifest], stop);
                await Child.Run(
                    [.. kubectl, "patch", "pytorchjob", "first", "--type", "merge", "--patch", """{"spec":{"cleanPodPolicy":"All"}}"""],
                    stop);
                return Stopwatch.GetTimestamp() - started;
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
