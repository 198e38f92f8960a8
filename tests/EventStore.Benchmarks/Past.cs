using System.Diagnostics;
using System.Net;
using System.Text;
using EventStore.Benchmarks.Load;
using EventStore.Benchmarks.Machine;

namespace EventStore.Benchmarks;

/// <summary>
/// How long it takes to read one job of a long history as it once stood: at revisions so many events back, one request at a time over one
/// connection. The server and its database are of this scenario's own.
/// </summary>
internal static class Past
{
    private const int Reads = 1000;
    private const int WarmUp = 200;

    /// <summary>How far back is read, in events of the job.</summary>
    public static readonly int[] Depths = [10, 1_000, 100_000];

    /// <summary>The revisions of the job, oldest first.</summary>
    public static async Task<long[]> Revisions(MeasuredPostgres postgres, string database) =>
        (long[])(await postgres.Ask("SELECT array_agg(seq_id ORDER BY version) FROM eventstore.mt_events", database))!;

    /// <summary>When each was committed.</summary>
    public static async Task<DateTime[]> Times(MeasuredPostgres postgres, string database) =>
        (DateTime[])(await postgres.Ask("SELECT array_agg(timestamp ORDER BY version) FROM eventstore.mt_events", database))!;

    /// <summary>Reads around the depth: each revision another one.</summary>
    public static async Task<Measured> Measure(ServerUnderTest server, long[] revisions, int depth, CancellationToken stop)
    {
        using var connection = new HttpConnection(new IPEndPoint(IPAddress.Loopback, server.Url.Port));
        var random = new Random(depth);
        var times = new Latencies();
        var errors = new Dictionary<string, long>();
        long bytes = 0;
        for (int i = -WarmUp; i < Reads; i++)
        {
            stop.ThrowIfCancellationRequested();
            int spread = Math.Max(1, depth / 10);
            long revision = revisions[Math.Max(0, revisions.Length - 1 - depth + random.Next(spread))];
            byte[] request = Encoding.ASCII.GetBytes(
                $"GET /apis/kubeflow.org/v1/namespaces/bench/pytorchjobs/{Requests.JobName(0)}?resourceVersion={revision}&resourceVersionMatch=Exact HTTP/1.1\r\n"
                + $"Host: {server.Url.Authority}\r\nAuthorization: Bearer {server.Token}\r\nAccept: application/json\r\n\r\n");
            long started = Stopwatch.GetTimestamp();
            await connection.Exchange(request);
            if (i >= 0)
                times.Record(Stopwatch.GetTimestamp() - started);
            if (connection.Status != 200 || Requests.ResourceVersion(connection.Body) != revision)
                errors["another answer than the job at that revision"] =
                    errors.GetValueOrDefault("another answer than the job at that revision") + 1;
            bytes += connection.BodyBytes;
        }

        return new Measured
        {
            Seconds = 1,
            Requests = times.Count,
            BodyBytes = bytes,
            P50Ms = times.PercentileMs(0.5),
            P90Ms = times.PercentileMs(0.9),
            P99Ms = times.PercentileMs(0.99),
            MaxMs = times.MaxMs,
            Errors = errors,
        };
    }
}
