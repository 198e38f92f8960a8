using Npgsql;

namespace EventStore.Server.Store;

/// <content>What the feed hears from other processes.</content>
public sealed partial class JobFeed
{
    private long rebuilds;

    /// <summary>
    /// How often current jobs were written by somebody else than a lane, as far as it is known: who remembers jobs is to read them again.
    /// </summary>
    public long Rebuilds => Interlocked.Read(ref rebuilds);

    private void Hear(object sender, NpgsqlNotificationEventArgs heard)
    {
        if (heard.Channel == Rebuilding.Channel)
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
                await using (var command = new NpgsqlCommand($"LISTEN eventstore_commit; LISTEN {Rebuilding.Channel}", connection))
                    await command.ExecuteNonQueryAsync(stop);
                Interlocked.Increment(ref rebuilds); // one may have been missed
                deaf = null;
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
}
