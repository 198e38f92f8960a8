using EventStore.Server.Store.Format;
using EventStore.Server.Store.Reads;
using EventStore.Server.Telemetry;
using JasperFx;
using Marten;
using Marten.Events.Daemon;
using Marten.Storage;
using Npgsql;

namespace EventStore.Server.Store.Activities;

/// <summary>
/// Runs Marten's asynchronous daemon in one of the servers (hot-cold): the one that holds an advisory lock counts, the others ask for the
/// lock every second and take over when it is free. If two count for a moment, because a connection broke, Marten's check of the
/// progress (optimistic concurrency) refuses the pages of one of them.
/// </summary>
internal sealed partial class ActivityDaemon(DocumentStore store, NpgsqlDataSource database, ILoggerFactory logging, TimeProvider clock)
    : BackgroundService
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);
    private static readonly string ReachedSql = $"""
        SELECT ARRAY[h.revision, coalesce(p.last_seq_id, 1)]
          FROM {HeadRow.Sql} h LEFT JOIN eventstore.mt_event_progression p ON p.name = '{ActivityStore.Shard}'
        """;

    private readonly ILogger log = logging.CreateLogger<ActivityDaemon>();
    private volatile ActivityLag lag = new(0, 0, clock.GetUtcNow());

    /// <summary>What is degraded: by how many revisions the activity is behind the log, or that nobody knows; or null.</summary>
    public string? Trouble =>
        lag.IsUnknown(clock.GetUtcNow()) ? "the database does not say how far the activity is"
        : lag.IsTrouble(clock.GetUtcNow()) ? $"the activity is {lag.Events} revisions behind the log"
        : null;

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        Signals.ActivityLag = () => lag.Events;
        bool hasLogged = false;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await using NpgsqlConnection connection = await database.OpenConnectionAsync(stoppingToken);
                await Wait(connection, stoppingToken);
                hasLogged = false;
                await Lead(connection, stoppingToken);
            }
            catch (Exception) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                if (!hasLogged)
                    LogStopped(e.Message);
                hasLogged = true;
                await Task.Delay(LookEvery, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>
    /// Polls for the lock every second. A statement that waited for it would hold an MVCC snapshot all the while, and keep VACUUM from
    /// removing dead rows.
    /// </summary>
    private async Task Wait(NpgsqlConnection connection, CancellationToken stop)
    {
        while (await connection.Ask($"SELECT pg_try_advisory_lock({DatabaseNames.ActivityLock})", stop) is not true)
        {
            await Look(connection, stop);
            await Task.Delay(LookEvery, stop);
        }
    }

    private async Task Lead(NpgsqlConnection connection, CancellationToken stop)
    {
        LogLeads();
        using var daemon = new ProjectionDaemon(
            store, (MartenDatabase)store.Storage.Database, logging.CreateLogger("Marten"), new HeadDetector(database));
        try
        {
            await daemon.StartAllAsync();
            do
            {
                await Look(connection, stop);
                await Task.Delay(LookEvery, stop);
            }
            while (daemon.CurrentAgents() is { Count: > 0 } agents && agents.All(agent => agent.Status == AgentStatus.Running));
        }
        finally
        {
            await daemon.StopAllAsync();
            if (connection.State == System.Data.ConnectionState.Open) // else the lock went with it
                await connection.Ask($"SELECT pg_advisory_unlock({DatabaseNames.ActivityLock})", CancellationToken.None);
        }
    }

    private async Task Look(NpgsqlConnection connection, CancellationToken stop)
    {
        var reached = (long[])(await connection.Ask(ReachedSql, stop))!;
        lag = lag.After(head: reached[0], progress: reached[1], clock.GetUtcNow());
    }

    [LoggerMessage(61, LogLevel.Debug, "This server counts the activity")]
    private partial void LogLeads();

    [LoggerMessage(62, LogLevel.Warning, "The activity is not counted at the moment: {Reason}")]
    private partial void LogStopped(string reason);
}
