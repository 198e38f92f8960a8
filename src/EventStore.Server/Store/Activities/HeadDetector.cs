using EventStore.Server.Store.Format;
using JasperFx.Events.Daemon.HighWater;
using Npgsql;

namespace EventStore.Server.Store.Activities;

/// <summary>
/// Tells Marten's daemon up to which revision all events are there: the head. Marten's own detector looks for gaps in the numbers and waits
/// at each for seconds, because elsewhere a number may be taken long before its event is committed. Here the commit function takes it under
/// the lock it holds until it has committed, so that nothing can come below the head, and a gap is just a gap.
/// </summary>
internal sealed class HeadDetector(NpgsqlDataSource database) : IHighWaterDetector
{
    private HighWaterStatistics last = new();

    /// <inheritdoc/>
    public Uri DatabaseUri { get; } = new("postgresql://eventstore");

    /// <inheritdoc/>
    public Task<HighWaterStatistics> DetectInSafeZone(CancellationToken token) => Detect(token);

    /// <inheritdoc/>
    public async Task<HighWaterStatistics> Detect(CancellationToken token)
    {
        try
        {
            await using NpgsqlCommand command = database.CreateCommand("SELECT revision, clock_timestamp() FROM eventstore.head");
            await using NpgsqlDataReader row = await command.ExecuteReaderAsync(token);
            await row.ReadAsync(token);
            long head = row.GetInt64(0);
            last = new HighWaterStatistics
            {
                LastMark = head,
                CurrentMark = head,
                HighestSequence = head,
                Timestamp = row.GetFieldValue<DateTimeOffset>(1),
            };
        }
        catch (Exception e) when (DatabaseAway.Is(e) && !token.IsCancellationRequested)
        {
            // Whoever leads notices too, and says so once; the daemon would say it every second.
        }

        return last;
    }
}
