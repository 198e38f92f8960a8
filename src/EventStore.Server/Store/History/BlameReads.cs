using EventStore.Domain.History;
using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Hosts;
using EventStore.Server.Store.Reads;
using Npgsql;

namespace EventStore.Server.Store.History;

/// <summary>An event that set something.</summary>
/// <param name="Revision">Its revision.</param>
/// <param name="Time">When it was committed.</param>
/// <param name="Name">Its stored name.</param>
/// <param name="Origin">Who asked for it.</param>
public sealed record Setter(long Revision, DateTimeOffset Time, string Name, Origin Origin);

/// <summary>A job at a revision, and the last setter of each value.</summary>
/// <param name="Job">The job; if it was deleted, its last state.</param>
/// <param name="Blame">The last setter of each value.</param>
/// <param name="Setters">The events that <see cref="Blame"/> names, by their revisions.</param>
public sealed record BlamedJob(Job Job, Blame Blame, IReadOnlyDictionary<long, Setter> Setters);

/// <summary>
/// Finds who set each value of a job last, now or at any revision. No history is replayed: each snapshot records the paths that the events
/// before it touched (migrations/V0012), so some hundred small rows and the events behind the last snapshot are read, however long the
/// history is.
/// </summary>
public sealed class BlameReads(Standbys standbys)
{
    /// <summary>The most events that are read for leaves that the recorded paths do not cover.</summary>
    internal const int LookedAtMax = 256;

    private const string LifeSql = """
        SELECT e.version
          FROM eventstore.mt_doc_current_job j
         CROSS JOIN LATERAL (
               SELECT r.revision FROM eventstore.revision r
                WHERE r.namespace = j.namespace AND r.job = j.name AND r.revision <= least($2, j.revision)
                ORDER BY r.revision DESC LIMIT 1) l
          JOIN eventstore.mt_events e ON e.seq_id = l.revision AND e.stream_id = j.id
         WHERE j.id = $1
        """;

    // Whatever no snapshot tells of is read from the events: those behind the last one, and those before one that was taken away.
    private const string TouchedSql = """
        WITH snapshots AS (
            SELECT version, since, touched, lead(version, 1, 0::bigint) OVER (ORDER BY version DESC) AS below
              FROM eventstore.job_snapshot WHERE uid = $1 AND version <= $2),
        untold (behind, upto) AS (
            SELECT coalesce(max(version), 0), $2 FROM snapshots
            UNION ALL
            SELECT below, coalesce(since, version) FROM snapshots WHERE coalesce(since, version) > below)
        SELECT t.path, max(t.revision)
          FROM (SELECT k.key AS path, k.value::bigint AS revision FROM snapshots CROSS JOIN LATERAL jsonb_each_text(touched) k
                UNION ALL
                SELECT e.path, e.revision FROM untold CROSS JOIN LATERAL eventstore.touched_1($1, behind, upto) e) t
         GROUP BY t.path
        """;

    private const string SettersSql = """
        SELECT e.seq_id, e.timestamp, e.type, e.user_name, e.headers::text, e.correlation_id
          FROM eventstore.mt_events e WHERE e.seq_id = ANY ($1)
        """;

    private const string BornSql = "SELECT e.seq_id FROM eventstore.mt_events e WHERE e.stream_id = $1 AND e.version = 1";

    private const string NewestFirstSql = """
        SELECT e.seq_id, e.type, e.data::text FROM eventstore.mt_events e
         WHERE e.stream_id = $1 AND e.version <= $2 AND e.version > 1 ORDER BY e.version DESC LIMIT $3
        """;

    /// <summary>The blame of the job that lived at a name at a revision; null if none did.</summary>
    /// <exception cref="UnreadableEventException">One of its events cannot be read.</exception>
    public Task<BlamedJob?> At(JobKey key, long revision, CancellationToken stop) => standbys.Read(
        revision,
        async connection =>
            await PastJobs.OneAt(connection, key, revision, stop) is { Job: { } job } ? await Of(connection, job, stop) : null,
        stop);

    /// <summary>
    /// The blame of one incarnation as it stood at a revision; null if it did not exist then. For a deleted one it is that of its last
    /// state.
    /// </summary>
    /// <exception cref="UnreadableEventException">One of its events cannot be read.</exception>
    public Task<BlamedJob?> Of(Guid uid, long revision, CancellationToken stop) =>
        standbys.Read(revision, connection => Of(connection, uid, revision, stop), stop);

    private static async Task<BlamedJob?> Of(NpgsqlConnection connection, Guid uid, long revision, CancellationToken stop)
    {
        if (await connection.Ask(LifeSql, stop, Of(uid), Of(revision)) is not long version)
            return null;
        PastJobs.Found found = await PastJobs.AtVersions(connection, new Dictionary<Guid, long> { [uid] = version }, long.MaxValue, stop);
        return await Of(connection, found.Jobs[0].OrThrow().Job!, stop);
    }

    private static async Task<BlamedJob> Of(NpgsqlConnection connection, Job job, CancellationToken stop)
    {
        long born = (long)(await connection.Ask(BornSql, stop, Of(job.Uid)))!;
        Blame blame = Blame.Of(job, await Touched(connection, job, stop), born);
        if (blame.Leaves.Any(leaf => leaf.Revision is null))
            blame = await LookedAt(connection, job, blame, born, stop);
        IEnumerable<long> named = blame.Leaves.Select(leaf => leaf.Revision).OfType<long>()
            .Concat(blame.Removed.Select(leaf => leaf.Revision));
        long[] revisions = [.. named.Distinct()];
        return new BlamedJob(job, blame, await Setters(connection, revisions, stop));
    }

    private static async Task<Dictionary<string, long>> Touched(NpgsqlConnection connection, Job job, CancellationToken stop)
    {
        await using NpgsqlCommand command = Command(connection, TouchedSql, Of(job.Uid), Of(job.Version));
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(stop);
        var touched = new Dictionary<string, long>();
        while (await reader.ReadAsync(stop))
            touched.Add(reader.GetString(0), reader.GetInt64(1));
        return touched;
    }

    /// <summary>Reads the newest events for the undecided values; a value that none of them changed was set by the first event.</summary>
    private static async Task<Blame> LookedAt(NpgsqlConnection connection, Job job, Blame blame, long born, CancellationToken stop)
    {
        await using NpgsqlCommand command = Command(connection, NewestFirstSql, Of(job.Uid), Of(job.Version), Of(LookedAtMax));
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(stop);
        while (blame.Leaves.Any(leaf => leaf.Revision is null) && await reader.ReadAsync(stop))
        {
            long revision = reader.GetInt64(0);
            blame = blame.Decide(StoredEvent.Read(revision, reader.GetString(1), reader.GetFieldValue<byte[]>(2)), revision);
        }

        return job.Version - 1 > LookedAtMax
            ? blame
            : blame with { Leaves = [.. blame.Leaves.Select(leaf => leaf with { Revision = leaf.Revision ?? born })] };
    }

    private static async Task<Dictionary<long, Setter>> Setters(NpgsqlConnection connection, long[] revisions, CancellationToken stop)
    {
        await using NpgsqlCommand command = Command(connection, SettersSql, Of(revisions));
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(stop);
        var setters = new Dictionary<long, Setter>();
        while (await reader.ReadAsync(stop))
        {
            setters.Add(reader.GetInt64(0), new Setter(
                reader.GetInt64(0), reader.GetFieldValue<DateTimeOffset>(1), reader.GetString(2), EventCodec.ReadOrigin(reader, 3).Read()));
        }

        return setters;
    }

    private static NpgsqlParameter<T> Of<T>(T value) => new() { TypedValue = value };

    private static NpgsqlCommand Command(NpgsqlConnection connection, string sql, params NpgsqlParameter[] parameters)
    {
        var command = new NpgsqlCommand(sql, connection);
        command.Parameters.AddRange(parameters);
        return command;
    }
}
