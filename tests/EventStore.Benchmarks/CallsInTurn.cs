using System.Diagnostics;
using System.Globalization;
using EventStore.Benchmarks.Load;
using EventStore.Benchmarks.Machine;
using EventStore.Benchmarks.Report;

namespace EventStore.Benchmarks;

/// <summary>
/// The commit function alone, without a server, in batches of one length, on a database as it is and on one from which something was left
/// out: in turn, so that what else happens on the machine hits both alike.
/// </summary>
internal static class CallsInTurn
{
    private const int Events = 6_400;
    private const int BatchLength = 64;

    /// <summary>Measures so many rounds of each, after one in which plans are made.</summary>
    /// <param name="postgres">Where both databases are. They have their schema and no events.</param>
    /// <param name="whole">The database as it is.</param>
    /// <param name="bare">The database from which something was left out.</param>
    /// <param name="jobs">How many jobs are patched in turn.</param>
    /// <param name="rounds">How many rounds.</param>
    /// <param name="stop">Ends it.</param>
    public static async Task<(Measured Whole, Measured Bare)> Measure(
        MeasuredPostgres postgres, string whole, string bare, int jobs, int rounds, CancellationToken stop)
    {
        await using BulkLoad first = await Open(postgres, whole, jobs, stop), second = await Open(postgres, bare, jobs, stop);
        (Measured Whole, Measured Bare) sum = (new(), new());
        for (int round = 0; round <= rounds; round++)
        {
            (Measured ofWhole, Measured ofBare) = await InTurn(round, load => Round(postgres, load, Events), first, second);
            if (round > 0)
                sum = (Add(sum.Whole, ofWhole), Add(sum.Bare, ofBare));
        }

        return sum;
    }

    /// <summary>Both, each the first in every other round: whoever is second finds the machine a little later.</summary>
    public static async Task<(Measured Whole, Measured Bare)> InTurn<T>(int round, Func<T, Task<Measured>> measure, T whole, T bare)
    {
        bool inOrder = round % 2 == 0;
        Measured first = await measure(inOrder ? whole : bare), second = await measure(inOrder ? bare : whole);
        return inOrder ? (first, second) : (second, first);
    }

    /// <summary>Reports both.</summary>
    public static void Report(Figures figures, string name, Measured whole, Measured bare)
    {
        double microseconds = 1000 * (whole.PostgresCpuMs - bare.PostgresCpuMs) / whole.Requests;
        figures.Add(name + " without", 1, bare, $"{BatchLength} patches a call, no server");
        figures.Add(name + " with", 1, whole, string.Create(
            CultureInfo.InvariantCulture,
            $"{whole.PostgresCpuMs / bare.PostgresCpuMs - 1:+0.0%;-0.0%} CPU of PostgreSQL, {microseconds:0.0} µs a patch"),
            whole.PerSecond / bare.PerSecond);
    }

    private static async Task<BulkLoad> Open(MeasuredPostgres postgres, string database, int jobs, CancellationToken stop)
    {
        BulkLoad load = await BulkLoad.Open(postgres, database, BatchLength, 1, _ => stop.ThrowIfCancellationRequested());
        await load.Create(jobs);
        await postgres.Ask("VACUUM ANALYZE", database);
        return load;
    }

    /// <summary>What so many patches cost.</summary>
    public static async Task<Measured> Round(MeasuredPostgres postgres, BulkLoad load, int patches)
    {
        CpuTimes before = CpuTimes.Read(0, postgres.Pid);
        long started = Stopwatch.GetTimestamp();
        await load.PatchUntil(load.Events + patches);
        CpuTimes spent = CpuTimes.Read(0, postgres.Pid) - before;
        return new Measured
        {
            Seconds = Stopwatch.GetElapsedTime(started).TotalSeconds,
            Requests = patches,
            PostgresCpuMs = spent.PostgresMs,
            ClientCpuMs = spent.OwnMs,
        };
    }

    private static Measured Add(Measured a, Measured b) => a with
    {
        Seconds = a.Seconds + b.Seconds,
        Requests = a.Requests + b.Requests,
        PostgresCpuMs = a.PostgresCpuMs + b.PostgresCpuMs,
        ClientCpuMs = a.ClientCpuMs + b.ClientCpuMs,
    };
}
