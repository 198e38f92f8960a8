using System.Runtime.CompilerServices;
using EventStore.Domain.History;
using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Hosts;
using Npgsql;

namespace EventStore.Server.Store.Reads;

/// <summary>Reads jobs. Every read asks the database, so it sees every write answered before, of any process.</summary>
public sealed partial class JobReads(Standbys standbys)
{
    private readonly Primary database = standbys.Primary;

    private const long KnownBytes = 2 << 20; // for a reading of the log, of which there are several at once

    // A skip scan from one namespace to the next, whatever number of jobs each has.
    private const string NamespacesSql = $"""
        WITH RECURSIVE living (path) AS (
            (SELECT (j.namespace || '/') COLLATE "C" FROM eventstore.mt_doc_current_job j
              WHERE NOT j.deleted ORDER BY (j.namespace || '/') COLLATE "C" LIMIT 1)
            UNION ALL
            SELECT (SELECT (j.namespace || '/') COLLATE "C" FROM eventstore.mt_doc_current_job j
                     WHERE NOT j.deleted AND (j.namespace || '/') COLLATE "C" > living.path
                     ORDER BY (j.namespace || '/') COLLATE "C" LIMIT 1)
              FROM living WHERE living.path IS NOT NULL),
        named (path) AS (SELECT living.path FROM living WHERE living.path IS NOT NULL UNION SELECT unnest($1) COLLATE "C")
        SELECT h.revision, rtrim(n.path, '/'),
               (SELECT e.timestamp FROM eventstore.mt_events e
                 WHERE e.seq_id = (SELECT min(r.revision) FROM eventstore.revision r WHERE (r.namespace || '/') = n.path))
          FROM {HeadRow.Sql} h, named n ORDER BY n.path
        """;

    private const string SinceSql = """
        SELECT e.timestamp FROM eventstore.mt_events e WHERE e.seq_id = (
            SELECT min(r.revision) FROM eventstore.revision r WHERE (r.namespace || '/') = $1)
        """;

    private const string LivesSql = $"""
        SELECT r.namespace, sum(CASE r.type WHEN '{EventCodec.Deleted}' THEN -1 ELSE 1 END),
               (SELECT e.timestamp FROM eventstore.mt_events e WHERE e.seq_id = min(r.revision))
          FROM eventstore.revision r
         WHERE r.type IN ('{EventCodec.Created}', '{EventCodec.Restored}', '{EventCodec.Deleted}') AND r.revision <= $1 GROUP BY r.namespace
        """;

    private const string NextIsOldSql =
        "SELECT e.timestamp < clock_timestamp() - $2 FROM eventstore.mt_events e WHERE e.seq_id > $1 ORDER BY e.seq_id LIMIT 1";

    private const string HeadSql = $"""
        SELECT h.revision, coalesce((SELECT e.number FROM eventstore.epoch e ORDER BY e.number DESC LIMIT 1), 0)
          FROM {HeadRow.Sql} h
        """;

    private const string CheckpointSql = $"""
        SELECT h.revision, encode(h.hash, 'hex'), {EpochRow.Columns} FROM {HeadRow.Sql} h, eventstore.epoch e ORDER BY e.number
        """;

    private readonly CoalescedReads gets = new(standbys.Primary, queriesMax: 2);

    /// <summary>The living job of that name, or null.</summary>
    public async Task<StoredJob?> Get(JobKey key, CancellationToken stop) => (await gets.Get(key, stop))?.Shown;

    /// <summary>The incarnation that lives at that name, or null.</summary>
    public async Task<Guid?> LivingUid(JobKey key, CancellationToken stop) => (await gets.Get(key, stop))?.Uid;

    /// <summary>Whether everything behind a revision happened within the last minutes.</summary>
    public Task<bool> IsRecent(long revision, TimeSpan window, CancellationToken stop) => database.Read(
        async connection =>
        {
            await using var command = new NpgsqlCommand(NextIsOldSql, connection);
            command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = revision });
            command.Parameters.Add(new NpgsqlParameter<TimeSpan> { TypedValue = window });
            return await command.ExecuteScalarAsync(stop) is not true;
        },
        stop);

    /// <summary>
    /// The job of that name that lived at the revision, as it stood then, and the time of its last event by then; null if none lived.
    /// </summary>
    /// <exception cref="UnreadableEventException">One of its events cannot be read.</exception>
    public async Task<(Job Job, DateTimeOffset Time)?> JobAt(JobKey key, long revision, CancellationToken stop)
    {
        PastJob? past = await database.Read(connection => PastJobs.OneAt(connection, key, revision, stop), stop);
        return past is null ? null : (past.Job!, past.Time);
    }

    /// <summary>The last revision committed at or before a time, or null if the time is in the future; and the database's clock.</summary>
    public Task<(long? Revision, DateTimeOffset Now)> RevisionAt(DateTimeOffset moment, CancellationToken stop) =>
        database.Read(connection => RevisionAtTime.Find(connection, moment, stop), stop);

    /// <summary>
    /// The jobs of these names that lived at the revision, as they stood then; null if they have more bytes than the bound.
    /// </summary>
    /// <exception cref="UnreadableEventException">An event of one of them cannot be read.</exception>
    public async Task<Dictionary<JobKey, Job>?> JobsAt(
        IReadOnlyCollection<JobKey> keys, long revision, long bytesMax, CancellationToken stop)
    {
        PastJobs.Found found = await database.Read(connection => PastJobs.At(connection, keys, revision, bytesMax, stop), stop);
        return found.Complete ? found.Jobs.Select(past => past.OrThrow().Job!).ToDictionary(job => job.Key) : null;
    }

    /// <summary>Opens a transaction that reads all jobs, as they are now.</summary>
    public async Task<ListTransaction> BeginList(CancellationToken stop) =>
        await ListTransaction.Open(database, stop);

    /// <summary>The epoch in which the revision was lost or skipped, as far as is known; null if it may yet come.</summary>
    public Epoch? Lacking(long revision) => database.Epochs.Lacking(revision);

    /// <summary>
    /// The revision of the last event of any job; 1 if there is none. Afterwards the epoch of that revision is known, so a caller can ask
    /// <see cref="Lacking"/> whether another revision was lost.
    /// </summary>
    public async Task<long> Head(CancellationToken stop)
    {
        (long head, long epoch) = await database.Read(connection => HeadAndEpoch(connection, stop), stop);
        if (epoch > database.Epochs.Last || !database.Epochs.TryNote(head))
        {
            await database.CheckEpoch(stop);
            database.Epochs.TryNote(head);
        }

        return head;
    }

    private static async Task<(long Head, long Epoch)> HeadAndEpoch(NpgsqlConnection connection, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(HeadSql, connection);
        await using NpgsqlDataReader row = await command.ExecuteReaderAsync(stop);
        await row.ReadAsync(stop);
        return (row.GetInt64(0), row.GetInt64(1));
    }

    /// <summary>The size of the database, in bytes.</summary>
    public Task<long> DatabaseBytes(CancellationToken stop) => database.Read(
        async connection =>
        {
            await using var command = new NpgsqlCommand("SELECT pg_database_size(current_database())", connection);
            return (long)(await command.ExecuteScalarAsync(stop))!;
        },
        stop);

    /// <summary>The checkpoint of the hash chain now, with the epochs up to there.</summary>
    public Task<(Checkpoint Now, IReadOnlyList<Epoch> Epochs)> Checkpoint(CancellationToken stop) =>
        database.Read(connection => ReadCheckpoint(connection, stop), stop);

    private static async Task<(Checkpoint Now, IReadOnlyList<Epoch> Epochs)> ReadCheckpoint(
        NpgsqlConnection connection, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(CheckpointSql, connection);
        await using NpgsqlDataReader row = await command.ExecuteReaderAsync(stop);
        (Checkpoint? now, List<Epoch> epochs) = (null, []);
        while (await row.ReadAsync(stop))
        {
            now = new Checkpoint(row.GetInt64(0), row.GetString(1));
            epochs.Add(EpochRow.From(row, first: 2).Epoch);
        }

        return (now!, epochs);
    }

    /// <summary>Reads the changes behind a revision, up to another, from the log.</summary>
    /// <param name="after">Behind this revision.</param>
    /// <param name="upTo">Up to and including this one.</param>
    /// <param name="key">Of this job only, or null.</param>
    /// <param name="stop">Cancels the reading.</param>
    public IAsyncEnumerable<LogEntry> Changes(long after, long upTo, JobKey? key, CancellationToken stop) =>
        new JobLog(standbys, KnownBytes).Read(after, upTo, key, stop);

    /// <summary>
    /// The namespaces that have living jobs, and those named, in order, read as they are asked for: each with the revision they are all
    /// read at, and with the time of its first event, if it ever had one.
    /// </summary>
    /// <param name="named">Namespaces that are answered whether they have jobs or not.</param>
    /// <param name="stop">Cancels the read.</param>
    public IAsyncEnumerable<(long Revision, string Name, DateTimeOffset? Since)> Namespaces(string[] named, CancellationToken stop) =>
        database.Term.Bound(ReadNamespaces(named, stop), stop: stop);

    private async IAsyncEnumerable<(long Revision, string Name, DateTimeOffset? Since)> ReadNamespaces(
        string[] named, [EnumeratorCancellation] CancellationToken stop)
    {
        await using NpgsqlCommand command = database.CreateCommand(NamespacesSql);
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = [.. named.Select(name => name + "/")] });
        await using NpgsqlDataReader row = await command.ExecuteReaderAsync(stop);
        while (await row.ReadAsync(stop))
            yield return (row.GetInt64(0), row.GetString(1), row.IsDBNull(2) ? null : row.GetFieldValue<DateTimeOffset>(2));
    }

    /// <summary>The time of the first event in a namespace, or null where there never was one.</summary>
    public Task<DateTimeOffset?> NamespaceSince(string name, CancellationToken stop) => database.Read<DateTimeOffset?>(
        async connection =>
        {
            await using var command = new NpgsqlCommand(SinceSql, connection);
            command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = name + "/" });
            return await command.ExecuteScalarAsync(stop) is DateTime time ? new DateTimeOffset(time) : null;
        },
        stop);

    /// <summary>
    /// How many jobs lived in each namespace at a revision, and since when each has had any; those that have none now too.
    /// </summary>
    public Task<Dictionary<string, (long Living, DateTimeOffset Since)>> LivesByNamespace(long revision, CancellationToken stop) =>
        database.Read(connection => ReadLives(connection, revision, stop), stop);

    private static async Task<Dictionary<string, (long Living, DateTimeOffset Since)>> ReadLives(
        NpgsqlConnection connection, long revision, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(LivesSql, connection);
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = revision });
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(stop);
        var lives = new Dictionary<string, (long, DateTimeOffset)>();
        while (await reader.ReadAsync(stop))
            lives.Add(reader.GetString(0), (reader.GetInt64(1), reader.GetFieldValue<DateTimeOffset>(2)));
        return lives;
    }
}
