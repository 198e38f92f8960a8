using EventStore.Server.Store.Format;
using EventStore.Server.Store.Hosts;
using Npgsql;

namespace EventStore.Server.Store.Feed;

/// <summary>
/// Listens (<c>LISTEN</c>) on a connection of its own for the notifications of other processes: a batch was committed, or current
/// jobs were rebuilt. If the connection breaks, that is logged and listening starts again; until then commits are found by polling.
/// </summary>
public sealed partial class Notifications(Primary database, FeedLimits limits, ILogger<Notifications> log) : BackgroundService
{
    private volatile string? trouble;
    private long rebuilds;

    /// <summary>Raised when another process has committed.</summary>
    public event Action? Committed;

    /// <summary>
    /// A counter of rebuilds of current jobs. Each LISTEN on a new connection counts too, because a rebuild may have been missed before it.
    /// A job that was cached at a lower count is stale.
    /// </summary>
    public long Rebuilds => Interlocked.Read(ref rebuilds);

    /// <summary>Why notifications cannot be received; null if they can.</summary>
    public string? Trouble => trouble;

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                Term term = database.Term;
                await term.Bound(Listen(term, stoppingToken));
            }
            catch (Exception) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                if (!DatabaseAway.Is(e))
                    LogFailed(e);
                else if (trouble is null) // once per outage
                    LogDeaf(e.Message);
                trouble = e.Message;
                await Task.Delay(limits.RetryPause, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task Listen(Term term, CancellationToken stop)
    {
        await using NpgsqlConnection connection = await term.OpenConnectionAsync(stop);
        connection.Notification += (_, heard) => Hear(heard.Channel);
        await using (
            var command = new NpgsqlCommand($"LISTEN {DatabaseNames.CommitChannel}; LISTEN {DatabaseNames.RebuiltChannel}", connection))
            await command.ExecuteNonQueryAsync(stop);
        trouble = null;
        Interlocked.Increment(ref rebuilds);
        Committed?.Invoke();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(stop, term.Over);
        while (true)
            await connection.WaitAsync(end.Token);
    }

    private void Hear(string channel)
    {
        if (channel == DatabaseNames.RebuiltChannel)
            Interlocked.Increment(ref rebuilds);
        else
            Committed?.Invoke();
    }

    [LoggerMessage(22, LogLevel.Warning, "Other processes' commits cannot be heard and are found by polling: {Reason}")]
    private partial void LogDeaf(string reason);

    [LoggerMessage(40, LogLevel.Error,
        "Listening for other processes' commits failed and is begun again; meanwhile they are found by polling")]
    private partial void LogFailed(Exception e);
}
