using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.Versioning;
using Npgsql;

namespace EventStore.Server.Postgres;

/// <summary>
/// A private PostgreSQL for a server without a configured database: created on the first start from the programs on the machine,
/// durable, reachable only through a Unix socket, and stopped with the server. One process uses a data folder at a time; the
/// database stops when this object is disposed or the process dies.
/// </summary>
public sealed class EmbeddedPostgres : PrivatePostgres
{
    private static readonly TimeSpan LeftoversMax = TimeSpan.FromSeconds(20);

    private readonly LockedFolder folder;
    private readonly PostgresProcess process;
    private readonly SocketFolder socket;
    private readonly ILogger log;
    private bool stopping;

    private EmbeddedPostgres(LockedFolder folder, PostgresProcess process, SocketFolder socket, ILogger log)
    {
        (this.folder, this.process, this.socket, this.log) = (folder, process, socket, log);
        Ended = Watch();
    }

    /// <summary>The data folder, in full.</summary>
    public string DataFolder => folder.Path;

    /// <inheritdoc/>
    public override string OwnerConnectionString => socket.ConnectionString(Owner).ConnectionString;

    /// <inheritdoc/>
    public override string ServingConnectionString => Tuned(socket.ConnectionString(Server));

    /// <inheritdoc/>
    public override Task Ended { get; }

    /// <summary>The process number of the database.</summary>
    internal int ProcessId => process.Id;

    /// <summary>Whether a data folder holds a database.</summary>
    public static bool HasFiles(string dataFolder) => File.Exists(Path.Combine(dataFolder, "pgdata", "PG_VERSION"));

    /// <summary>
    /// Starts the database on the folder, which is made if it is not there, and returns when it accepts connections.
    /// After a crash that includes its recovery, however long that takes.
    /// </summary>
    /// <param name="dataFolder">Its folder; a relative one is taken from the current folder.</param>
    /// <param name="log">Told what is done, and when the database ends unasked.</param>
    /// <param name="stop">Gives up starting. A database that already runs is not stopped by it.</param>
    /// <exception cref="PostgresUnavailableException">It cannot be started; the message is for the operator.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="stop"/> was asked for before it was ready.</exception>
    public static Task<EmbeddedPostgres> Start(string dataFolder, ILogger log, CancellationToken stop) =>
        OperatingSystem.IsWindows()
            ? throw new PostgresUnavailableException(
                "The private PostgreSQL needs Unix sockets and signals, which Windows does not have.",
                "Start a container engine that answers to `docker`, give a database with ConnectionStrings__Postgres, or start this "
                + "server in WSL.")
            : Start(dataFolder, PostgresAccount.Current(), PostgresBinaries.Find, log, stop);

    /// <summary>As above, with the account and the programs chosen.</summary>
    [UnsupportedOSPlatform("windows")]
    internal static async Task<EmbeddedPostgres> Start(
        string dataFolder, PostgresAccount account, Func<int?, PostgresBinaries> find, ILogger log, CancellationToken stop)
    {
        find(null); // without any programs nothing is made
        LockedFolder folder = LockedFolder.Open(dataFolder, account);
        SocketFolder? socket = null;
        try
        {
            socket = SocketFolder.Choose(folder, account);
            (PostgresBinaries binaries, int? stalePid) = await Task.Run(
                () =>
                {
                    PostgresBinaries found = DatabaseFiles.Ensure(folder, account, find, log);
                    DatabaseFiles.WriteAccess(folder, account);
                    return (found, PostgresProcess.EndOrphan(folder, log));
                },
                stop);
            PostgresProcess process = await Run(
                () => PostgresProcess.Launch(binaries, folder, account, socket.Path, stalePid), folder, socket, log, stop);
            log.Running(binaries.Major, folder.Path, process.Id);
            return new EmbeddedPostgres(folder, process, socket, log);
        }
        catch
        {
            socket?.Dispose();
            folder.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        if (stopping)
            return;

        stopping = true;
        await process.Stop(log);
        if (process.Ended.IsCompleted) // else it ignored both signals; the next start finds and ends it
            await Ended;
        socket.Dispose();
        folder.Dispose();
    }

    // Backends outlive a killed postmaster by the time they need to notice, and hold its shared memory until then;
    // PostgreSQL rightly refuses to start beside them, so it is tried again for a while.
    private static async Task<PostgresProcess> Run(
        Func<PostgresProcess> launch, LockedFolder folder, SocketFolder socket, ILogger log, CancellationToken stop)
    {
        for (long started = Stopwatch.GetTimestamp(); ; await Task.Delay(200, stop))
        {
            socket.Clear();
            long logStart = new FileInfo(folder.Log).Length;
            PostgresProcess process = launch();
            try
            {
                if (await Ready(process, socket, log, stop))
                    return process;
            }
            catch (Exception failed)
            {
                await process.Stop(log);
                if (failed is NpgsqlException)
                    throw Failed("does not accept connections: " + failed.Message, folder, logStart, failed);
                throw;
            }

            bool leftovers = PostgresLog.Tail(folder.Log, logStart).Contains("pre-existing shared memory block", StringComparison.Ordinal);
            if (!leftovers || Stopwatch.GetElapsedTime(started) > LeftoversMax)
                throw Failed($"did not start (exit code {await process.Ended}).", folder, logStart, null);
        }
    }

    // True when it accepts connections, false when it has ended; "not there yet" and "still recovering" mean waiting.
    private static async Task<bool> Ready(PostgresProcess process, SocketFolder socket, ILogger log, CancellationToken stop)
    {
        NpgsqlConnectionStringBuilder probe = socket.ConnectionString(Owner);
        probe.Pooling = false;
        for (int attempt = 1; !process.Ended.IsCompleted; attempt++)
        {
            try
            {
                await using var connection = new NpgsqlConnection(probe.ConnectionString);
                await connection.OpenAsync(stop);
                return true;
            }
            catch (NpgsqlException early) when (early.SqlState == PostgresErrorCodes.CannotConnectNow
                || early.InnerException is SocketException or TimeoutException)
            {
                if (attempt % 500 == 0)
                    log.StillWaiting(process.Id, early.Message);
            }

            await Task.Delay(20, stop);
        }

        return false;
    }

    private static PostgresUnavailableException Failed(string how, LockedFolder folder, long logStart, Exception? cause) =>
        new($"The PostgreSQL on {folder.Path} {how}\n{PostgresLog.Tail(folder.Log, logStart)}", $"All it said is in {folder.Log}.", cause);

    private async Task Watch()
    {
        int exitCode = await process.Ended;
        if (!stopping)
            log.EndedUnasked(process.Id, exitCode, folder.Log);
    }
}
