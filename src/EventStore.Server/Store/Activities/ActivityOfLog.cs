using EventStore.Server.Store.Format;
using EventStore.Server.Store.Reads;
using Npgsql;

namespace EventStore.Server.Store.Activities;

/// <summary>
/// Computes the activity from the log in one SQL statement: <c>rebuild</c> writes it, and <c>verify</c> compares it with the
/// daemon's counts. The two ways of counting share only the names of fields.
/// </summary>
internal static class ActivityOfLog
{
    /// <summary>The columns of a document of counts, of a row <c>n</c> of what it counts by and the count.</summary>
    public const string Document = $"""
        {Id},
        jsonb_build_object('id', {Id}, 'day', {Day}, 'namespace', n.namespace, 'userName', n.user_name, 'type', n.type, 'field', n.field,
                           'count', n.count),
        n.day, n.namespace, n.user_name, n.type, n.field
        """;

    private const string Day = "to_char(n.day, 'YYYY-MM-DD')";

    /// <summary>A hash, because an index entry is bounded in length, and a user's name is not.</summary>
    private const string Id =
        $"encode(sha256(convert_to(concat_ws('/', {Day}, n.namespace, n.type, n.field, n.user_name), 'UTF8')), 'hex')";

    private const string ProgressSql = $"SELECT last_seq_id FROM eventstore.mt_event_progression WHERE name = '{ActivityStore.Shard}'";

    private const string Time = """'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'""";

    private static readonly string Counts = $"""
        SELECT (e.timestamp AT TIME ZONE 'UTC')::date AS day, c.data #>> '{"{manifest,metadata,namespace}"}' AS namespace,
               coalesce(e.user_name, '') AS user_name, e.type, f.field, count(*) AS count
          FROM eventstore.mt_events e
          JOIN eventstore.mt_events c ON c.stream_id = e.stream_id AND c.version = 1
         CROSS JOIN LATERAL (
                SELECT '' AS field
                 UNION SELECT 'metadata.deletionTimestamp' WHERE e.type = '{EventCodec.DeletionRequested}'
                 UNION SELECT {ActivityField.Sql("path")} FROM jsonb_array_elements_text(coalesce(e.data->'paths', '[]')) path) f
         WHERE e.seq_id <= $1
         GROUP BY 1, 2, 3, 4, 5
        """;

    private static readonly string Jobs = $$"""
        SELECT l.stream_id AS id, l.revision, jsonb_strip_nulls(jsonb_build_object(
                   'id', l.stream_id, 'namespace', c.data #>> '{manifest,metadata,namespace}',
                   'name', c.data #>> '{manifest,metadata,name}',
                   'created', to_char(c.timestamp AT TIME ZONE 'UTC', {{Time}}), 'createdBy', coalesce(c.user_name, ''),
                   'changes', l.changes, 'revision', l.revision, 'changed', to_char(l.changed AT TIME ZONE 'UTC', {{Time}}),
                   'state', {{Text("s.status->'conditions'->-1->'type'")}}, 'completed', {{Text("s.status->'completionTime'")}},
                   'deleted', to_char(d.timestamp AT TIME ZONE 'UTC', {{Time}}))) AS data
          FROM (SELECT stream_id, count(*) AS changes, max(seq_id) AS revision, max(timestamp) AS changed
                  FROM eventstore.mt_events WHERE seq_id <= $1 GROUP BY stream_id) l
          JOIN eventstore.mt_events c ON c.stream_id = l.stream_id AND c.version = 1
          LEFT JOIN (SELECT DISTINCT ON (stream_id) stream_id,
                            coalesce(data->'status', data->'patch'->'status', data->'manifest'->'status') AS status
                       FROM eventstore.mt_events
                      WHERE seq_id <= $1 AND (version = 1 OR type = '{{EventCodec.StatusUpdated}}'
                                              OR (type = '{{EventCodec.Applied}}' AND data ? 'subresource'))
                      ORDER BY stream_id, version DESC) s ON s.stream_id = l.stream_id
          LEFT JOIN eventstore.mt_events d ON d.stream_id = l.stream_id AND d.type = '{{EventCodec.Deleted}}' AND d.seq_id <= $1
        """;

    private static readonly string WrongCounts = $"""
        SELECT day::text, namespace, user_name, type, field, coalesce((a.data->>'count')::bigint, 0), coalesce(n.count, 0)
          FROM ({Counts}) n
          FULL JOIN eventstore.mt_doc_activity a USING (day, namespace, user_name, type, field)
         WHERE n.count IS DISTINCT FROM (a.data->>'count')::bigint
        """;

    private static readonly string WrongJobs = $"""
        SELECT coalesce(n.id, j.id), coalesce(n.revision, j.revision)
          FROM ({Jobs}) n FULL JOIN eventstore.mt_doc_job_activity j USING (id)
         WHERE n.data IS DISTINCT FROM j.data OR n.revision IS DISTINCT FROM j.revision
        """;

    /// <summary>Compares the daemon's counts with those of the log, up to the revision that the daemon has reached.</summary>
    /// <param name="connection">A connection within the snapshot that is verified.</param>
    /// <param name="wrong">Called for each difference, with its revision and a text.</param>
    /// <param name="stop">Cancels it.</param>
    public static async Task Compare(NpgsqlConnection connection, Action<long, string> wrong, CancellationToken stop)
    {
        long upTo = await Progress(connection, stop) ?? 0;
        await using (NpgsqlCommand counts = Asked(WrongCounts))
        await using (NpgsqlDataReader row = await counts.ExecuteReaderAsync(stop))
        {
            while (await row.ReadAsync(stop))
            {
                string field = row.GetString(4).Length == 0 ? string.Empty : $" of {row.GetString(4)}";
                wrong(
                    long.MaxValue,
                    $"the activity of {row.GetString(0)} has {row.GetInt64(5)} {row.GetString(3)}{field} by {row.GetString(2)} "
                    + $"in {row.GetString(1)}, the events are {row.GetInt64(6)}");
            }
        }

        await using (NpgsqlCommand jobs = Asked(WrongJobs))
        await using (NpgsqlDataReader row = await jobs.ExecuteReaderAsync(stop))
        {
            while (await row.ReadAsync(stop))
                wrong(row.GetInt64(1), $"{row.GetGuid(0)}: the line of its activity is not what the events give");
        }

        NpgsqlCommand Asked(string sql) =>
            new(sql, connection) { CommandTimeout = 0, Parameters = { new NpgsqlParameter<long> { TypedValue = upTo } } };
    }

    /// <summary>
    /// Recounts everything, in one transaction with the progress, so that the daemon continues from there. A page that the daemon has under
    /// way is refused by the check of the progress, and read again. Does nothing if activity was never counted.
    /// </summary>
    /// <param name="connection">The owner's, not within a transaction.</param>
    /// <param name="stop">Cancels it.</param>
    /// <returns>How many documents there are now.</returns>
    public static async Task<long> Rebuild(NpgsqlConnection connection, CancellationToken stop)
    {
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(stop);
        if (await connection.Ask($"{ProgressSql} FOR UPDATE", stop) is not long)
            return 0;
        var head = (long)(await connection.Ask("SELECT revision FROM eventstore.head", stop))!;
        await connection.Run("DELETE FROM eventstore.mt_doc_activity; DELETE FROM eventstore.mt_doc_job_activity", stop);
        long written = await connection.Run(
            $"""
            INSERT INTO eventstore.mt_doc_job_activity (id, data, namespace, name, revision)
            SELECT n.id, n.data, n.data->>'namespace', n.data->>'name', n.revision FROM ({Jobs}) n
            """, stop, new NpgsqlParameter<long> { TypedValue = head });
        written += await connection.Run(
            $"""
            INSERT INTO eventstore.mt_doc_activity (id, data, day, namespace, user_name, type, field)
            SELECT {Document} FROM ({Counts}) n
            """, stop, new NpgsqlParameter<long> { TypedValue = head });
        await connection.Run(
            $"UPDATE eventstore.mt_event_progression SET last_seq_id = {head}, last_updated = now() WHERE name = '{ActivityStore.Shard}'",
            stop);
        await transaction.CommitAsync(stop);
        return written;
    }

    /// <summary>The revision up to which events are counted; null if they never were.</summary>
    public static async Task<long?> Progress(NpgsqlConnection connection, CancellationToken stop) =>
        await connection.Ask(ProgressSql, stop) as long?;

    private static string Text(string value) => $$"""
        CASE WHEN jsonb_typeof({{value}}) = 'string' AND octet_length({{value}} #>> '{}') <= {{ActivityPage.TextBytesMax}}
             THEN {{value}} #>> '{}' END
        """;
}
