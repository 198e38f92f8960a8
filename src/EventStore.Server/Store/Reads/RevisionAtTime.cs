using EventStore.Server.Store.Format;
using Npgsql;

namespace EventStore.Server.Store.Reads;

/// <summary>
/// Which revision a moment stood at. Time never runs against revision, so the log is searched by halves along its own key: some twenty
/// steps for a million events, and no index on time.
/// </summary>
internal static class RevisionAtTime
{
    // Every event up to "low" is of the moment or before, every one behind "high" is after it.
    private const string Sql = """
        WITH RECURSIVE search (low, high) AS (
            SELECT 1::bigint, h.revision FROM eventstore.head h
            UNION ALL
            SELECT CASE WHEN e.timestamp > $1 THEN s.low ELSE m.middle END, CASE WHEN e.timestamp > $1 THEN e.seq_id - 1 ELSE s.high END
              FROM search s
             CROSS JOIN LATERAL (SELECT (s.low + s.high + 1) / 2 AS middle) m
              LEFT JOIN LATERAL (
                   SELECT o.seq_id, o.timestamp FROM eventstore.mt_events o
                    WHERE o.seq_id > s.low AND o.seq_id <= m.middle ORDER BY o.seq_id DESC LIMIT 1) e ON true
             WHERE s.low < s.high)
        SELECT coalesce((SELECT o.seq_id FROM eventstore.mt_events o WHERE o.seq_id <= s.low ORDER BY o.seq_id DESC LIMIT 1), 1),
               h.time <= $1, clock_timestamp()
          FROM search s, eventstore.head h WHERE s.low = s.high
        """;

    /// <summary>The last revision of the moment or before it; 1 before the first event.</summary>
    /// <returns>
    /// The revision, or null for a moment the database's clock has not reached: what would be answered today might be another thing
    /// then. And that clock.
    /// </returns>
    public static async Task<(long? Revision, DateTimeOffset Now)> Find(
        NpgsqlConnection connection, DateTimeOffset moment, CancellationToken stop)
    {
        (long revision, bool isLast, DateTimeOffset now) = await Search(connection, moment, stop);
        if (moment > now)
            return (null, now);
        if (!isLast)
            return (revision, now);

        // Behind the last event: a batch being committed may have taken its time before this moment. Whoever asks twice gets one answer, so
        // this waits for it; what comes after it is later.
        return ((await Search(connection, moment, stop, DatabaseNames.WaitForCommits)).Revision, now);
    }

    /// <summary>The last revision before the moment; 1 when there is none.</summary>
    // PostgreSQL counts in microseconds and cuts the rest off: a tick less is the microsecond before, or the one the moment is within.
    public static async Task<long> LastBefore(NpgsqlConnection connection, DateTimeOffset moment, CancellationToken stop) =>
        moment.UtcTicks == 0 ? 1 : (await Search(connection, moment.ToUniversalTime().AddTicks(-1), stop)).Revision;

    // What is to come before it is in the same batch, which is one implicit transaction: a lock it takes goes with it, even if this server
    // freezes before it reads the answer.
    private static async Task<(long Revision, bool IsLast, DateTimeOffset Now)> Search(
        NpgsqlConnection connection, DateTimeOffset moment, CancellationToken stop, string? before = null)
    {
        await using var batch = new NpgsqlBatch(connection);
        if (before is not null)
            batch.BatchCommands.Add(new NpgsqlBatchCommand(before));
        var search = new NpgsqlBatchCommand(Sql);
        search.Parameters.Add(new NpgsqlParameter<DateTimeOffset> { TypedValue = moment.ToUniversalTime() });
        batch.BatchCommands.Add(search);
        await using NpgsqlDataReader reader = await batch.ExecuteReaderAsync(stop);
        if (before is not null)
            await reader.NextResultAsync(stop);
        await reader.ReadAsync(stop);
        return (reader.GetInt64(0), reader.GetBoolean(1), reader.GetFieldValue<DateTimeOffset>(2));
    }
}
