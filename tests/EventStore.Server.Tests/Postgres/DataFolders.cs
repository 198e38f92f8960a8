using System.Diagnostics;
using System.Globalization;
using System.Runtime.Versioning;
using EventStore.Server.Postgres;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace EventStore.Server.Tests.Postgres;

/// <summary>
/// Data folders for the tests of one class. The first database is made once, with a table and a row in it, and copied where a test needs an
/// existing one: making one takes longer than any of these tests.
/// </summary>
[UnsupportedOSPlatform("windows")]
public sealed class DataFolders : IAsyncLifetime
{
    private readonly string _root = Directory.CreateTempSubdirectory("es-").FullName;
    private SharedPostgres? _shared;
    private int _count;

    private string Model => Path.Combine(_root, "model");

    internal PostgresAccount Account { get; } = PostgresAccount.Current();

    public async Task InitializeAsync()
    {
        // As /var/lib is: the account PostgreSQL runs as may pass through.
        File.SetUnixFileMode(_root, (UnixFileMode)Convert.ToInt32("711", 8));
        await using var postgres = await Start(Model);
        await Query(postgres, "CREATE TABLE kept AS SELECT 'a row' AS value");
    }

    public async Task DisposeAsync()
    {
        if (_shared is not null)
            await _shared.Postgres.DisposeAsync();
        Directory.Delete(_root, recursive: true);
    }

    /// <summary>One that runs, freshly made, for tests that only look.</summary>
    public async Task<SharedPostgres> Shared() => _shared ??= new SharedPostgres(await Start(Empty()));

    public string Empty() => Path.Combine(_root, (++_count).ToString(CultureInfo.InvariantCulture));

    public string WithData()
    {
        var folder = Empty();
        Shell("cp", "-a", Model, folder);
        return folder;
    }

    /// <summary>A folder whose database was killed with a row written and no time to tidy up: postmaster.pid and all.</summary>
    public async Task<string> Crashed()
    {
        var folder = WithData();
        await using var postgres = await Start(folder);
        await Query(postgres, "UPDATE kept SET value = 'written before the crash'");
        Process.GetProcessById(postgres.ProcessId).Kill();
        await postgres.Ended;
        Assert.True(File.Exists(PidFile(folder)));
        return folder;
    }

    public static string PidFile(string folder) => Path.Combine(folder, "pgdata", "postmaster.pid");

    public static string Log(string folder) => File.ReadAllText(Path.Combine(folder, "postgres.log"));

    internal Task<EmbeddedPostgres> Start(string folder, ILogger? log = null) =>
        EmbeddedPostgres.Start(folder, Account, PostgresBinaries.Find, log ?? NullLogger.Instance, CancellationToken.None);

    public static async Task<object?> Query(EmbeddedPostgres postgres, string sql, string? role = null)
    {
        var connectionString = new NpgsqlConnectionStringBuilder(postgres.OwnerConnectionString) { Pooling = false };
        connectionString.Username = role ?? connectionString.Username;
        await using var connection = new NpgsqlConnection(connectionString.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync();
    }

    public static string Shell(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        return output.Trim();
    }

    public static bool Runs(int pid) =>
        File.Exists($"/proc/{pid}/cmdline") && File.ReadAllText($"/proc/{pid}/cmdline").Length > 0;
}

/// <summary>A running database for the tests that only look.</summary>
[UnsupportedOSPlatform("windows")]
public sealed record SharedPostgres(EmbeddedPostgres Postgres)
{
    public async Task<string> Show(string setting, string? sql = null) =>
        (string)(await DataFolders.Query(Postgres, sql ?? $"SELECT current_setting('{setting}')"))!;
}
