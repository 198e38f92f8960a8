using System.Data;
using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;
using Npgsql;

namespace EventStore.Server.Store.Reads;

/// <summary>
/// Jobs as of a past revision. The replay of a job's stream begins at the nearest stored state (a snapshot before or after, its beginning,
/// or the current job), and events are applied forward or undone backward from there. There is a snapshot about every 128 events, so any
/// revision costs the same, however long the history is.
/// </summary>
/// <remarks>
/// It needs no transaction: committed events never change, and a row that changes between the two queries is not read again. Many
/// jobs are read with two queries, as many as fit the bound on bytes.
/// </remarks>
internal static class PastJobs
{
    // The last event of a name by then shows which incarnation lived, if any.
    private const string OfKeysSql = $"""
        {StartColumns}
          FROM unnest($1::text[], $2::text[]) AS k (namespace, name)
         CROSS JOIN LATERAL (
               SELECT r.revision, r.type FROM eventstore.revision r
                WHERE r.namespace = k.namespace AND r.job = k.name AND r.revision <= $3 ORDER BY r.revision DESC LIMIT 1) l
          JOIN eventstore.mt_events e ON e.seq_id = l.revision
          {Places}
         WHERE l.type <> '{EventCodec.Deleted}'
        """;

    private const string OfVersionsSql = $"""
        {StartColumns}
          FROM unnest($1::uuid[], $2::bigint[]) AS k (stream_id, version)
          JOIN eventstore.mt_events e ON e.stream_id = k.stream_id AND e.version = k.version
          {Places}
        """;

    private const string StartColumns = $"""
        SELECT e.stream_id, e.version, e.seq_id, e.timestamp, e.type = '{EventCodec.Deleted}',
               CASE WHEN w.goes_back THEN coalesce(n.version, c.mt_version) ELSE coalesce(s.version, 0) END,
               CASE WHEN w.goes_back THEN coalesce(n.text, c.data ->> 'text') ELSE s.text END,
               c.namespace, c.name
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
          FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) WITH ORDINALITY AS k (stream_id, start, wanted, place)
          JOIN eventstore.mt_events e
            ON e.stream_id = k.stream_id AND e.version > least(k.start, k.wanted) AND e.version <= greatest(k.start, k.wanted)
         ORDER BY k.place, CASE WHEN k.start < k.wanted THEN e.version ELSE -e.version END
        """;

    /// <summary>The jobs of these names that lived at the revision, as they stood then.</summary>
    /// <param name="connection">A connection.</param>
    /// <param name="keys">The names, each once.</param>
    /// <param name="revision">As of this revision.</param>
    /// <param name="bytesMax">The bound on their bytes: no more jobs are read beyond it; one is read in any case.</param>
    /// <param name="stop">Cancels the reading.</param>
    public static async Task<Found> At(
        NpgsqlConnection connection, IReadOnlyCollection<JobKey> keys, long revision, long bytesMax, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(OfKeysSql, connection);
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = [.. keys.Select(key => key.Namespace)] });
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = [.. keys.Select(key => key.Name)] });
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = revision });
        return await Read(command, bytesMax, stop);
    }

    /// <summary>The one job of that name that lived at the revision, as it stood then, or null.</summary>
    /// <exception cref="UnreadableEventException">One of its events cannot be read.</exception>
    public static async Task<PastJob?> OneAt(NpgsqlConnection connection, JobKey key, long revision, CancellationToken stop)
    {
        Found found = await At(connection, [key], revision, long.MaxValue, stop);
        return found.Jobs is [var only] ? only.OrThrow() : null;
    }

    /// <summary>The jobs at given versions. A job without that version is left out.</summary>
    /// <param name="connection">A connection.</param>
    /// <param name="versions">The streams and versions.</param>
    /// <param name="bytesMax">The bound on their bytes: no more jobs are read beyond it; one is read in any case.</param>
    /// <param name="stop">Cancels the reading.</param>
    public static async Task<Found> AtVersions(
        NpgsqlConnection connection, IReadOnlyDictionary<Guid, long> versions, long bytesMax, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(OfVersionsSql, connection);
        command.Parameters.Add(new NpgsqlParameter<Guid[]> { TypedValue = [.. versions.Keys] });
        command.Parameters.Add(new NpgsqlParameter<long[]> { TypedValue = [.. versions.Values] });
        return await Read(command, bytesMax, stop);
    }

    private static async Task<Found> Read(NpgsqlCommand command, long bytesMax, CancellationToken stop)
    {
        (List<Replay> replays, long bytes) = (new List<Replay>(), 0);
        bool complete;
        await using (NpgsqlDataReader reader = await command.ExecuteReaderAsync(CommandBehavior.SequentialAccess, stop))
        {
            while ((complete = !await reader.ReadAsync(stop)) == false && (replays.Count == 0 || bytes <= bytesMax))
            {
                (Replay replay, int textBytes) = await ReadStart(reader, stop);
                replays.Add(replay);
                bytes += textBytes;
            }
        }

        bool applied = await ApplyEvents(
            command.Connection!, replays.FindAll(replay => replay.StartVersion != replay.Version), bytesMax, stop);
        return new Found(replays.FindAll(replay => !replay.Dropped).ConvertAll(replay => replay.End()), complete && applied);
    }

    private static async Task<(Replay Replay, int TextBytes)> ReadStart(NpgsqlDataReader reader, CancellationToken stop)
    {
        var replay = new Replay(
            reader.GetGuid(0), reader.GetInt64(1), reader.GetInt64(2), reader.GetFieldValue<DateTimeOffset>(3), reader.GetBoolean(4),
            reader.GetInt64(5));
        byte[] text = await reader.IsDBNullAsync(6, stop) ? [] : await reader.GetFieldValueAsync<byte[]>(6, stop);
        replay.Job = text.Length == 0 ? null : JobText.Read(text, replay.Uid, replay.StartVersion, replay.Revision, deleted: false);
        replay.Key = new JobKey(await reader.GetFieldValueAsync<string>(7, stop), await reader.GetFieldValueAsync<string>(8, stop));
        return (replay, text.Length);
    }

    /// <summary>Applies the events of each replay; false if later replays were dropped to keep the bound on bytes.</summary>
    private static async Task<bool> ApplyEvents(NpgsqlConnection connection, List<Replay> replays, long bytesMax, CancellationToken stop)
    {
        if (replays.Count == 0)
            return true;
        await using var command = new NpgsqlCommand(EventsSql, connection);
        command.Parameters.Add(new NpgsqlParameter<Guid[]> { TypedValue = [.. replays.Select(replay => replay.Uid)] });
        command.Parameters.Add(new NpgsqlParameter<long[]> { TypedValue = [.. replays.Select(replay => replay.StartVersion)] });
        command.Parameters.Add(new NpgsqlParameter<long[]> { TypedValue = [.. replays.Select(replay => replay.Version)] });
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(CommandBehavior.SequentialAccess, stop);
        (long bytes, int at) = (0, 0);
        while (await reader.ReadAsync(stop))
        {
            int next = (int)reader.GetInt64(0);
            if (next != at && bytes > bytesMax)
            {
                replays.Skip(next).ToList().ForEach(replay => replay.Dropped = true);
                return false;
            }

            at = next;
            (long revision, string name) = (reader.GetInt64(1), reader.GetString(2));
            byte[] data = await reader.GetFieldValueAsync<byte[]>(3, stop); // may not have arrived yet
            bytes += data.Length;
            replays[at].Apply(revision, name, data);
        }

        return true;
    }

    /// <summary>What was read.</summary>
    /// <param name="Jobs">The jobs, in no order.</param>
    /// <param name="Complete">Whether these are all; else the bound on bytes was reached.</param>
    internal sealed record Found(IReadOnlyList<PastJob> Jobs, bool Complete);

    /// <summary>The replay of one stream, from a stored state to the wanted version.</summary>
    /// <param name="Uid">The stream.</param>
    /// <param name="Version">The version wanted.</param>
    /// <param name="Revision">Its revision.</param>
    /// <param name="Time">When it was committed.</param>
    /// <param name="Deleted">Whether its event deleted the job.</param>
    /// <param name="StartVersion">The version of the stored state; 0 for the stream's beginning.</param>
    private sealed record Replay(Guid Uid, long Version, long Revision, DateTimeOffset Time, bool Deleted, long StartVersion)
    {
        private UnreadableEventException? problem;

        /// <summary>The job's name.</summary>
        public JobKey Key { get; set; }

        /// <summary>The job as far as the events have been applied.</summary>
        public Job? Job { get; set; }

        /// <summary>Whether it was left out because of the bound on bytes.</summary>
        public bool Dropped { get; set; }

        /// <summary>Applies an event, or undoes it if the stored state is later than the wanted version.</summary>
        public void Apply(long revision, string name, byte[] data)
        {
            if (problem is not null)
                return;
            try
            {
                JobEvent happened = StoredEvent.Read(revision, name, data);
                Job = StartVersion < Version ? Job.Evolve(Job, happened, revision) : Job!.Revert(happened, Revision);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                problem = e as UnreadableEventException ?? new UnreadableEventException(revision, name, e);
            }
        }

        /// <summary>The job at the end of the replay, or why there is none: missing events are an error, never guessed.</summary>
        public PastJob End()
        {
            if (problem is null && Job?.Version != Version)
                problem = new UnreadableEventException(
                    $"the events of {Uid} do not lead from version {StartVersion} to {Version}: some are missing", null);
            return new PastJob(Uid, Key, problem is null ? Job! with { Revision = Revision, Deleted = Deleted } : null, Time, problem);
        }
    }
}

/// <summary>A job as it once stood.</summary>
/// <param name="Uid">The incarnation.</param>
/// <param name="Key">The job's name.</param>
/// <param name="Job">The job; null if it cannot be reconstructed.</param>
/// <param name="Time">When its last event by then was committed.</param>
/// <param name="Problem">Why it cannot be reconstructed; null if it can.</param>
internal sealed record PastJob(Guid Uid, JobKey Key, Job? Job, DateTimeOffset Time, UnreadableEventException? Problem)
{
    /// <summary>The same, if it could be reconstructed.</summary>
    /// <exception cref="UnreadableEventException">One of its events cannot be read.</exception>
    public PastJob OrThrow() => Problem is null ? this : throw new UnreadableEventException($"job {Key}: {Problem.Message}", Problem);
}
