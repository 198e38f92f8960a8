using System.Runtime.CompilerServices;
using EventStore.Domain.Jobs;
using Npgsql;

namespace EventStore.Server.Store;

/// <summary>An incarnation with its whole history folded.</summary>
/// <param name="Uid">The stream.</param>
/// <param name="Job">The job its events give so far.</param>
/// <param name="Events">How many events there are.</param>
/// <param name="Time">When the last one was committed.</param>
/// <param name="Problem">Why the events cannot be folded, or null.</param>
internal sealed record FoldedStream(Guid Uid, Job? Job, long Events, DateTime Time, string? Problem)
{
    /// <summary>The row its events give; null when there is a <see cref="Problem"/>.</summary>
    public CurrentJob? Row { get; init; }
}

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
                yield return Finish(stream);
                stream = null;
            }

            stream = Next(stream ?? new FoldedStream(uid, null, 0, default, null), reader);
        }

        if (stream is not null)
            yield return Finish(stream);
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
            return Damaged(stream, $"event {stream.Events + 1} is missing: the next one, of revision {revision}, is number {version}");
        if (revision <= stream.Job?.Revision)
            return Damaged(stream, $"event {version} has revision {revision}, lower than the event before it");
        try
        {
            Job job = Job.Evolve(stream.Job, RevisionReads.ReadEvent(reader.GetString(4), reader.GetString(5)), revision);
            return stream with { Job = job, Events = version, Time = reader.GetDateTime(3) };
        }
        catch (Exception e) // whatever a damaged event does to the fold, its revision has to be named
        {
            return Damaged(stream, $"the event of revision {revision} cannot be read: {OneLine(e)}");
        }
    }

    private static FoldedStream Finish(FoldedStream stream)
    {
        if (stream.Problem is not null)
            return stream;
        if (stream.Job!.Uid != stream.Uid)
            return stream with { Problem = $"its events give no job: its first event is that of {stream.Job.Uid}" };
        try
        {
            return stream with { Row = CurrentJob.Of(stream.Job) };
        }
        catch (Exception e) // a damaged event may also leave what can be folded and not be shown
        {
            return stream with { Problem = $"its events give no job: {OneLine(e)}" };
        }
    }

    private static FoldedStream Damaged(FoldedStream stream, string problem) => stream with { Events = stream.Events + 1, Problem = problem };

    private static string OneLine(Exception e) => e.Message.ReplaceLineEndings(" ");
}
