using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using EventStore.Benchmarks.Machine;

namespace EventStore.Benchmarks.Load;

/// <summary>
/// So many connections, each sending its next request when the last one is answered and, where there is a rate, its time has come. First
/// the warm-up, then the measured time; CPU times are read at the same two moments at which counting begins and ends.
/// </summary>
internal sealed class ClosedLoop
{
    // Not the first job, which is prepared with a history of a length known beforehand.
    private const int HotJob = 1;

    private static readonly TimeSpan ReportEvery = TimeSpan.FromMilliseconds(200);

    private readonly LoadSpec spec;
    private readonly long[] revisions;
    private readonly long begun = Stopwatch.GetTimestamp();
    private readonly string run = Guid.NewGuid().ToString("N")[..6];
    private long taken;
    private volatile bool measuring;
    private volatile bool ended;

    private ClosedLoop(LoadSpec spec)
    {
        this.spec = spec;
        measuring = spec.Count > 0;
        revisions = new long[spec.Kind == LoadKind.PatchLocked ? spec.Jobs : 0];
    }

    /// <summary>Runs it; progress is told as requests done of requests to do, where their number is given.</summary>
    public static async Task<Measured> Run(LoadSpec spec, Action<long, long> progress)
    {
        var loop = new ClosedLoop(spec);
        Worker[] workers = [.. Enumerable.Range(0, spec.Connections).Select(_ => new Worker())];
        Task running = Task.WhenAll(workers.Select(worker => Task.Run(() => loop.Work(worker))));
        if (spec.Count == 0)
            await Task.WhenAny(running, Task.Delay(TimeSpan.FromSeconds(spec.WarmUpSeconds)));
        CpuTimes before = CpuTimes.Read(spec.ServerPid, spec.PostgresPid);
        long started = Stopwatch.GetTimestamp();
        loop.measuring = true;
        if (spec.Count == 0)
            await Task.WhenAny(running, Task.Delay(TimeSpan.FromSeconds(spec.Seconds)));
        while (spec.Count > 0 && await Task.WhenAny(running, Task.Delay(ReportEvery)) != running)
            progress(Math.Min(Volatile.Read(ref loop.taken), spec.Count), spec.Count);
        loop.measuring = false;
        TimeSpan time = Stopwatch.GetElapsedTime(started);
        CpuTimes spent = CpuTimes.Read(spec.ServerPid, spec.PostgresPid) - before;
        loop.ended = true;
        await running;
        return Sum(workers, time, spent);
    }

    private static Measured Sum(Worker[] workers, TimeSpan time, CpuTimes spent)
    {
        var all = new Latencies();
        var errors = new Dictionary<string, long>();
        foreach (Worker worker in workers)
        {
            all.Add(worker.Latencies);
            foreach ((string error, long count) in worker.Errors)
                errors[error] = errors.GetValueOrDefault(error) + count;
        }

        return all.Summary(time.TotalSeconds) with
        {
            ServerCpuMs = spent.ServerMs,
            PostgresCpuMs = spent.PostgresMs,
            ClientCpuMs = spent.OwnMs,
            Conflicts = workers.Sum(worker => worker.Conflicts),
            BodyBytes = workers.Sum(worker => worker.BodyBytes),
            Errors = errors,
        };
    }

    private async Task Work(Worker worker)
    {
        using var connection = new HttpConnection(new DnsEndPoint(spec.Host, spec.Port, AddressFamily.InterNetwork));
        var requests = new Requests(spec);
        var random = new Random();
        while (!ended)
        {
            long number = Interlocked.Increment(ref taken) - 1;
            if (spec.Count > 0 && number >= spec.Count)
                return;
            if (spec.Rate > 0 && TimeSpan.FromSeconds((double)number / spec.Rate) - Stopwatch.GetElapsedTime(begun) is { Ticks: > 0 } early)
                await Task.Delay(early);
            int job = spec.Kind switch
            {
                LoadKind.PatchHot => HotJob,
                LoadKind.History or LoadKind.MakeHistory => 0,
                _ => random.Next(spec.Jobs),
            };
            try
            {
                if (spec.Kind == LoadKind.PatchLocked && Volatile.Read(ref revisions[job]) == 0)
                    await LearnRevision(connection, requests, job);
                long sent = Stopwatch.GetTimestamp();
                await connection.Exchange(Next(requests, job, number, random));
                Settle(worker, connection, job, sent);
                if (connection.Status == 409 && spec.Kind == LoadKind.PatchLocked)
                    await LearnRevision(connection, requests, job);
            }
            catch (Exception e) when (e is IOException or SocketException)
            {
                worker.Fail(e.Message);
                connection.Close();
                await Task.Delay(10);
            }
        }
    }

    private ReadOnlyMemory<byte> Next(Requests requests, int job, long number, Random random) => spec.Kind switch
    {
        LoadKind.CreateAll => requests.Create(Requests.JobName((int)number)),
        LoadKind.MakeHistory or LoadKind.Patch or LoadKind.PatchHot => requests.Patch(job),
        LoadKind.Apply => requests.Apply(job),
        LoadKind.Create => requests.Create($"new-{run}-{number}"),
        LoadKind.PatchLocked => requests.Patch(job, Volatile.Read(ref revisions[job])),
        LoadKind.Get => requests.Get(job),
        LoadKind.GetAny => requests.Get(job, "?resourceVersion=0"),
        LoadKind.List => requests.List(),
        LoadKind.History => requests.History(job),
        LoadKind.Path => requests.Path(job),
        LoadKind.Mixed => Mixed(requests, job, random.Next(100)),
        _ => throw new UnreachableException($"{spec.Kind} is no closed loop"),
    };

    // What controllers and people do to a control plane: mostly reading, much patching, now and then a page of a list or of history.
    private static ReadOnlyMemory<byte> Mixed(Requests requests, int job, int dice) => dice switch
    {
        < 65 => requests.Get(job),
        < 95 => requests.Patch(job),
        < 98 => requests.List("?limit=50"),
        _ => requests.History(job),
    };

    private void Settle(Worker worker, HttpConnection connection, int job, long sent)
    {
        bool isConflict = connection.Status == 409 && spec.Kind == LoadKind.PatchLocked;
        bool isThere = connection.Status == 409 && spec.Kind == LoadKind.CreateAll; // of an earlier run on the same database
        bool isRight = isConflict || isThere || connection.Status is 200 or 201;
        if (!isRight)
            worker.Fail($"HTTP {connection.Status}");
        if (spec.Kind == LoadKind.PatchLocked && connection.Status == 200)
            Volatile.Write(ref revisions[job], Requests.ResourceVersion(connection.Body));
        if (!measuring || !isRight)
            return;
        worker.Latencies.Record(Stopwatch.GetTimestamp() - sent);
        worker.Conflicts += isConflict ? 1 : 0;
        worker.BodyBytes += connection.BodyBytes;
    }

    private async Task LearnRevision(HttpConnection connection, Requests requests, int job)
    {
        await connection.Exchange(requests.Get(job));
        Volatile.Write(ref revisions[job], Requests.ResourceVersion(connection.Body));
    }

    /// <summary>What one connection counts, so that none waits for another.</summary>
    private sealed class Worker
    {
        public Latencies Latencies { get; } = new();

        public Dictionary<string, long> Errors { get; } = [];

        public long Conflicts { get; set; }

        public long BodyBytes { get; set; }

        public void Fail(string error) => Errors[error] = Errors.GetValueOrDefault(error) + 1;
    }
}
