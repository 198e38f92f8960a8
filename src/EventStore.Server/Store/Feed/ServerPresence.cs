using EventStore.Domain.History;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Hosts;
using EventStore.Server.Telemetry;
using Npgsql;

namespace EventStore.Server.Store.Feed;

/// <summary>
/// Marks in the database that this server is running: a shared advisory lock, held as long as the process serves. It shows
/// other servers that they must send notifications.
/// </summary>
/// <remarks>
/// The lock is on a connection of its own; when that breaks, the mark is set again on a new one. Each new connection
/// compares the epoch: that is how a server without writes learns that revisions it has seen were lost.
/// </remarks>
public sealed partial class ServerPresence(Primary database, ILogger<ServerPresence> log) : BackgroundService
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    // A server that starts in between finds the first commits by its safety poll, which is more frequent.
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);

    // The classid and objid of a lock taken by one bigint are its halves.
    private static readonly string CountSql = $"""
        SELECT count(DISTINCT pid) FROM pg_locks
         WHERE locktype = 'advisory' AND classid = 0 AND objid = {DatabaseNames.PresenceLock} AND objsubid = 1 AND granted
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        """;

    private readonly TaskCompletionSource firstTry = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool hasLoggedLoss; // in this outage

    /// <summary>
    /// Whether other processes serve this database and must be notified of commits. A NOTIFY takes a lock of the whole PostgreSQL
    /// server at commit, so it is sent only if another server listens.
    /// </summary>
    public bool OthersServe
    {
        get => Volatile.Read(ref field);
        private set => Volatile.Write(ref field, value);
    }

    /// <summary>
    /// Completes when the lock is held and the epoch is known, so that nothing is served before. If the database is away it completes
    /// after the first attempt, and the lock is taken later.
    /// </summary>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        database.Epochs.Began += LogEpoch;
        Signals.Epochs = () => database.Epochs.Known;
        await base.StartAsync(cancellationToken);
        await firstTry.Task.WaitAsync(cancellationToken);
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                Term term = database.Term;
                await term.Bound(Mark(term, stoppingToken));
            }
            catch (Exception) when (stoppingToken.IsCancellationRequested)
            {
                return; // the host would log it as a failure when the server stops before it has started, as where its port is taken
            }
            catch (Exception e)
            {
                if (!hasLoggedLoss)
                    LogLost(e.Message);
                hasLoggedLoss = true;
                firstTry.TrySetResult();
                await Task.Delay(Pause, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>Holds the mark on one primary, as long as it is the primary.</summary>
    private async Task Mark(Term term, CancellationToken stop)
    {
        await using NpgsqlConnection connection = await term.OpenConnectionAsync(stop);
        await Set(connection, stop);
        await database.Epochs.Check(connection, stop); // whatever ended the session before may have been the loss of something
        firstTry.TrySetResult();
        hasLoggedLoss = false;
        while (!term.IsOver)
        {
            long servers = await CountServers(connection, stop);
            if (!term.IsOver)
                OthersServe = servers > 1;
            await connection.WaitAsync(LookEvery, stop); // throws when the connection breaks
        }
    }

    private void LogEpoch(Epoch begun)
    {
        if (begun.Loss is { } loss)
            LogLoss(loss, begun.Revision, begun.Floor);
        else
            LogBegan(begun.Number, begun.Revision, begun.Floor);
    }

    private static async Task<long> CountServers(NpgsqlConnection connection, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(CountSql, connection);
        return (long)(await command.ExecuteScalarAsync(stop))!;
    }

    private static async Task Set(NpgsqlConnection connection, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand($"SELECT pg_advisory_lock_shared({DatabaseNames.PresenceLock})", connection);
        await command.ExecuteNonQueryAsync(stop);
    }

    [LoggerMessage(25, LogLevel.Warning, "The mark that this server is running was lost with its connection: {Reason}")]
    private partial void LogLost(string reason);

    [LoggerMessage(160, LogLevel.Warning, "Epoch {Number} began behind revision {Revision}: another primary serves, a backup was "
        + "restored, or a migration began it. No revision is known to be lost; the next ones are above {Floor}")]
    private partial void LogBegan(long number, long revision, long floor);

    [LoggerMessage(161, LogLevel.Error, "LOST: {What}, though they may have been answered: the database ended at revision {Revision}. "
        + "The next ones are above {Floor}; watches and lists from what was lost are answered 410")]
    private partial void LogLoss(string what, long revision, long floor);
}
