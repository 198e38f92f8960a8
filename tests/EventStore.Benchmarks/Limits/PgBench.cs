using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using EventStore.Benchmarks.Load;
using EventStore.Benchmarks.Machine;
using EventStore.Server.Postgres;
using Npgsql;

namespace EventStore.Benchmarks.Limits;

/// <summary>
/// What this PostgreSQL can do on this machine when every patch is a transaction of its own: pgbench at the same durability, in one of
/// three forms, each in a database of its own.
/// </summary>
internal sealed partial class PgBench
{
    /// <summary>As one statement, with rows of the same size: the fastest form.</summary>
    public const string Statement = "pgbench";

    /// <summary>As BEGIN, UPDATE, INSERT and COMMIT, with rows of the same size: what a program sends that writes a transaction.</summary>
    public const string Steps = "pgbench-steps";

    /// <summary>The same with rows of a few bytes: what the references measured elsewhere are to be scaled by.</summary>
    public const string Tiny = "pgbench-tiny";

    private const string TinyJson = "{}";

    private readonly MeasuredPostgres postgres;
    private readonly string database;
    private readonly string script;
    private readonly string[] variables;

    private PgBench(MeasuredPostgres postgres, string database, string script, string[] variables) =>
        (this.postgres, this.database, this.script, this.variables) = (postgres, database, script, variables);

    /// <summary>All forms.</summary>
    public static IReadOnlyList<string> Forms { get; } = [Statement, Steps, Tiny];

    /// <summary>Makes the tables, with copies of a job and an event that the server has just stored.</summary>
    public static async Task<PgBench> Prepare(string form, MeasuredPostgres postgres, string serverDatabase, int jobs)
    {
        string database = "bench_" + form.Replace('-', '_');
        string script = Path.Combine(AppContext.BaseDirectory, form == Statement ? "pgbench.sql" : "pgbench-steps.sql");
        string document = await Text("SELECT data::text FROM eventstore.mt_doc_current_job WHERE mt_version > 1 LIMIT 1");
        string happened = await Text("SELECT data::text FROM eventstore.mt_events WHERE type = 'job_patched' LIMIT 1");
        string headers = await Text("SELECT headers::text FROM eventstore.mt_events WHERE type = 'job_patched' LIMIT 1");
        if (form == Tiny)
            (document, happened, headers) = (TinyJson, TinyJson, TinyJson);
        await postgres.CreateDatabase(database);
        await postgres.Ask(await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "pgbench-tables.sql")), database);
        string literal = document.Replace("'", "''", StringComparison.Ordinal);
        await postgres.Ask(
            $"INSERT INTO current_row (id, name, data) SELECT n, 'job-' || n, '{literal}' FROM generate_series(1, {jobs}) n", database);
        await postgres.Ask("VACUUM ANALYZE", database);
        return new PgBench(
            postgres, database, script,
            ["-D", $"jobs={jobs}", "-D", $"document={document}", "-D", $"event={happened}", "-D", $"headers={headers}"]);

        async Task<string> Text(string sql) =>
            (string?)await postgres.Ask(sql, serverDatabase) ?? throw new BenchmarkException("there is no patched job to copy");
    }

    public async Task<Measured> Run(int connections, double seconds, CancellationToken stop)
    {
        string folder = Directory.CreateTempSubdirectory("eventstore-pgbench.").FullName;
        try
        {
            var target = new NpgsqlConnectionStringBuilder(postgres.For(database));
            string[] command =
            [
                Program(), "-h", target.Host!, "-p", $"{target.Port}", "-U", target.Username!, "-M", "prepared", "-n", "-c",
                $"{connections}", "-j", $"{Math.Min(2, connections)}", "-f", script, .. variables,
            ];
            var environment = new Dictionary<string, string> { ["PGPASSWORD"] = target.Password ?? string.Empty };
            await Child.Run([.. command, "-T", "2", database], stop, environment: environment);
            await postgres.Ask("CHECKPOINT");
            CpuTimes before = CpuTimes.Read(0, postgres.Pid);
            string output = await Child.Run(
                [.. command, "-T", string.Create(CultureInfo.InvariantCulture, $"{Math.Ceiling(seconds)}"), "-l",
                    $"--log-prefix={folder}/log", database], stop, environment: environment);
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
        long failed = long.Parse(
            Failed().Match(output) is { Success: true } match ? match.Groups[1].ValueSpan : "0", CultureInfo.InvariantCulture);
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
