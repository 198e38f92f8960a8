using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using EventStore.Benchmarks.Machine;

namespace EventStore.Benchmarks.Load;

/// <summary>
/// Watchers and patches in one process, so that one clock times both: for each event and each watcher, from the answer of the patch to
/// the frame. Patches are sent at a fixed rate, by the clock. Every watcher must see every event once; one whose watch ends goes on
/// behind the last revision it saw, and what it had to be told twice or never is counted.
/// </summary>
internal sealed class WatchLoad : IDisposable
{
    private const int Senders = 16;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly LoadSpec spec;
    private readonly DnsEndPoint server;
    private readonly CancellationTokenSource enough = new();
    private readonly Latencies answers = new();
    private readonly Dictionary<string, long> errors = [];
    private readonly Lock gate = new();
    private long first;
    private long[] answeredAt = [];

    private WatchLoad(LoadSpec spec) => (this.spec, server) = (spec, new DnsEndPoint(spec.Host, spec.Port, AddressFamily.InterNetwork));

    public static async Task<Measured> Run(LoadSpec spec)
    {
        using var load = new WatchLoad(spec);
        return await load.Measure();
    }

    public void Dispose() => enough.Dispose();

    private async Task<Measured> Measure()
    {
        int patches = (int)(spec.Rate * spec.Seconds);
        first = await Head() + 1;
        answeredAt = new long[(2 * patches) + 10_000];
        Watcher[] watchers = [.. Enumerable.Range(0, spec.Watchers).Select(_ => new Watcher(this))];
        Task watching = Task.WhenAll(watchers.Select(watcher => Task.Run(watcher.Follow)));
        await Until(() => watchers.All(watcher => watcher.IsOpen));

        CpuTimes before = CpuTimes.Read(spec.ServerPid, spec.PostgresPid);
        long started = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, Senders).Select(sender => Task.Run(() => Send(sender, patches, started))));
        TimeSpan time = Stopwatch.GetElapsedTime(started);
        CpuTimes spent = CpuTimes.Read(spec.ServerPid, spec.PostgresPid) - before;
        long expected = answers.Count * spec.Watchers;
        await Until(() => watchers.Sum(watcher => watcher.Received) >= expected);
        await enough.CancelAsync();
        foreach (Watcher watcher in watchers)
            watcher.Dispose();
        await watching;
        return Sum(watchers, expected, time, spent);
    }

    private Measured Sum(Watcher[] watchers, long expected, TimeSpan time, CpuTimes spent)
    {
        var lag = new Latencies();
        foreach (Watcher watcher in watchers)
            watcher.AddLag(lag, answeredAt);
        if (lag.Count < expected)
            errors["frames lost"] = expected - lag.Count;
        long twice = watchers.Sum(watcher => watcher.Twice);
        if (twice > 0)
            errors["frames received twice"] = twice;
        return new Measured
        {
            Seconds = time.TotalSeconds,
            Requests = answers.Count,
            P50Ms = answers.PercentileMs(0.5),
            P90Ms = answers.PercentileMs(0.9),
            P99Ms = answers.PercentileMs(0.99),
            MaxMs = answers.MaxMs,
            ServerCpuMs = spent.ServerMs,
            PostgresCpuMs = spent.PostgresMs,
            ClientCpuMs = spent.OwnMs,
            Errors = errors,
            Watch = new WatchMeasured(
                answers.Count, expected, lag.Count, twice, watchers.Sum(watcher => watcher.Resumes), lag.PercentileMs(0.5),
                lag.PercentileMs(0.99), lag.MaxMs),
        };
    }

    private async Task Send(int sender, int patches, long started)
    {
        using var connection = new HttpConnection(server);
        var requests = new Requests(spec);
        var random = new Random(sender);
        for (int i = sender; i < patches; i += Senders)
        {
            TimeSpan wait = TimeSpan.FromSeconds((double)i / spec.Rate) - Stopwatch.GetElapsedTime(started);
            if (wait > TimeSpan.Zero)
                await Task.Delay(wait);
            long sent = Stopwatch.GetTimestamp();
            await connection.Exchange(requests.Patch(random.Next(spec.Jobs)));
            Settle(connection, sent);
        }
    }

    private void Settle(HttpConnection connection, long sent)
    {
        long now = Stopwatch.GetTimestamp();
        lock (gate)
        {
            if (connection.Status != 200)
            {
                Fail($"HTTP {connection.Status}");
                return;
            }

            answers.Record(now - sent);
            answeredAt[Requests.ResourceVersion(connection.Body) - first] = now;
        }
    }

    private void Fail(string error)
    {
        lock (gate)
            errors[error] = errors.GetValueOrDefault(error) + 1;
    }

    private async Task<long> Head()
    {
        using var connection = new HttpConnection(server);
        await connection.Exchange(new Requests(spec).List("?limit=1"));
        return Requests.ListResourceVersion(connection.Body);
    }

    private static async Task Until(Func<bool> reached)
    {
        for (long started = Stopwatch.GetTimestamp(); !reached() && Stopwatch.GetElapsedTime(started) < Patience;)
            await Task.Delay(20);
    }

    /// <summary>One watcher: when each revision reached it.</summary>
    private sealed class Watcher(WatchLoad load) : IDisposable
    {
        private readonly HttpConnection connection = new(load.server);
        private readonly long[] receivedAt = new long[load.answeredAt.Length];
        private byte[] partial = new byte[8 * 1024];
        private int partialLength;
        private long seen = load.first - 1;
        private long received;

        public bool IsOpen { get; private set; }

        public long Received => Volatile.Read(ref received);

        public long Twice { get; private set; }

        public long Resumes { get; private set; }

        public async Task Follow()
        {
            while (!load.enough.IsCancellationRequested)
            {
                try
                {
                    partialLength = 0;
                    await connection.Begin(new Requests(load.spec).List($"?watch=true&resourceVersion={seen}"));
                    if (connection.Status != 200)
                        load.Fail($"watch: HTTP {connection.Status}");
                    IsOpen = true;
                    while (await connection.NextPiece() is { IsEmpty: false } piece)
                        Read(piece.Span);
                }
                catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
                {
                    // Cut off, as a watcher that does not keep up is: it resumes.
                }

                connection.Close();
                if (!load.enough.IsCancellationRequested)
                    Resumes++;
            }
        }

        public void Dispose() => connection.Dispose();

        public void AddLag(Latencies lag, long[] answeredAt)
        {
            for (int i = 0; i < receivedAt.Length; i++)
            {
                if (receivedAt[i] > 0 && answeredAt[i] > 0)
                    lag.Record(receivedAt[i] - answeredAt[i]);
            }
        }

        private void Read(ReadOnlySpan<byte> piece)
        {
            long now = Stopwatch.GetTimestamp();
            for (int line; (line = piece.IndexOf((byte)'\n')) >= 0; piece = piece[(line + 1)..])
            {
                if (partialLength == 0)
                {
                    Frame(piece[..line], now);
                    continue;
                }

                Append(piece[..line]);
                Frame(partial.AsSpan(0, partialLength), now);
                partialLength = 0;
            }

            Append(piece);
        }

        private void Append(ReadOnlySpan<byte> part)
        {
            if (partialLength + part.Length > partial.Length)
                Array.Resize(ref partial, 2 * (partialLength + part.Length));
            part.CopyTo(partial.AsSpan(partialLength));
            partialLength += part.Length;
        }

        private void Frame(ReadOnlySpan<byte> frame, long now)
        {
            if (frame.StartsWith("{\"type\":\"ERROR\""u8))
                load.Fail("watch: ERROR frame");
            if (!frame.StartsWith("{\"type\":\"MODIFIED\""u8))
                return;
            seen = Requests.ResourceVersion(frame);
            ref long at = ref receivedAt[seen - load.first];
            if (at > 0)
                Twice++;
            else
                Volatile.Write(ref received, received + 1);
            at = now;
        }
    }
}
