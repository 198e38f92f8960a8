using EventStore.Benchmarks.Load;
using EventStore.Benchmarks.Machine;
using EventStore.Benchmarks.Report;

namespace EventStore.Benchmarks;

/// <summary>
/// What it costs a commit that snapshots tell who set what (the trigger of V0012): the call on a database as it is, and on one whose
/// snapshots are written without. A job has a snapshot about every 128 events, so the rounds are as many as give each job several.
/// </summary>
internal sealed class TouchedCost(MeasuredPostgres postgres, Options options, CancellationToken stop)
{
    private const int Jobs = 100;
    private const int Rounds = 20;

    /// <summary>Measures and reports.</summary>
    public async Task Measure(Figures figures)
    {
        const string whole = "bench_touched", bare = "bench_touched_bare";
        foreach (string database in (string[])[whole, bare])
            await (await ServerUnderTest.Start(postgres, database, options.Server, stop)).DisposeAsync(); // which brings the schema
        await postgres.Ask("ALTER TABLE eventstore.job_snapshot DISABLE TRIGGER touched_is_told", bare);
        (Measured told, Measured untold) = await CallsInTurn.Measure(postgres, whole, bare, Jobs, Rounds, stop);
        CallsInTurn.Report(figures, "touched: call", told, untold);
        long snapshots = await Count(whole, "true");
        if (snapshots < Jobs || await Count(whole, "touched IS NULL") > 0 || await Count(bare, "touched IS NOT NULL") > 0
            || await Count(bare, "true") != snapshots)
            throw new BenchmarkException("what was compared is not what it was taken for: snapshots with and without what was touched");
    }

    private async Task<long> Count(string database, string which) =>
        (long)(await postgres.Ask($"SELECT count(*) FROM eventstore.job_snapshot WHERE {which}", database))!;
}
