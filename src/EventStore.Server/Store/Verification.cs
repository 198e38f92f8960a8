using Npgsql;

namespace EventStore.Server.Store;

/// <summary>Compares every current job, every stream's version and the head with the events. It changes nothing.</summary>
public static class Verification
{
    // A row's document repeats its columns; PostgreSQL itself compares the two.
    private const string RowsSql = """
        SELECT coalesce(j.id, s.id), j.namespace, j.name, j.deleted, j.mt_version, j.revision, coalesce(j.data ->> 'text', ''), s.version,
               coalesce(j.mt_last_modified, '-infinity'),
               j.data = jsonb_build_object('id', j.id, 'namespace', j.namespace, 'name', j.name, 'deleted', j.deleted,
                                           'version', j.mt_version, 'revision', j.revision, 'text', j.data -> 'text')
          FROM eventstore.mt_doc_current_job j FULL JOIN eventstore.mt_streams s ON s.id = j.id ORDER BY 1
        """;

    private const string HeadSql = """
        SELECT h.revision, coalesce(e.seq_id, 1), e.timestamp IS NULL OR e.timestamp = h.time
          FROM (SELECT) AS one
          LEFT JOIN eventstore.head h ON true
          LEFT JOIN (SELECT seq_id, timestamp FROM eventstore.mt_events ORDER BY seq_id DESC LIMIT 1) e ON true
        """;

    /// <summary>Verifies, and answers how many events were read.</summary>
    /// <param name="database">Any connection that may read.</param>
    /// <param name="differs">Is told every difference: the job or stream, and what is wrong.</param>
    /// <param name="progress">Is told events done and events in all.</param>
    /// <param name="stop">Gives up.</param>
    public static async Task<long> Run(NpgsqlDataSource database, Action<string> differs, Action<long, long> progress, CancellationToken stop)
    {
        await using NpgsqlConnection events = await database.OpenConnectionAsync(stop);
        await using NpgsqlConnection rows = await database.OpenConnectionAsync(stop);
        await using NpgsqlTransaction snapshot = await Begin(events, null, stop);
        await using NpgsqlTransaction sameSnapshot = await Begin(rows, await Export(events, stop), stop);
        await CompareHead(events, differs, stop);
        long total = await EventLog.Count(events, stop);

        await using var command = new NpgsqlCommand(RowsSql, rows) { CommandTimeout = 0 };
        await using NpgsqlDataReader row = await command.ExecuteReaderAsync(stop);
        bool more = await row.ReadAsync(stop);
        long done = 0;
        await foreach (FoldedStream stream in EventLog.Fold(events, stop))
        {
            for (; more && Order(row.GetGuid(0), stream.Uid) < 0; more = await row.ReadAsync(stop))
                differs(WithoutEvents(row));
            bool found = more && row.GetGuid(0) == stream.Uid;
            Compare(stream, found ? row : null, differs);
            more = found ? await row.ReadAsync(stop) : more;
            done += stream.Events;
            progress(done, total);
        }

        for (; more; more = await row.ReadAsync(stop))
            differs(WithoutEvents(row));
        return done;
    }

    private static string WithoutEvents(NpgsqlDataReader row) =>
        $"{row.GetGuid(0)}: there is a {(row.IsDBNull(1) ? "stream" : "current job")} without events";

    private static void Compare(FoldedStream stream, NpgsqlDataReader? row, Action<string> differs)
    {
        if (stream.Row is not { } expected)
            differs($"{stream.Uid}: {stream.Problem}");
        else if (row is null || row.IsDBNull(1))
            differs($"{expected.Namespace}/{expected.Name} ({stream.Uid}): there are {stream.Events} events, but no current job");
        else if (Difference(expected, stream.Time, row) is { } difference)
            differs($"{expected.Namespace}/{expected.Name} ({stream.Uid}): {difference}");
    }

    private static string? Difference(CurrentJob expected, DateTime time, NpgsqlDataReader row)
    {
        if (row.GetString(1) != expected.Namespace || row.GetString(2) != expected.Name)
            return $"the current job is named {row.GetString(1)}/{row.GetString(2)}";
        if (row.GetBoolean(3) != expected.Deleted)
            return $"by its events the job is {State(expected.Deleted)}, by its row it is {State(!expected.Deleted)}";
        if (row.GetInt64(4) != expected.Version)
            return $"the current job is at version {row.GetInt64(4)}, its events end at {expected.Version}";
        if (row.GetInt64(5) != expected.Revision)
            return $"the current job is at revision {row.GetInt64(5)}, its events end at {expected.Revision}";
        if (row.IsDBNull(7) || row.GetInt64(7) != expected.Version)
            return $"the stream's own version is not {expected.Version}";
        if (!row.GetBoolean(9))
            return "the row's document is not that of its columns";
        if (row.GetDateTime(8) != time)
            return "the row's time is not that of the last event";
        return row.GetString(6) == expected.Text ? null : "the current job is not what its events give";
    }

    private static string State(bool deleted) => deleted ? "deleted" : "alive";

    private static async Task CompareHead(NpgsqlConnection connection, Action<string> differs, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(HeadSql, connection);
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(stop);
        await reader.ReadAsync(stop);
        long last = reader.GetInt64(1);
        if (reader.IsDBNull(0))
            differs($"the head is missing, the events end at {last}");
        else if (reader.GetInt64(0) != last)
            differs($"the head is at revision {reader.GetInt64(0)}, the events end at {last}");
        else if (!reader.GetBoolean(2))
            differs("the head's time is not that of the last event");
    }

    private static async Task<NpgsqlTransaction> Begin(NpgsqlConnection connection, string? snapshot, CancellationToken stop)
    {
        NpgsqlTransaction transaction = await connection.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead, stop);
        if (snapshot is not null)
        {
            await using var command = new NpgsqlCommand($"SET TRANSACTION SNAPSHOT '{snapshot}'", connection, transaction);
            await command.ExecuteNonQueryAsync(stop);
        }

        return transaction;
    }

    private static async Task<string> Export(NpgsqlConnection connection, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand("SELECT pg_export_snapshot()", connection);
        return (string)(await command.ExecuteScalarAsync(stop))!;
    }

    // PostgreSQL orders uuids by their bytes as printed; Guid.CompareTo does the same.
    private static int Order(Guid a, Guid b) => a.CompareTo(b);
}
