using EventStore.Domain.Jobs;
using Npgsql;

namespace EventStore.Server.Store;

/// <summary>
/// Jobs as they once stood. A job is read as it is now and taken back event by event, through the values each event replaced; that
/// costs as much as has happened since.
/// </summary>
internal static class JobPast
{
    private const string RowsSql = """
        SELECT j.id, j.mt_version, j.revision, j.deleted, j.data ->> 'text', j.mt_last_modified
          FROM eventstore.mt_doc_current_job j WHERE j.id = ANY ($1)
        """;

    // The revision before an event is that of the one before it in its stream.
    private const string EventsSql = """
        SELECT e.stream_id, e.version, e.type, e.data::text, p.seq_id, p.timestamp
          FROM unnest($1::uuid[], $2::bigint[]) AS k (stream_id, version)
          JOIN eventstore.mt_events e ON e.stream_id = k.stream_id AND e.version > k.version
          LEFT JOIN eventstore.mt_events p ON p.stream_id = e.stream_id AND p.version = e.version - 1
         ORDER BY e.stream_id, e.version DESC
        """;

    private const string ChangedSinceSql = """
        SELECT e.stream_id, min(e.version) - 1
          FROM eventstore.mt_events e JOIN eventstore.mt_doc_current_job j ON j.id = e.stream_id
         WHERE e.seq_id > $1
        """;

    /// <summary>The jobs that have changed since the revision and lived at it, as they stood then.</summary>
    /// <param name="connection">A connection within a snapshot.</param>
    /// <param name="revision">The revision.</param>
    /// <param name="inNamespace">Only in this namespace, or null.</param>
    /// <param name="name">Only of this name, or null.</param>
    /// <param name="stop">Gives up.</param>
    public static async Task<List<StoredJob>> LivingAt(
        NpgsqlConnection connection, long revision, string? inNamespace, string? name, CancellationToken stop)
    {
        var streams = new Dictionary<Guid, long>();
        await using (var command = new NpgsqlCommand(ChangedSinceSql, connection) { CommandTimeout = 0 })
        {
            // A text for each combination: with "… IS NULL OR" in it the plan for one job would read the whole log.
            command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = revision });
            Where(command, "j.namespace", inNamespace);
            Where(command, "j.name", name);
            command.CommandText += " GROUP BY e.stream_id";
            await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(stop);
            while (await reader.ReadAsync(stop))
                streams[reader.GetGuid(0)] = reader.GetInt64(1);
        }

        var living = new List<StoredJob>();
        foreach ((Job? job, DateTimeOffset time) in (await AtVersions(connection, streams, stop)).Values)
        {
            if (job is { Deleted: false })
                living.Add(StoredJob.Of(job, time));
        }

        return living;
    }

    /// <summary>The jobs as they were after that many events of their streams; null for none.</summary>
    /// <param name="connection">A connection; it need not be within a snapshot, for a stream only grows.</param>
    /// <param name="versions">The streams and versions.</param>
    /// <param name="stop">Gives up.</param>
    public static async Task<Dictionary<Guid, (Job? Job, DateTimeOffset Time)>> AtVersions(
        NpgsqlConnection connection, IReadOnlyDictionary<Guid, long> versions, CancellationToken stop)
    {
        Dictionary<Guid, (Job? Job, DateTimeOffset Time)> jobs = await Rows(connection, [.. versions.Keys], stop);
        await using var command = new NpgsqlCommand(EventsSql, connection);
        command.Parameters.Add(new NpgsqlParameter<Guid[]> { TypedValue = [.. versions.Keys] });
        command.Parameters.Add(new NpgsqlParameter<long[]> { TypedValue = [.. versions.Values] });
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(stop);
        while (await reader.ReadAsync(stop))
        {
            Guid uid = reader.GetGuid(0);
            // Events behind the row were appended after it was read.
            if (!jobs.TryGetValue(uid, out var at) || at.Job is not { } job || job.Version != reader.GetInt64(1))
                continue;
            JobEvent happened = RevisionReads.ReadEvent(reader.GetString(2), reader.GetString(3));
            jobs[uid] = reader.IsDBNull(4)
                ? (null, default)
                : (job.Revert(happened, reader.GetInt64(4)), reader.GetFieldValue<DateTimeOffset>(5));
        }

        return jobs;
    }

    private static void Where(NpgsqlCommand command, string column, string? value)
    {
        if (value is null)
            return;
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = value });
        command.CommandText += $" AND {column} = ${command.Parameters.Count}";
    }

    private static async Task<Dictionary<Guid, (Job? Job, DateTimeOffset Time)>> Rows(NpgsqlConnection connection, Guid[] uids, CancellationToken stop)
    {
        var jobs = new Dictionary<Guid, (Job?, DateTimeOffset)>();
        await using var command = new NpgsqlCommand(RowsSql, connection);
        command.Parameters.Add(new NpgsqlParameter<Guid[]> { TypedValue = uids });
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(stop);
        while (await reader.ReadAsync(stop))
        {
            Job job = JobText.Read(reader.GetFieldValue<byte[]>(4), reader.GetGuid(0), reader.GetInt64(1), reader.GetInt64(2), reader.GetBoolean(3));
            jobs[job.Uid] = (job, reader.GetFieldValue<DateTimeOffset>(5));
        }

        return jobs;
    }
}
