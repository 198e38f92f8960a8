using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text;
using EventStore.Benchmarks.Load;
using EventStore.Benchmarks.Machine;
using EventStore.Benchmarks.Report;

namespace EventStore.Benchmarks;

/// <summary>
/// What concerns a large store as a whole: a page of its history by each index there is, and the verbs that go through all of it, each as a
/// process of its own as an operator starts it. The requests of such a line are events.
/// </summary>
internal sealed class Whole(MeasuredPostgres postgres, Options options, Figures figures, CancellationToken stop)
{
    private const string Database = "bench_whole";
    private const int Pages = 300;
    private const int WarmUp = 50;
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(50);

    // Everything that is made of the events, but for the hashes, which are proof and cannot be made again.
    private const string LoseSql = """
        TRUNCATE eventstore.mt_doc_current_job, eventstore.job_snapshot, eventstore.revision_path;
        UPDATE eventstore.revision SET namespace = '', job = '', user_name = '';
        """;

    private static readonly (string Name, string Path)[] Queries =
    [
        ("store", "pytorchjobrevisions?limit=100"),
        ("namespace", "namespaces/bench/pytorchjobrevisions?limit=100"),
        ("job", $"namespaces/bench/pytorchjobrevisions?labelSelector=job%3D{Requests.JobName(7)}&limit=100"),
        ("user", "pytorchjobrevisions?fieldSelector=user%3Dbench&limit=100"),
        ("path", "pytorchjobrevisions?fieldSelector=path%3Dmetadata.labels.run&limit=100"),
    ];

    /// <summary>Measures and reports.</summary>
    public async Task Measure()
    {
        await using (ServerUnderTest server = await ServerUnderTest.Start(postgres, Database, options.Server, stop))
        {
            await BulkLoad.Fill(postgres, Database, options.WholeJobs, options.WholeEvents, $"loading {options.WholeEvents} events", stop);
            foreach ((string name, string path) in Queries)
                figures.Add($"page: {name}", 1, await Page(server, path), string.Create(CultureInfo.InvariantCulture, $"100 of {options.WholeEvents} events"));
        }

        figures.Add("verify", 1, await Run("verify", "verify"));
        figures.Add("export", 1, await Run("export", "export", "--out", "/dev/null"));
        figures.Add("rebuild: right", 1, await Run("rebuild", "rebuild"));
        await postgres.Ask(LoseSql, Database);
        await postgres.Ask("VACUUM ANALYZE", Database);
        figures.Add("rebuild: lost", 1, await Run("rebuild of everything", "rebuild"));
        figures.Add("verify: after it", 1, await Run("verify", "verify"));
    }

    private async Task<Measured> Page(ServerUnderTest server, string path)
    {
        using var connection = new HttpConnection(new IPEndPoint(IPAddress.Loopback, server.Url.Port));
        byte[] request = Encoding.ASCII.GetBytes(
            $"GET /apis/audit.eventstore.io/v1/{path} HTTP/1.1\r\nHost: {server.Url.Authority}\r\nAuthorization: Bearer {server.Token}\r\nAccept: application/json\r\n\r\n");
        var times = new Latencies();
        long wrong = 0, started = 0;
        CpuTimes before = default;
        for (int i = -WarmUp; i < Pages; i++)
        {
            stop.ThrowIfCancellationRequested();
            if (i == 0)
                (before, started) = (CpuTimes.Read(server.Pid, postgres.Pid), Stopwatch.GetTimestamp());
            long sent = Stopwatch.GetTimestamp();
            await connection.Exchange(request);
            if (i >= 0)
                times.Record(Stopwatch.GetTimestamp() - sent);
            wrong += connection.Status == 200 && connection.BodyBytes > 20_000 ? 0 : 1; // a hundred revisions are longer
        }

        CpuTimes spent = CpuTimes.Read(server.Pid, postgres.Pid) - before;
        return new Measured
        {
            Seconds = Stopwatch.GetElapsedTime(started).TotalSeconds,
            Requests = Pages,
            P50Ms = times.PercentileMs(0.5),
            P90Ms = times.PercentileMs(0.9),
            P99Ms = times.PercentileMs(0.99),
            MaxMs = times.MaxMs,
            ServerCpuMs = spent.ServerMs,
            PostgresCpuMs = spent.PostgresMs,
            ClientCpuMs = spent.OwnMs,
            Errors = wrong == 0 ? [] : new() { ["another answer than a page"] = wrong },
        };
    }

    /// <summary>Runs a verb to its end; its memory and its CPU time are those it was last seen with.</summary>
    private async Task<Measured> Run(string doing, params string[] verb)
    {
        await postgres.Ask("CHECKPOINT");
        var connections = new Dictionary<string, string>
        {
            ["ConnectionStrings__PostgresOwner"] = postgres.For(Database, Database),
            ["ConnectionStrings__Postgres"] = postgres.For(Database, Database + "_serving"),
        };
        CpuTimes before = CpuTimes.Read(0, postgres.Pid);
        (double memory, CpuTimes seen) = (0, default);
        long started = Stopwatch.GetTimestamp();
        await using Child child = Child.Start([.. ServerUnderTest.Command(options.Server), .. verb], connections);
        while (await Task.WhenAny(child.Ended, Task.Delay(Glance, stop)) != child.Ended)
        {
            stop.ThrowIfCancellationRequested();
            if (ProcessTree.Mb(child.Pid, "status", "VmHWM") is > 0 and double now)
                (memory, seen) = (now, CpuTimes.Read(child.Pid, 0));
        }

        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        if (await child.Ended is not 0 and int exitCode)
            throw new BenchmarkException($"{doing} ended with {exitCode}:\n{child.Output}");
        double postgresMs = (CpuTimes.Read(0, postgres.Pid) - before).PostgresMs;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{doing}: {seconds:0.0} s, CPU {seen.ServerMs / 1000:0.0} s and PostgreSQL's {postgresMs / 1000:0.0} s, highest memory {memory:0} MB; said: {child.Output.Split('\n')[^1]}"));
        return new Measured { Seconds = seconds, Requests = options.WholeEvents, ServerCpuMs = seen.ServerMs, PostgresCpuMs = postgresMs };
    }
}
