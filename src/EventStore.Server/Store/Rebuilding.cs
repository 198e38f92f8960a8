using System.Text.Json;
using Npgsql;
using NpgsqlTypes;

namespace EventStore.Server.Store;

/// <summary>
/// Makes the current jobs anew from the events: one ordered read, the domain's fold, a copy into a table beside the old, and the
/// change-over in one transaction. It runs while no server does: the commit lock it holds would make every write wait.
/// </summary>
public static class Rebuilding
{
    // Columns as in migrations/V0001. The time is the last event's, as the lane writes it.
    private const string CopySql = """
        COPY new_current_job (id, data, mt_last_modified, mt_dotnet_type, mt_version, namespace, name, deleted, revision) FROM STDIN (FORMAT binary)
        """;

    private const string SwitchSql = """
        TRUNCATE eventstore.mt_doc_current_job;
        INSERT INTO eventstore.mt_doc_current_job SELECT * FROM new_current_job;
        """;

    /// <summary>Rebuilds.</summary>
    /// <param name="owner">A connection of the owner's.</param>
    /// <param name="progress">Is told events done and events in all, about ten times a second at most.</param>
    /// <param name="stop">Gives up; nothing is changed then.</param>
    /// <returns>How many jobs there are, deleted ones included.</returns>
    /// <exception cref="FormatException">A stream cannot be folded; nothing was changed.</exception>
    public static async Task<long> Run(NpgsqlConnection owner, Action<long, long> progress, CancellationToken stop)
    {
        await using NpgsqlTransaction transaction = await owner.BeginTransactionAsync(stop);
        await Execute(owner, CommitCall.LockSql, stop);
        await Execute(owner, "CREATE TEMP TABLE new_current_job (LIKE eventstore.mt_doc_current_job) ON COMMIT DROP", stop);
        long jobs = await Copy(owner, progress, stop);
        await Execute(owner, SwitchSql, stop);
        await transaction.CommitAsync(stop);
        return jobs;
    }

    private static async Task<long> Copy(NpgsqlConnection owner, Action<long, long> progress, CancellationToken stop)
    {
        // A connection copies or reads, not both: the log is read on a second one, under the same lock the first one holds.
        await using var reading = (NpgsqlConnection)((ICloneable)owner).Clone();
        await reading.OpenAsync(stop);
        long total = await EventLog.Count(reading, stop);
        (long events, long jobs) = (0, 0);
        await using NpgsqlBinaryImporter copy = await owner.BeginBinaryImportAsync(CopySql, stop);
        await foreach (FoldedStream stream in EventLog.Fold(reading, stop))
        {
            if (stream.Row is not { } row)
                throw new FormatException($"{stream.Uid}: {stream.Problem}");
            await Write(copy, row, stream.Time, stop);
            events += stream.Events;
            jobs++;
            progress(events, total);
        }

        await copy.CompleteAsync(stop);
        return jobs;
    }

    private static async Task Write(NpgsqlBinaryImporter copy, CurrentJob row, DateTime time, CancellationToken stop)
    {
        await copy.StartRowAsync(stop);
        await copy.WriteAsync(row.Id, NpgsqlDbType.Uuid, stop);
        await copy.WriteAsync(JsonSerializer.Serialize(row, EventFormat.Options), NpgsqlDbType.Jsonb, stop);
        await copy.WriteAsync(time, NpgsqlDbType.TimestampTz, stop);
        await copy.WriteAsync(typeof(CurrentJob).FullName!, NpgsqlDbType.Varchar, stop);
        await copy.WriteAsync(row.Version, NpgsqlDbType.Bigint, stop);
        await copy.WriteAsync(row.Namespace, NpgsqlDbType.Varchar, stop);
        await copy.WriteAsync(row.Name, NpgsqlDbType.Varchar, stop);
        await copy.WriteAsync(row.Deleted, NpgsqlDbType.Boolean, stop);
        await copy.WriteAsync(row.Revision, NpgsqlDbType.Bigint, stop);
    }

    private static async Task Execute(NpgsqlConnection connection, string sql, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
        await command.ExecuteNonQueryAsync(stop);
    }
}
