using EventStore.Server.Store.Format;
using Npgsql;

namespace EventStore.Server.Store.Reads;

/// <summary>
/// Finds the last revision committed at or before a time. Times never decrease from revision to revision, so this is a binary
/// search by revision: some twenty steps for a million events, without an index on time.
/// </summary>
internal static class RevisionAtTime
{
    /// <summary>
    /// One step of the search, of the recursive query <c>search (place, moment, low, high)</c>: every event up to <c>low</c> is before the
    /// moment, every one behind <c>high</c> is not. It is over where the two are equal.
    /// </summary>
    public const string StepSql = """
        SELECT s.place, s.moment, CASE WHEN e.timestamp >= s.moment THEN s.low ELSE m.middle END,
               CASE WHEN e.timestamp >= s.moment THEN e.seq_id - 1 ELSE s.high END
          FROM search s
         CROSS JOIN LATERAL (SELECT (s.low + s.high + 1) / 2 AS middle) m
          LEFT JOIN LATERAL (
               SELECT o.seq_id, o.timestamp FROM eventstore.mt_events o
                WHERE o.seq_id > s.low AND o.seq_id <= m.middle ORDER BY o.seq_id DESC LIMIT 1) e ON true
         WHERE s.low < s.high
        """;

    // Times are in microseconds: what is before the next one is of the moment or before it.
    private const string Sql = $"""
        WITH RECURSIVE search (place, moment, low, high) AS (
            SELECT 1::bigint, $1 + interval '1 microsecond', 1::bigint, h.revision FROM {HeadRow.Sql} h
            UNION ALL
            {StepSql})
        SELECT coalesce((SELECT o.seq_id FROM eventstore.mt_events o WHERE o.seq_id <= s.low ORDER BY o.seq_id DESC LIMIT 1), 1),
               h.time <= $1, clock_timestamp()
          FROM search s, {HeadRow.Sql} h WHERE s.low = s.high
        """;

    /// <summary>The last revision of the moment or before it; 1 before the first event.</summary>
    /// <returns>
    /// The revision, or null for a time in the future, for which the answer would still change; and the database's time.
    /// </returns>
    public static async Task<(long? Revision, DateTimeOffset Now)> Find(
        NpgsqlConnection connection, DateTimeOffset moment, CancellationToken stop)
    {
        (long revision, bool isLast, DateTimeOffset now) = await Search(connection, moment, stop);
        if (moment > now)
            return (null, now);
        if (!isLast)
            return (revision, now);

        // At or after the last event: a batch being committed may have an earlier time. Wait for it, so that asking twice gives the
        // same answer; all later batches have later times.
        return ((await Search(connection, moment, stop, DatabaseNames.WaitForCommits)).Revision, now);
    }

    /// <summary>The last revision before the moment; 1 when there is none.</summary>
    // PostgreSQL truncates to microseconds: a tick less is the microsecond before, or the one that contains the time.
    public static async Task<long> LastBefore(NpgsqlConnection connection, DateTimeOffset moment, CancellationToken stop) =>
        moment.UtcTicks == 0 ? 1 : (await Search(connection, moment.ToUniversalTime().AddTicks(-1), stop)).Revision;

    // The statement before it is in the same batch, which is one implicit transaction: its lock is released with it, even if this
    // server freezes before it reads the answer.
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
