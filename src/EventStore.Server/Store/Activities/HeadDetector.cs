using EventStore.Server.Store.Format;
using JasperFx.Events.Daemon.HighWater;
using Npgsql;

namespace EventStore.Server.Store.Activities;

/// <summary>
/// Marten's high-water mark, set to the head of the store. Marten's own detector waits seconds at each gap in the sequence, because
/// elsewhere a lower number may be committed later. Here the commit function draws numbers under a lock it holds until the commit,
/// so nothing can appear below the head.
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
            await using NpgsqlCommand command = database.CreateCommand($"SELECT h.revision, clock_timestamp() FROM {HeadRow.Sql} h");
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
