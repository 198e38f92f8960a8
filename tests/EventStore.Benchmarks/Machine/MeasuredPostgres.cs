using EventStore.Server.Postgres;
using Npgsql;

namespace EventStore.Benchmarks.Machine;

/// <summary>
/// The PostgreSQL everything is measured on: one of this run's own, gone with it, or one that was named. The run's own has the
/// settings of the server's private one, durability above all; only the number of connections is higher, so that pgbench and plain
/// Marten can be given as many as the server's clients.
/// </summary>
internal sealed class MeasuredPostgres : IAsyncDisposable
{
    private const int ConnectionsMax = 200;
    private const string Superuser = "postgres";

    private static readonly string[] Settings =
    [
        "listen_addresses=", "unix_socket_permissions=0700", "fsync=on", "full_page_writes=on", "synchronous_commit=on",
        $"max_connections={ConnectionsMax}", "shared_buffers=128MB", "max_wal_size=1GB", "jit=off",
    ];

    private readonly Child? process;
    private readonly string? folder;

    private MeasuredPostgres(string connectionString, Child? process, string? folder) =>
        (ConnectionString, this.process, this.folder) = (connectionString, process, folder);

    /// <summary>Connects as somebody who may make databases and roles.</summary>
    public string ConnectionString { get; }

    /// <summary>The postmaster's process; 0 when it does not run on this machine.</summary>
    public int Pid { get; private set; }

    public string Version { get; private set; } = string.Empty;

    /// <summary>Uses the one that is named, or starts one.</summary>
    public static async Task<MeasuredPostgres> Open(string? connectionString, CancellationToken stop)
    {
        MeasuredPostgres postgres = connectionString is null ? await Start(stop) : new MeasuredPostgres(connectionString, null, null);
        try
        {
            postgres.Version = (string)(await postgres.Ask("SELECT current_setting('server_version')"))!;
            postgres.Pid = await postgres.FindPostmaster(stop);
            return postgres;
        }
        catch
        {
            await postgres.DisposeAsync();
            throw;
        }
    }

    /// <summary>The same server, another database and role.</summary>
    public string For(string database, string? role = null)
    {
        var builder = new NpgsqlConnectionStringBuilder(ConnectionString) { Database = database };
        if (role is not null)
            (builder.Username, builder.Password) = (role, folder is null ? RolePassword : null);
        return builder.ConnectionString;
    }

    /// <summary>Makes a database and the role that owns it.</summary>
    public async Task CreateDatabase(string name)
    {
        await Ask($"DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        if (await Ask($"SELECT 1 FROM pg_roles WHERE rolname = '{name}'") is null)
            await Ask($"CREATE ROLE {name} LOGIN CREATEROLE PASSWORD '{RolePassword}'");
        await Ask($"CREATE DATABASE {name} OWNER {name}");
    }

    /// <summary>Runs a statement and answers its first value.</summary>
    public async Task<object?> Ask(string sql, string? database = null)
    {
        await using var connection = new NpgsqlConnection(
            new NpgsqlConnectionStringBuilder(database is null ? ConnectionString : For(database)) { Pooling = false }.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 600 };
        return await command.ExecuteScalarAsync();
    }

    /// <summary>
    /// Memory all its processes hold together, in MB: each page is shared out among those that have it, or the buffers they share would
    /// be counted once for each.
    /// </summary>
    public double MemoryMb() => Pid == 0 ? 0 : ProcessTree.Of(Pid).Sum(pid => ProcessTree.Mb(pid, "smaps_rollup", "Pss"));

    public async ValueTask DisposeAsync()
    {
        NpgsqlConnection.ClearAllPools();
        if (process is not null)
            await process.DisposeAsync();
        if (folder is not null)
            Directory.Delete(folder, recursive: true);
    }

    // The connection stays open meanwhile, or its process might be gone before it is looked at.
    private async Task<int> FindPostmaster(CancellationToken stop)
    {
        await using var connection = new NpgsqlConnection(ConnectionString);
        await connection.OpenAsync(stop);
        bool isHere = ProcessTree.Stat(connection.ProcessID) is not null
            && (await File.ReadAllTextAsync($"/proc/{connection.ProcessID}/comm", stop)).StartsWith("postgres", StringComparison.Ordinal);
        return isHere ? ProcessTree.Parent(connection.ProcessID) : 0;
    }

    // Roles are made only in a database of the run's own or in one that was given for the purpose, reachable as its owner allows.
    private static string RolePassword { get; } = Guid.NewGuid().ToString("N");

    private static async Task<MeasuredPostgres> Start(CancellationToken stop)
    {
        (string folder, string data) = await Folder(stop);
        PostgresBinaries binaries = PostgresBinaries.Find();
        await Child.Run(
            [binaries.Program("initdb"), "-D", data, "-U", Superuser, "--encoding=UTF8", "--locale=C", "--data-checksums",
                "--auth-local=trust", "--auth-host=reject"],
            stop, Account);
        return await Run(folder, data, stop);
    }

    /// <summary>Starts a standby of it, which is gone with this run too.</summary>
    public async Task<MeasuredPostgres> StartStandby(CancellationToken stop)
    {
        if (folder is null)
            throw new BenchmarkException("a standby is made of the PostgreSQL that this run starts; leave out --connection-string");
        (string own, string data) = await Folder(stop);
        await Child.Run(
            [PostgresBinaries.Find().Program("pg_basebackup"), "-h", folder, "-U", Superuser, "-D", data, "-R", "-c", "fast"], stop,
            Account);
        return await Run(own, data, stop);
    }

    private static string? Account => Environment.IsPrivilegedProcess ? Superuser : null; // PostgreSQL does not run as root

    private static async Task<(string Folder, string Data)> Folder(CancellationToken stop)
    {
        string folder = Directory.CreateTempSubdirectory("eventstore-bench.").FullName;
        if (Account is { } account)
            await Child.Run(["chown", account, folder], stop);
        return (folder, Path.Combine(folder, "data"));
    }

    private static async Task<MeasuredPostgres> Run(string folder, string data, CancellationToken stop)
    {
        string[] settings = [.. Settings.Append($"unix_socket_directories={folder}").SelectMany(setting => (string[])["-c", setting])];
        // INT: without waiting for clients.
        Child process = Child.Start([PostgresBinaries.Find().Program("postgres"), "-D", data, .. settings], runAs: Account, signal: "INT");
        var builder = new NpgsqlConnectionStringBuilder { Host = folder, Username = Superuser, Database = "postgres" };
        var postgres = new MeasuredPostgres(builder.ConnectionString, process, folder);
        while (!process.Ended.IsCompleted)
        {
            try
            {
                await postgres.Ask("SELECT 1");
                return postgres;
            }
            catch (NpgsqlException)
            {
                await Task.Delay(50, stop); // not ready yet
            }
        }

        throw new BenchmarkException($"PostgreSQL did not start:\n{process.Output}");
    }
}
