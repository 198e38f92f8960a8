using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using EventStore.Benchmarks.Load;
using EventStore.Benchmarks.Machine;

namespace EventStore.Benchmarks;

/// <summary>
/// How long it takes from starting the program, with nothing configured, to the first answered patch. Starts on the data of an earlier
/// one, as every start but the first does; the client is there already and tries again until it is answered.
/// </summary>
internal static class Startup
{
    private const int Starts = 5;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public static async Task<Measured> Measure(string? program, CancellationToken stop)
    {
        string folder = EmptyFolder();
        try
        {
            string data = Path.Combine(folder, "data");
            int port = FreePort();
            string[] command = [.. ServerUnderTest.Command(program), "--data", data, "--urls", $"http://127.0.0.1:{port}"];
            (Child first, _) = await ServerUnderTest.Launch(command, null, stop);
            string token = (await File.ReadAllTextAsync(Path.Combine(data, "tokens.csv"), stop)).Split(',')[0];
            var requests = new Requests(new LoadSpec { Kind = LoadKind.Patch, Host = "127.0.0.1", Port = port, Token = token, Jobs = 1 });
            await using (first)
                await Answered(port, requests.Create(Requests.JobName(0)), 201);
            var times = new Latencies();
            for (int i = 0; i < Starts; i++)
            {
                long started = Stopwatch.GetTimestamp();
                await using Child server = Child.Start(command);
                await Answered(port, requests.Patch(0), 200).WaitAsync(stop);
                times.Record(Stopwatch.GetTimestamp() - started);
            }

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
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>A folder for data. Root's PostgreSQL runs under another account, which has to come through.</summary>
    public static string EmptyFolder()
    {
        string folder = Directory.CreateTempSubdirectory("eventstore-bench.").FullName;
        if (!OperatingSystem.IsWindows() && Environment.IsPrivilegedProcess)
            File.SetUnixFileMode(folder, File.GetUnixFileMode(folder) | UnixFileMode.OtherExecute | UnixFileMode.GroupExecute);
        return folder;
    }

    private static async Task Answered(int port, ReadOnlyMemory<byte> request, int status)
    {
        for (long started = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(started) < Patience;)
        {
            using var connection = new HttpConnection(new IPEndPoint(IPAddress.Loopback, port));
            try
            {
                await connection.Exchange(request);
                if (connection.Status == status)
                    return;
            }
            catch (Exception e) when (e is SocketException or IOException)
            {
                // Nobody listens yet.
            }

            await Task.Delay(5);
        }

        throw new BenchmarkException("the server was started and did not answer");
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
