using System.Diagnostics;
using System.Globalization;
using EventStore.Benchmarks.Load;
using EventStore.Benchmarks.Machine;
using EventStore.Benchmarks.Report;

namespace EventStore.Benchmarks;

/// <summary>
/// What concerns a large store as a whole: pages of its history by each filter there is, and the verbs that go through all of it, each as a
/// process of its own as an operator starts it. The requests of such a line are events.
/// </summary>
internal sealed class Whole(
    MeasuredPostgres postgres, Options options, Figures figures, Func<LoadSpec, Task<Measured>> load, CancellationToken stop)
{
    private const string Database = "bench_whole";
    private static readonly TimeSpan Glance = TimeSpan.FromMilliseconds(50);

    // Everything that is made of the events, but for the hashes, which are proof and cannot be made again.
    private const string LoseSql = """
        TRUNCATE eventstore.mt_doc_current_job, eventstore.job_snapshot, eventstore.revision_path;
        UPDATE eventstore.revision SET namespace = '', job = '', user_name = '';
        """;

    /// <summary>Measures and reports.</summary>
    public async Task Measure()
    {
        await using (ServerUnderTest server = await ServerUnderTest.Start(postgres, Database, options.Server, stop))
        {
            await BulkLoad.Fill(postgres, Database, options.WholeJobs, options.WholeEvents, $"loading {options.WholeEvents} events", stop);
            await postgres.Ask("VACUUM ANALYZE", Database);
            await new HistoryPages(postgres, options, figures, load).Measure(server, options.WholeJobs);
        }

        figures.Add("verify", 1, await Run("verify", "verify"));
        figures.Add("export", 1, await Run("export", "export", "--out", "/dev/null"));
        figures.Add("rebuild: right", 1, await Run("rebuild", "rebuild"));
        await postgres.Ask(LoseSql, Database);
        await postgres.Ask("VACUUM ANALYZE", Database);
        figures.Add("rebuild: lost", 1, await Run("rebuild of everything", "rebuild"));
        figures.Add("verify: after it", 1, await Run("verify", "verify"));
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
