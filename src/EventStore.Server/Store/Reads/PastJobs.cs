using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;
using Npgsql;

namespace EventStore.Server.Store.Reads;

/// <summary>
/// Jobs as they once stood. A stream is entered at the nearest place where the job is kept whole (a snapshot before or behind, its
/// beginning, or the job as it is now) and followed from there, event by event, forward or back. There is a snapshot about every 128
/// events, so any revision costs the same, however long the history is.
/// </summary>
/// <remarks>
/// Nothing here needs a transaction: what has been committed never changes, and a row that moves on between two questions is not asked again.
/// </remarks>
internal static class PastJobs
{
    // The last event of a name by then tells which incarnation lived, if one did.
    private const string OfKeysSql = $"""
        {Entering}
          FROM unnest($1::text[], $2::text[]) AS k (namespace, name)
         CROSS JOIN LATERAL (
               SELECT r.revision, r.type FROM eventstore.revision r
                WHERE r.namespace = k.namespace AND r.job = k.name AND r.revision <= $3 ORDER BY r.revision DESC LIMIT 1) l
          JOIN eventstore.mt_events e ON e.seq_id = l.revision
          {Places}
         WHERE l.type <> 'job_deleted'
        """;

    private const string OfVersionsSql = $"""
        {Entering}
          FROM unnest($1::uuid[], $2::bigint[]) AS k (stream_id, version)
          JOIN eventstore.mt_events e ON e.stream_id = k.stream_id AND e.version = k.version
          {Places}
        """;

    private const string Entering = """
        SELECT e.stream_id, e.version, e.seq_id, e.timestamp, e.type = 'job_deleted',
               CASE WHEN w.goes_back THEN coalesce(n.version, c.mt_version) ELSE coalesce(s.version, 0) END,
               CASE WHEN w.goes_back THEN coalesce(n.text, c.data ->> 'text') ELSE s.text END
        """;

    private const string Places = """
        JOIN eventstore.mt_doc_current_job c ON c.id = e.stream_id
          LEFT JOIN LATERAL (
               SELECT version, text FROM eventstore.job_snapshot
                WHERE uid = e.stream_id AND revision <= e.seq_id ORDER BY revision DESC LIMIT 1) s ON true
          LEFT JOIN LATERAL (
               SELECT version, text FROM eventstore.job_snapshot
                WHERE uid = e.stream_id AND revision > e.seq_id ORDER BY revision LIMIT 1) n ON true
         CROSS JOIN LATERAL (
               SELECT coalesce(n.version, c.mt_version) - e.version <= e.version - coalesce(s.version, 0) AS goes_back) w
        """;

    private const string EventsSql = """
        SELECT k.place - 1, e.seq_id, e.type, e.data::text
          FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) WITH ORDINALITY AS k (stream_id, entered, wanted, place)
          JOIN eventstore.mt_events e
            ON e.stream_id = k.stream_id AND e.version > least(k.entered, k.wanted) AND e.version <= greatest(k.entered, k.wanted)
         ORDER BY k.place, CASE WHEN k.entered < k.wanted THEN e.version ELSE -e.version END
        """;

    /// <summary>Those of the jobs that lived at the revision, as they stood then.</summary>
    /// <param name="connection">A connection.</param>
    /// <param name="keys">The names, each once.</param>
    /// <param name="revision">As of this revision.</param>
    /// <param name="stop">Gives up.</param>
    public static async Task<Dictionary<JobKey, (Job Job, DateTimeOffset Time)>> At(
        NpgsqlConnection connection, IReadOnlyCollection<JobKey> keys, long revision, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(OfKeysSql, connection);
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = [.. keys.Select(key => key.Namespace)] });
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = [.. keys.Select(key => key.Name)] });
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = revision });
        return (await Follow(connection, await Ways(command, stop), stop)).ToDictionary(past => past.Job.Key);
    }

    /// <summary>The jobs as they were after that many events of their streams; one without such an event is missing in the answer.</summary>
    /// <param name="connection">A connection.</param>
    /// <param name="versions">The streams and versions.</param>
    /// <param name="stop">Gives up.</param>
    public static async Task<Dictionary<Guid, (Job Job, DateTimeOffset Time)>> AtVersions(
        NpgsqlConnection connection, IReadOnlyDictionary<Guid, long> versions, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(OfVersionsSql, connection);
        command.Parameters.Add(new NpgsqlParameter<Guid[]> { TypedValue = [.. versions.Keys] });
        command.Parameters.Add(new NpgsqlParameter<long[]> { TypedValue = [.. versions.Values] });
        return (await Follow(connection, await Ways(command, stop), stop)).ToDictionary(past => past.Job.Uid);
    }

    private static async Task<List<Way>> Ways(NpgsqlCommand command, CancellationToken stop)
    {
        var ways = new List<Way>();
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(stop);
        while (await reader.ReadAsync(stop))
        {
            var way = new Way(
                reader.GetGuid(0), reader.GetInt64(1), reader.GetInt64(2), reader.GetFieldValue<DateTimeOffset>(3), reader.GetBoolean(4), reader.GetInt64(5));
            way.Job = reader.IsDBNull(6) ? null : JobText.Read(reader.GetFieldValue<byte[]>(6), way.Uid, way.Entered, way.Revision, deleted: false);
            ways.Add(way);
        }

        return ways;
    }

    private static async Task<IEnumerable<(Job Job, DateTimeOffset Time)>> Follow(NpgsqlConnection connection, List<Way> ways, CancellationToken stop)
    {
        List<Way> longer = ways.FindAll(way => way.Entered != way.Version);
        if (longer.Count == 0)
            return ways.Select(way => way.End());
        await using var command = new NpgsqlCommand(EventsSql, connection);
        command.Parameters.Add(new NpgsqlParameter<Guid[]> { TypedValue = [.. longer.Select(way => way.Uid)] });
        command.Parameters.Add(new NpgsqlParameter<long[]> { TypedValue = [.. longer.Select(way => way.Entered)] });
        command.Parameters.Add(new NpgsqlParameter<long[]> { TypedValue = [.. longer.Select(way => way.Version)] });
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(stop);
        while (await reader.ReadAsync(stop))
        {
            Way way = longer[(int)reader.GetInt64(0)];
            JobEvent happened = EventCodec.Read(reader.GetString(2), reader.GetString(3));
            way.Job = way.Entered < way.Version ? Job.Evolve(way.Job, happened, reader.GetInt64(1)) : way.Job!.Revert(happened, way.Revision);
        }

        return ways.Select(way => way.End());
    }

    /// <summary>From where a stream is entered to the version that is wanted.</summary>
    /// <param name="Uid">The stream.</param>
    /// <param name="Version">The version wanted.</param>
    /// <param name="Revision">Its revision.</param>
    /// <param name="Time">When it was committed.</param>
    /// <param name="Deleted">Whether it took the job away.</param>
    /// <param name="Entered">The version of the job kept whole; 0 for the stream's beginning.</param>
    private sealed record Way(Guid Uid, long Version, long Revision, DateTimeOffset Time, bool Deleted, long Entered)
    {
        /// <summary>The job as far as the way has been followed.</summary>
        public Job? Job { get; set; }

        /// <summary>The job at the end of the way.</summary>
        /// <exception cref="FormatException">Events are missing, and no job is made up for them.</exception>
        public (Job Job, DateTimeOffset Time) End() => Job?.Version == Version
            ? (Job with { Revision = Revision, Deleted = Deleted }, Time)
            : throw new FormatException($"the events of {Uid} do not lead from version {Entered} to {Version}: some are missing");
    }
}
