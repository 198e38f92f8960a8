using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using EventStore.Benchmarks.Load;
using EventStore.Benchmarks.Machine;
using EventStore.Server.Postgres;
using Npgsql;

namespace EventStore.Benchmarks.Limits;

/// <summary>
/// What this PostgreSQL can do on this machine when every patch is a transaction of its own: pgbench with pgbench.sql, at the same
/// durability and with rows of the same size.
/// </summary>
internal sealed partial class PgBench
{
    private const string Database = "bench_pgbench";

    private readonly PrivatePostgres postgres;
    private readonly string[] variables;

    private PgBench(PrivatePostgres postgres, string[] variables) => (this.postgres, this.variables) = (postgres, variables);

    /// <summary>Makes the tables, with copies of a job and an event that the server has just stored.</summary>
    public static async Task<PgBench> Prepare(PrivatePostgres postgres, string serverDatabase, int jobs)
    {
        string document = await Text("SELECT data::text FROM eventstore.mt_doc_current_job WHERE mt_version > 1 LIMIT 1");
        string happened = await Text("SELECT data::text FROM eventstore.mt_events WHERE type = 'job_patched' LIMIT 1");
        string headers = await Text("SELECT headers::text FROM eventstore.mt_events WHERE type = 'job_patched' LIMIT 1");
        await postgres.CreateDatabase(Database);
        await postgres.Ask(await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "pgbench-tables.sql")), Database);
        string literal = document.Replace("'", "''", StringComparison.Ordinal);
        await postgres.Ask($"INSERT INTO current_row (id, name, data) SELECT n, 'job-' || n, '{literal}' FROM generate_series(1, {jobs}) n", Database);
        await postgres.Ask("VACUUM ANALYZE", Database);
        return new PgBench(postgres, ["-D", $"jobs={jobs}", "-D", $"document={document}", "-D", $"event={happened}", "-D", $"headers={headers}"]);

        async Task<string> Text(string sql) => (string?)await postgres.Ask(sql, serverDatabase) ?? throw new BenchmarkException("there is no patched job to copy");
    }

    public async Task<Measured> Run(int connections, double seconds, CancellationToken stop)
    {
        string folder = Directory.CreateTempSubdirectory("eventstore-pgbench.").FullName;
        try
        {
            var target = new NpgsqlConnectionStringBuilder(postgres.For(Database));
            string[] command =
            [
                Program(), "-h", target.Host!, "-p", $"{target.Port}", "-U", target.Username!, "-M", "prepared", "-n", "-c", $"{connections}",
                "-j", $"{Math.Min(2, connections)}", "-f", Path.Combine(AppContext.BaseDirectory, "pgbench.sql"), .. variables,
            ];
            var environment = new Dictionary<string, string> { ["PGPASSWORD"] = target.Password ?? string.Empty };
            await Child.Run([.. command, "-T", "2", Database], stop, environment: environment);
            await postgres.Ask("CHECKPOINT");
            CpuTimes before = CpuTimes.Read(0, postgres.Pid);
            string output = await Child.Run(
                [.. command, "-T", string.Create(CultureInfo.InvariantCulture, $"{Math.Ceiling(seconds)}"), "-l", $"--log-prefix={folder}/log", Database], stop, environment: environment);
            CpuTimes spent = CpuTimes.Read(0, postgres.Pid) - before;
            return Read(folder, output, spent.PostgresMs);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static Measured Read(string folder, string output, double postgresMs)
    {
        var latencies = new Latencies();
        foreach (string line in Directory.EnumerateFiles(folder).SelectMany(File.ReadLines))
        {
            long microseconds = long.Parse(line.Split(' ')[2], CultureInfo.InvariantCulture);
            latencies.Record(microseconds * Stopwatch.Frequency / 1_000_000);
        }

        double perSecond = double.Parse(PerSecond().Match(output).Groups[1].ValueSpan, CultureInfo.InvariantCulture);
        long failed = long.Parse(Failed().Match(output) is { Success: true } match ? match.Groups[1].ValueSpan : "0", CultureInfo.InvariantCulture);
        return new Measured
        {
            Seconds = latencies.Count / perSecond,
            Requests = latencies.Count,
            P50Ms = latencies.PercentileMs(0.5),
            P90Ms = latencies.PercentileMs(0.9),
            P99Ms = latencies.PercentileMs(0.99),
            MaxMs = latencies.MaxMs,
            PostgresCpuMs = postgresMs,
            Errors = failed == 0 ? [] : new Dictionary<string, long> { ["failed transactions"] = failed },
        };
    }

    // It comes with the server's programs or with the client's, depending on the system.
    private static string Program()
    {
        string beside = PostgresBinaries.Find().Program("pgbench");
        return File.Exists(beside) ? beside : "pgbench";
    }

    [GeneratedRegex(@"tps = ([0-9.]+) \(without initial connection time\)")]
    private static partial Regex PerSecond();

    [GeneratedRegex(@"number of failed transactions: (\d+)")]
    private static partial Regex Failed();
}
