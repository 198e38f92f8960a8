using EventStore.Server.Store.Format;
using Npgsql;

namespace EventStore.Server.Store.Feed;

/// <content>What other processes say, on a connection of its own: that they committed, and that current jobs were rebuilt.</content>
public sealed partial class JobFeed
{
    private volatile string? deaf;
    private long rebuilds;

    /// <summary>
    /// How often current jobs were written by somebody else than a lane, as far as it is known: who remembers jobs is to read them again.
    /// </summary>
    public long Rebuilds => Interlocked.Read(ref rebuilds);

    private void Hear(object sender, NpgsqlNotificationEventArgs heard)
    {
        if (heard.Channel == DatabaseNames.RebuiltChannel)
            Interlocked.Increment(ref rebuilds);
        else
            Wake();
    }

    /// <summary>Hears of other processes' commits, on a connection of its own.</summary>
    private async Task Listen(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await using NpgsqlConnection connection = await database.OpenConnectionAsync(stop);
                connection.Notification += Hear;
                await using (var command = new NpgsqlCommand($"LISTEN {DatabaseNames.CommitChannel}; LISTEN {DatabaseNames.RebuiltChannel}", connection))
                    await command.ExecuteNonQueryAsync(stop);
                deaf = null;
                Interlocked.Increment(ref rebuilds); // one may have been missed
                while (true)
                    await connection.WaitAsync(stop);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (DatabaseAway.Is(e))
            {
                LogDeaf(deaf = e.Message);
                await Task.Delay(limits.RetryPause, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    [LoggerMessage(22, LogLevel.Warning, "The feed cannot hear of other processes' commits and relies on polling: {Reason}")]
    private partial void LogDeaf(string reason);
}
