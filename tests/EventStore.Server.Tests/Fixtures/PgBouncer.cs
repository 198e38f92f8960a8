using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Npgsql;

namespace EventStore.Server.Tests.Fixtures;

/// <summary>A PgBouncer, Debian's, in front of a test's database.</summary>
internal sealed class PgBouncer : IAsyncDisposable
{

    /// <summary>Why a test without it is left out.</summary>
    public const string Missing = "there is no pgbouncer (Debian: apt-get install pgbouncer)";

    private readonly Process process;
    private readonly string folder;

    private PgBouncer(Process process, string folder, string connectionString) =>
        (this.process, this.folder, ConnectionString) = (process, folder, connectionString);

    /// <summary>Whether this machine has it; where tests must not be left out, it has to.</summary>
    public static bool IsThere => Environment.GetEnvironmentVariable("CI") is not null
        || (Environment.GetEnvironmentVariable("PATH") + ":/usr/sbin").Split(':').Any(folder => File.Exists(
            Path.Combine(folder, "pgbouncer")));

    /// <summary>The database through it.</summary>
    public string ConnectionString { get; }

    /// <summary>Starts one and waits until it takes connections.</summary>
    /// <param name="serving">The database.</param>
    /// <param name="mode">Its <c>pool_mode</c>.</param>
    public static async Task<PgBouncer> Start(string serving, string mode)
    {
        var target = new NpgsqlConnectionStringBuilder(serving);
        int port = FreePort.Find();
        string folder = Directory.CreateTempSubdirectory("pgbouncer-").FullName;
        string users = Path.Combine(folder, "users.txt"), settings = Path.Combine(folder, "pgbouncer.ini");
        await File.WriteAllTextAsync(users, $"\"{target.Username}\" \"{target.Password}\"\n");
        await File.WriteAllTextAsync(settings, $"""
            [databases]
            {target.Database} = host={target.Host} port={target.Port}
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = {port}
            unix_socket_dir =
            auth_type = scram-sha-256
            auth_file = {users}
            pool_mode = {mode}
            default_pool_size = 50

            """);
        string[] command = ["pgbouncer", settings];
        if (RuntimeInformation.IsOSPlatform(OSPlatform.Linux) && Environment.UserName == "root")
        {
            // It refuses to run as root, and who changes the user forgets to die with us.
            command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--pdeathsig", "KILL", .. command];
            foreach (string path in (string[])[folder, users, settings])
                File.SetUnixFileMode(path, File.GetUnixFileMode(path) | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
        }

        Process process = ChildProcess.Start(new ProcessStartInfo(command[0], command[1..]) { RedirectStandardError = true });
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        target.Host = "127.0.0.1";
        target.Port = port;
        var started = new PgBouncer(process, folder, target.ConnectionString);
        await Eventually.Holds(async () => await started.Answers() || process.HasExited, "the start of PgBouncer");
        Assert.False(process.HasExited, "PgBouncer does not start");
        return started;
    }

    public async ValueTask DisposeAsync()
    {
        process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    private async Task<bool> Answers()
    {
        try
        {
            await using var connection = new NpgsqlConnection(
                new NpgsqlConnectionStringBuilder(ConnectionString) { Pooling = false }.ConnectionString);
            await connection.OpenAsync();
            return true;
        }
        catch (NpgsqlException e) when (e.InnerException is SocketException)
        {
            return false;
        }
    }
}
