using System.Data;
using System.Globalization;
using EventStore.Benchmarks.Load;
using EventStore.Benchmarks.Machine;
using EventStore.Benchmarks.Report;
using Npgsql;

namespace EventStore.Benchmarks;

/// <summary>
/// Whether commits stay as quick while somebody holds a snapshot, as a backup or an export does for an hour: PostgreSQL then keeps every
/// old version of every row. Commits of one patch each, without a server, before the snapshot and once 40,000 commits were made under it.
/// Each job is patched about once, for a row that is changed again and again has old versions of its own to go past.
/// </summary>
internal sealed class OldSnapshot(MeasuredPostgres postgres, Options options, CancellationToken stop)
{
    private const int Commits = 40_000;
    private const int Sample = 4_000;
    private const string Database = "bench_snapshot";

    /// <summary>Measures and reports.</summary>
    public async Task Measure(Figures figures)
    {
        await using ServerUnderTest server = await ServerUnderTest.Start(postgres, Database, options.Server, stop);
        await using BulkLoad load = await BulkLoad.Open(postgres, Database, 1000, 1, _ => stop.ThrowIfCancellationRequested());
        await load.Create(Commits);
        load.CommitOneByOne();
        await postgres.Ask("VACUUM ANALYZE", Database);
        await load.PatchUntil(load.Events + Sample); // plans are made
        Measured before = await CallsInTurn.Round(postgres, load, Sample);
        await using var backup = new NpgsqlConnection(postgres.For(Database));
        await backup.OpenAsync(stop);
        await using NpgsqlTransaction snapshot = await backup.BeginTransactionAsync(IsolationLevel.RepeatableRead, stop);
        await using (var read = new NpgsqlCommand("SELECT revision FROM eventstore.head", backup, snapshot))
            await read.ExecuteScalarAsync(stop);
        await load.PatchUntil(load.Events + Commits);
        Measured under = await CallsInTurn.Round(postgres, load, Sample);
        double ratio = under.Seconds / before.Seconds;
        figures.Add("snapshot: none", 1, before, "one patch a commit, no server");
        figures.Add(
            "snapshot: held for 40,000 commits", 1, under, string.Create(CultureInfo.InvariantCulture, $"{ratio:0.00} of the time"), ratio);
    }
}
