using System.Runtime.CompilerServices;
using EventStore.Domain.Jobs;
using Npgsql;

namespace EventStore.Server.Store;

/// <summary>An incarnation with its whole history folded, and the row that was stored for it.</summary>
/// <param name="Uid">The stream.</param>
/// <param name="Job">The job its events give; null when they cannot be folded.</param>
/// <param name="Events">How many events there are.</param>
/// <param name="Time">When the last one was committed.</param>
/// <param name="Problem">Why the events cannot be folded, or null.</param>
internal sealed record FoldedStream(Guid Uid, Job? Job, long Events, DateTime Time, string? Problem);

/// <summary>Reads the whole log once, stream by stream, holding one job at a time.</summary>
internal static class EventLog
{
    private const string Sql = """
        SELECT stream_id, version, seq_id, timestamp, type, data::text FROM eventstore.mt_events ORDER BY stream_id, version
        """;

    /// <summary>Every stream with its events folded, in the order of their ids.</summary>
    /// <param name="connection">A connection within the snapshot to be read.</param>
    /// <param name="stop">Ends the reading.</param>
    public static async IAsyncEnumerable<FoldedStream> Fold(NpgsqlConnection connection, [EnumeratorCancellation] CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(Sql, connection) { CommandTimeout = 0 };
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(stop);
        FoldedStream? stream = null;
        while (await reader.ReadAsync(stop))
        {
            Guid uid = reader.GetGuid(0);
            if (stream is not null && stream.Uid != uid)
            {
                yield return stream;
                stream = null;
            }

            stream = Next(stream ?? new FoldedStream(uid, null, 0, default, null), reader);
        }

        if (stream is not null)
            yield return stream;
    }

    /// <summary>How many events there are.</summary>
    public static async Task<long> Count(NpgsqlConnection connection, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand("SELECT count(*) FROM eventstore.mt_events", connection) { CommandTimeout = 0 };
        return (long)(await command.ExecuteScalarAsync(stop))!;
    }

    private static FoldedStream Next(FoldedStream stream, NpgsqlDataReader reader)
    {
        if (stream.Problem is not null)
            return stream with { Events = stream.Events + 1 };
        (long version, long revision) = (reader.GetInt64(1), reader.GetInt64(2));
        if (version != stream.Events + 1)
            return stream with { Problem = $"event {stream.Events + 1} is missing: the next one, of revision {revision}, is number {version}" };
        try
        {
            Job job = Job.Evolve(stream.Job, RevisionReads.ReadEvent(reader.GetString(4), reader.GetString(5)), revision);
            return stream with { Job = job, Events = version, Time = reader.GetDateTime(3) };
        }
        catch (Exception e) when (e is FormatException or InvalidOperationException or InvalidCastException or System.Text.Json.JsonException)
        {
            return stream with { Problem = $"the event of revision {revision} cannot be read: {e.Message}" };
        }
    }
}
