using System.Text;
using EventStore.Domain.Jobs;
using Npgsql;

namespace EventStore.Server.Store;

/// <summary>Compares every current job, every stream's version and the head with the events. It changes nothing.</summary>
public static class Verification
{
    private const string RowsSql = """
        SELECT j.id, j.namespace, j.name, j.deleted, j.mt_version, j.revision, j.data ->> 'text', s.version
          FROM eventstore.mt_doc_current_job j LEFT JOIN eventstore.mt_streams s ON s.id = j.id ORDER BY j.id
        """;

    private const string HeadSql = """
        SELECT (SELECT revision FROM eventstore.head), coalesce((SELECT max(seq_id) FROM eventstore.mt_events), 1)
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
                differs($"{row.GetGuid(0)}: there is a current job without events");
            bool found = more && row.GetGuid(0) == stream.Uid;
            Compare(stream, found ? row : null, differs);
            more = found ? await row.ReadAsync(stop) : more;
            done += stream.Events;
            progress(done, total);
        }

        for (; more; more = await row.ReadAsync(stop))
            differs($"{row.GetGuid(0)}: there is a current job without events");
        return done;
    }

    private static void Compare(FoldedStream stream, NpgsqlDataReader? row, Action<string> differs)
    {
        if (stream.Problem is { } problem)
            differs($"{stream.Uid}: {problem}");
        else if (row is null)
            differs($"{stream.Uid}: there are {stream.Events} events, but no current job");
        else if (Difference(stream.Job!, row) is { } difference)
            differs($"{stream.Job!.Key} ({stream.Uid}): {difference}");
    }

    private static string? Difference(Job job, NpgsqlDataReader row)
    {
        if (row.GetString(1) != job.Key.Namespace || row.GetString(2) != job.Key.Name)
            return $"the current job is named {row.GetString(1)}/{row.GetString(2)}";
        if (row.GetBoolean(3) != job.Deleted)
            return $"by its events the job is {(job.Deleted ? "deleted" : "alive")}, by its row it is not";
        if (row.GetInt64(4) != job.Version)
            return $"the current job is at version {row.GetInt64(4)}, its events end at {job.Version}";
        if (row.GetInt64(5) != job.Revision)
            return $"the current job is at revision {row.GetInt64(5)}, its events end at {job.Revision}";
        if (row.IsDBNull(7) || row.GetInt64(7) != job.Version)
            return $"the stream's own version is not {job.Version}";
        string expected = Encoding.UTF8.GetString(JobText.Of(job).ToUtf8(job.Revision));
        return row.GetString(6) == expected ? null : "the current job is not what its events give";
    }

    private static async Task CompareHead(NpgsqlConnection connection, Action<string> differs, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(HeadSql, connection);
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(stop);
        await reader.ReadAsync(stop);
        if (reader.IsDBNull(0) || reader.GetInt64(0) != reader.GetInt64(1))
            differs($"the head is not at revision {reader.GetInt64(1)}, where the events end");
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
