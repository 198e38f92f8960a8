using System.Runtime.CompilerServices;
using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Hosts;
using EventStore.Server.Store.Reads;
using Npgsql;

namespace EventStore.Server.Store.History;

/// <summary>One revision found, or the end of what one read examines.</summary>
/// <param name="Bound">How far the read has come: the next read continues behind this revision.</param>
/// <param name="Revision">
/// The revision; null if the read ended because it had examined <see cref="RevisionReads.StepsMax"/> revisions.
/// </param>
public readonly record struct RevisionStep(long Bound, Revision? Revision);

/// <summary>Reads the history, that of deleted incarnations included.</summary>
public sealed class RevisionReads(Standbys standbys)
{
    /// <summary>
    /// The most revisions examined in one read. Where two conditions are frequent but never hold together, the whole log would be
    /// searched; instead the reader gets what was found so far and continues with another read.
    /// </summary>
    public const int StepsMax = 10_000;

    private const int DataColumn = 9;
    private const int PieceMin = 128; // a page of 100 is one piece
    private const long PieceBytes = 4 << 20;

    private const string FindSql =
        $"SELECT r.revision, 0, false, {IndexIntersection.Columns} FROM {IndexIntersection.Tables} WHERE r.revision = $1";

    private const string LastVersionSql = $"""
        SELECT e.version FROM eventstore.mt_events e
         WHERE e.stream_id = $1 AND e.type <> '{EventCodec.Deleted}' ORDER BY e.version DESC LIMIT 1
        """;

    private const string AtVersionSql = """
        SELECT e.seq_id FROM eventstore.mt_events e JOIN eventstore.revision r ON r.revision = e.seq_id
         WHERE e.stream_id = $1 AND e.version = $2 AND r.namespace = $3 AND r.job = $4
        """;

    private const string ChangedSql = """
        SELECT r.revision, r.namespace, r.job, r.type, r.user_name FROM eventstore.revision r
         WHERE r.revision > $1 ORDER BY r.revision LIMIT $2
        """;

    private const string UsersSql = "SELECT e.seq_id, coalesce(e.user_name, '') FROM eventstore.mt_events e WHERE e.seq_id = ANY ($1)";

    /// <summary>The revisions a query covers, in its order.</summary>
    /// <param name="query">The query; its last revision has been committed.</param>
    /// <param name="count">How many at most.</param>
    /// <param name="stop">Cancels the read.</param>
    public async IAsyncEnumerable<RevisionStep> List(RevisionQuery query, int count, [EnumeratorCancellation] CancellationToken stop)
    {
        (RevisionQuery rest, int left) = (query, count);
        await foreach (RevisionStep step in standbys.Read(query.Last, connection => Read(connection, rest, left, stop), stop))
        {
            (rest, left) = (query.Behind(step.Bound), step.Revision is null ? left : left - 1);
            yield return step;
        }
    }

    private static async IAsyncEnumerable<RevisionStep> Read(
        NpgsqlConnection connection, RevisionQuery query, int count, [EnumeratorCancellation] CancellationToken stop)
    {
        (RevisionQuery rest, List<NameRange[]> lives) = await Split(connection, query, stop);
        // Piece by piece: whoever has enough, as a page has by its bytes, leaves the rest of the piece unread, and the database will have
        // sent all of it.
        (int length, int steps, bool more) = (PieceMin, StepsMax, !query.IsNothing);
        bool probes = IndexIntersection.CanProbe(rest, lives);
        var origins = new OriginReader();
        while (more)
        {
            (int found, int rows, int spent, long bound, long bytes, bool brokenOff) = (0, 0, 0, 0, 0, false);
            length = Math.Min(length, count);
            await using NpgsqlCommand command = connection.CreateCommand();
            if (probes)
                IndexIntersection.WriteProbe(command, rest, lives, length);
            else
                IndexIntersection.Write(command, rest, lives, length, steps);
            await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(stop);
            while (await reader.ReadAsync(stop))
            {
                (bound, spent, brokenOff) = (reader.GetInt64(0), probes ? ++rows : reader.GetInt32(1), reader.GetBoolean(2));
                if (!reader.IsDBNull(reader.FieldCount - 1))
                {
                    found++;
                    byte[] data = reader.GetFieldValue<byte[]>(DataColumn);
                    bytes += data.Length;
                    yield return new RevisionStep(bound, Read(reader, data, origins));
                }

                if (brokenOff)
                    yield return new RevisionStep(bound, null);
            }

            more = (probes ? rows : found) == length && count > found && !brokenOff;
            probes &= 2 * found > rows; // else the steps find the matches in fewer look-ups
            (count, steps) = (count - found, steps - spent);
            rest = query.OldestFirst ? rest with { First = bound + 1 } : rest with { Last = bound - 1 };
            length = bytes > PieceBytes ? (int)Math.Max(1, length * PieceBytes / bytes) : 4 * length;
            if (more && steps <= 0)
            {
                more = false;
                yield return new RevisionStep(bound, null);
            }
        }
    }

    /// <summary>The revision of that number, or null.</summary>
    public Task<Revision?> Find(long number, CancellationToken stop) => standbys.Primary.Read(
        async connection =>
        {
            await using var command = new NpgsqlCommand(FindSql, connection);
            command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = number });
            await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(stop);
            return await reader.ReadAsync(stop) ? Read(reader, reader.GetFieldValue<byte[]>(DataColumn), new OriginReader()) : null;
        },
        stop);

    /// <summary>Who made the changes of these revisions.</summary>
    public Task<IReadOnlyDictionary<long, string>> Users(long[] numbers, CancellationToken stop) =>
        standbys.Primary.Read(connection => ReadUsers(connection, numbers, stop), stop);

    private static async Task<IReadOnlyDictionary<long, string>> ReadUsers(
        NpgsqlConnection connection, long[] numbers, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(UsersSql, connection);
        command.Parameters.Add(new NpgsqlParameter<long[]> { TypedValue = numbers });
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(stop);
        var users = new Dictionary<long, string>();
        while (await reader.ReadAsync(stop))
            users.Add(reader.GetInt64(0), reader.GetString(1));
        return users;
    }

    /// <summary>The changes behind a revision without their events, oldest first.</summary>
    internal Task<IReadOnlyList<ChangedJob>> Changed(long behind, int max, CancellationToken stop) =>
        standbys.Primary.Read(connection => ReadChanged(connection, behind, max, stop), stop);

    private static async Task<IReadOnlyList<ChangedJob>> ReadChanged(
        NpgsqlConnection connection, long behind, int max, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(ChangedSql, connection);
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = behind });
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = max });
        await using NpgsqlDataReader row = await command.ExecuteReaderAsync(stop);
        var changes = new List<ChangedJob>();
        while (await row.ReadAsync(stop))
        {
            var key = new JobKey(row.GetString(1), row.GetString(2));
            changes.Add(new ChangedJob(row.GetInt64(0), key, row.GetString(3), row.GetString(4)));
        }

        return changes;
    }

    /// <summary>The last version of a job before its deletion, or its current one. Versions count its revisions from 1.</summary>
    public Task<long> LastVersion(Guid uid, CancellationToken stop) => standbys.Primary.Read(
        async connection =>
        {
            await using var command = new NpgsqlCommand(LastVersionSql, connection);
            command.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = uid });
            return await command.ExecuteScalarAsync(stop) is long version ? version : 0;
        },
        stop);

    /// <summary>The revision that made a version of a job; null when the job of that name has no such version.</summary>
    public Task<long?> AtVersion(JobKey key, Guid uid, long version, CancellationToken stop) =>
        standbys.Primary.Read(connection => ReadAtVersion(connection, key, uid, version, stop), stop);

    private static async Task<long?> ReadAtVersion(
        NpgsqlConnection connection, JobKey key, Guid uid, long version, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(AtVersionSql, connection);
        command.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = uid });
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = version });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = key.Namespace });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = key.Name });
        return await command.ExecuteScalarAsync(stop) as long?;
    }

    /// <summary>The job after a revision; after a deletion, its last state at the revision of the deletion.</summary>
    /// <exception cref="UnreadableEventException">One of its events cannot be read.</exception>
    public async Task<StoredJob> JobAfter(Revision revision, CancellationToken stop)
    {
        var version = new Dictionary<Guid, long> { [revision.Uid] = revision.Version };
        PastJobs.Found found = await standbys.Read(
            revision.Number, connection => PastJobs.AtVersions(connection, version, long.MaxValue, stop), stop);
        PastJob past = found.Jobs[0].OrThrow();
        return StoredJob.Of(past.Job!, past.Time);
    }

    /// <summary>The first revision committed at or after <paramref name="time"/>, or the number the next one will have at least.</summary>
    public async Task<long> FirstSince(DateTimeOffset time, CancellationToken stop) =>
        await standbys.Primary.Read(connection => RevisionAtTime.LastBefore(connection, time, stop), stop) + 1;

    /// <summary>Writes the statement of one page of <see cref="List"/>.</summary>
    internal async Task Write(NpgsqlCommand command, RevisionQuery query, int count, CancellationToken stop, bool probe = false)
    {
        (RevisionQuery rest, List<NameRange[]> lives) =
            await standbys.Primary.Read(connection => Split(connection, query, stop), stop);
        if (probe && IndexIntersection.CanProbe(rest, lives))
            IndexIntersection.WriteProbe(command, rest, lives, count);
        else
            IndexIntersection.Write(command, rest, lives, count, StepsMax);
    }

    /// <summary>The ranges of the conditions on names, and the query without those conditions.</summary>
    private static async Task<(RevisionQuery Remaining, List<NameRange[]> Lives)> Split(
        NpgsqlConnection connection, RevisionQuery query, CancellationToken stop)
    {
        IReadOnlyList<string>? namespaces = query.Conditions.FirstOrDefault(
            each => each is { Field: RevisionField.Namespace, Among: true })?.Values;
        var lives = new List<NameRange[]>();
        foreach (RevisionCondition condition in query.Conditions.Where(each => each.Among && NameRanges.Has(each.Field)))
            lives.Add(await NameRanges.Of(connection, condition, namespaces, stop));
        // Lives are of those namespaces only.
        return (query.Where(
            each => !each.Among || !(NameRanges.Has(each.Field) || (each.Field == RevisionField.Namespace && lives.Count > 0))), lives);
    }

    /// <summary>An event that cannot be read is shown by its name, so that a page of the history has all revisions in it.</summary>
    private static JobEvent ReadEvent(long revision, string name, byte[] data)
    {
        try
        {
            return StoredEvent.Read(revision, name, data);
        }
        catch (UnreadableEventException)
        {
            return new JobEventUnknown(name);
        }
    }

    private static Revision Read(NpgsqlDataReader reader, byte[] data, OriginReader origins) => new(
        reader.GetInt64(0),
        reader.IsDBNull(3) ? null : reader.GetInt64(3),
        new JobKey(reader.GetString(4), reader.GetString(5)),
        reader.GetGuid(6),
        reader.GetInt64(7),
        ReadEvent(reader.GetInt64(0), reader.GetString(8), data),
        reader.GetFieldValue<DateTimeOffset>(10),
        origins.Read(reader, 11));
}
