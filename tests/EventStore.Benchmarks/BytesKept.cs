using System.Globalization;
using EventStore.Benchmarks.Load;
using EventStore.Benchmarks.Machine;
using Npgsql;

namespace EventStore.Benchmarks;

/// <summary>
/// What a patch of the documentation's example leaves on disk for ever, by table and by index, and what it writes to the log of PostgreSQL.
/// The server appends the patches as it always does; what a relation has grown by is divided by their number.
/// </summary>
internal sealed class BytesKept(MeasuredPostgres postgres, Options options, Func<LoadSpec, Task<Measured>> load, CancellationToken stop)
{
    private const string Database = "bench_bytes";
    private const long Events = 50_000;
    private const int Connections = 16;

    // Free pages at the end of a relation are less than one part of a thousand of what it grows by.
    private const string SizesSql = """
        SELECT coalesce(t.relname || ': ' || c.relname, c.relname), pg_relation_size(c.oid) + coalesce(pg_relation_size(nullif(c.reltoastrelid, 0)), 0)
          FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid LEFT JOIN pg_class t ON t.oid = i.indrelid
         WHERE c.relnamespace = 'eventstore'::regnamespace AND c.relkind IN ('r', 'i')
         ORDER BY coalesce(t.relname, c.relname), i.indexrelid IS NOT NULL, c.relname
        """;

    /// <summary>Measures and prints.</summary>
    public async Task Measure(Func<ServerUnderTest, Task> fill)
    {
        await using ServerUnderTest server = await ServerUnderTest.Start(postgres, Database, options.Server, stop);
        await fill(server);
        await Patch(server); // the rows of the jobs are as large now as they will be
        await postgres.Ask("VACUUM ANALYZE", Database);
        await postgres.Ask("CHECKPOINT", Database);
        (long head, decimal log) = (await Head(), await Log());
        IReadOnlyList<(string Name, long Bytes)> before = await Sizes();
        while (await Head() - head < Events)
            await Patch(server);
        long events = await Head() - head;
        decimal written = await Log() - log;
        var grown = (await Sizes()).Zip(before, (after, then) => (after.Name, Bytes: (after.Bytes - then.Bytes) / (double)events))
            .ToArray();

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"\nbytes an event keeps, of {events} patches"));
        foreach ((string name, double bytes) in grown.Where(relation => relation.Bytes >= 0.5))
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {bytes,8:0} {name}"));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {grown.Sum(relation => relation.Bytes),8:0} in all"));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"  {(double)written / events,8:0} written to the log, full pages after one checkpoint among them"));
    }

    private Task<Measured> Patch(ServerUnderTest server) => load(server.Load(LoadKind.Patch, postgres) with
    {
        Jobs = options.Jobs,
        Connections = Connections,
        Seconds = options.Seconds,
    });

    private async Task<long> Head() => (long)(await postgres.Ask("SELECT revision FROM eventstore.head", Database))!;

    private async Task<decimal> Log() => (decimal)(await postgres.Ask("SELECT pg_current_wal_lsn() - '0/0'"))!;

    private async Task<IReadOnlyList<(string Name, long Bytes)>> Sizes()
    {
        await using var connection = new NpgsqlConnection(postgres.For(Database));
        await connection.OpenAsync(stop);
        await using var command = new NpgsqlCommand(SizesSql, connection);
        await using NpgsqlDataReader rows = await command.ExecuteReaderAsync(stop);
        List<(string, long)> all = [];
        while (await rows.ReadAsync(stop))
            all.Add((rows.GetString(0), rows.GetInt64(1)));
        return all;
    }
}
