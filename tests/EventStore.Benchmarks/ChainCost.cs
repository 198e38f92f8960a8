using System.Globalization;
using System.Text.RegularExpressions;
using EventStore.Benchmarks.Load;
using EventStore.Benchmarks.Machine;
using EventStore.Benchmarks.Report;

namespace EventStore.Benchmarks;

/// <summary>
/// What the chain of hashes costs a patch: a server on a database as it is, and one on a database whose commit function has the hashing
/// left out and writes the revision's number where the hash would stand. Everything else is the same: the row, its column and its index are
/// written either way. They are measured in turn, and pairs are compared, so that what else happens on the machine hits both alike: first
/// the call alone, in batches of one length and without a server, then whole requests, whose batches are as long as the moment makes them.
/// </summary>
internal sealed partial class ChainCost(
    MeasuredPostgres postgres, Options options, Func<LoadSpec, Task<Measured>> load, CancellationToken stop)
{
    private const int RoundsMin = 6;
    private const int CallRounds = 20;
    private const int HashBytes = 32;
    private const int NumberBytes = 8;

    /// <summary>Measures and reports.</summary>
    public async Task Measure(Figures figures)
    {
        await using ServerUnderTest linked = await ServerUnderTest.Start(postgres, "bench_chain", options.Server, stop);
        await using ServerUnderTest bare = await ServerUnderTest.Start(postgres, "bench_chain_bare", options.Server, stop);
        await LeaveHashingOut(bare.Database!);
        await CompareCalls(linked.Database!, bare.Database!, figures);
        foreach (int connections in options.Connections)
            await Compare(linked, bare, connections, figures);
        await RequireHashes(linked.Database!, HashBytes);
        await RequireHashes(bare.Database!, NumberBytes);
    }

    private async Task CompareCalls(string linkedDatabase, string bareDatabase, Figures figures)
    {
        (Measured linked, Measured bare) = await CallsInTurn.Measure(
            postgres, linkedDatabase, bareDatabase, options.Jobs, CallRounds, stop);
        CallsInTurn.Report(figures, "chain: call", linked, bare);
    }

    private async Task Compare(ServerUnderTest linked, ServerUnderTest bare, int connections, Figures figures)
    {
        List<(Measured Linked, Measured Bare)> pairs = [];
        for (int round = 0; round <= Math.Max(RoundsMin, options.Rounds); round++)
        {
            (Measured Linked, Measured Bare) pair = await CallsInTurn.InTurn(
                round, server => load(Spec(server, connections)), linked, bare);
            if (round > 0) // before, the servers' code is still being compiled
                pairs.Add(pair);
        }

        double cpu = Median(pairs.Select(pair => (CpuMs(pair.Linked) - CpuMs(pair.Bare)) / CpuMs(pair.Bare)));
        double microseconds = 1000 * Median(pairs.Select(pair => CpuMs(pair.Linked) - CpuMs(pair.Bare)));
        double rate = Median(pairs.Select(pair => pair.Linked.PerSecond / pair.Bare.PerSecond));
        figures.Add("chain: without", connections, Typical(pairs.ConvertAll(pair => pair.Bare)));
        figures.Add("chain: with", connections, Typical(pairs.ConvertAll(pair => pair.Linked)), string.Create(
            CultureInfo.InvariantCulture,
            $"{rate:0.000} of the rate without; {cpu:+0.0%;-0.0%} CPU of server and PostgreSQL, {microseconds:0.0} µs a patch"),
            rate);
    }

    private LoadSpec Spec(ServerUnderTest server, int connections) => server.Load(LoadKind.Patch, postgres) with
    {
        Jobs = options.Jobs,
        Connections = connections,
        Seconds = options.Seconds,
        WarmUpSeconds = options.WarmUpSeconds,
    };

    /// <summary>
    /// Takes the hashing out of every commit function the database has, whichever of them this server calls. What is replaced is looked for
    /// in the functions as they are, and what was written is looked at afterwards: a comparison of two equal functions would be worse than
    /// none.
    /// </summary>
    private async Task LeaveHashingOut(string database)
    {
        var functions = (string[])(await postgres.Ask(
            "SELECT array_agg(pg_get_functiondef(oid)) FROM pg_proc WHERE pronamespace = 'eventstore'::regnamespace AND proname ~ '^commit_jobs_[0-9]+$'",
            database))!;
        string[] hashing = [.. functions.Where(function => Hashing().IsMatch(function))]; // one of a release before may call its successor
        if (hashing.Length == 0 || hashing.Any(function => Hashing().Count(function) > 1))
            throw new BenchmarkException("the commit function makes its hashes in another way than this program knows to leave out");
        foreach (string function in hashing)
            await postgres.Ask(Hashing().Replace(function, "last_hash := int8send(last_revision);"), database);
    }

    private async Task RequireHashes(string database, int bytes)
    {
        if (await postgres.Ask($"SELECT count(*) > 0 AND bool_and(octet_length(hash) = {bytes}) FROM eventstore.revision", database)
            is not true)
            throw new BenchmarkException($"not every hash of {database} has {bytes} bytes: what was compared is not what it was taken for");
    }

    private static double CpuMs(Measured measured) => (measured.ServerCpuMs + measured.PostgresCpuMs) / Math.Max(1, measured.Requests);

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    /// <summary>The round in the middle, with what went wrong in any.</summary>
    private static Measured Typical(List<Measured> rounds) =>
        rounds.OrderBy(measured => measured.PerSecond).ElementAt(rounds.Count / 2) with
        {
            Errors = rounds.SelectMany(measured => measured.Errors).GroupBy(error => error.Key)
                .ToDictionary(same => same.Key, same => same.Sum(error => error.Value)),
        };

    [GeneratedRegex(@"last_hash := revision_hash_\d+\([^;]*;")]
    private static partial Regex Hashing();
}
