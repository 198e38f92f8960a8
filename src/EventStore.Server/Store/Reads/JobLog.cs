using System.Data;
using System.Runtime.CompilerServices;
using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Hosts;
using Npgsql;

namespace EventStore.Server.Store.Reads;

/// <summary>
/// Reads the log forward as changes: each event with the job before and after it. Jobs are folded from event to event. An unknown
/// job is loaded as it was before its first event here, not as it is now, which may be later.
/// </summary>
/// <remarks>
/// It holds a page of events and the known jobs, both bounded in bytes; changes are returned one by one. No connection is held
/// while one is being consumed.
/// </remarks>
/// <param name="standbys">The database.</param>
/// <param name="knownBytes">The size of the LRU cache of jobs, in bytes.</param>
internal sealed class JobLog(Standbys standbys, long knownBytes)
{
    /// <summary>The most bytes of events of one page, beyond its first event.</summary>
    internal const int PageBytes = 2 << 20;

    private const int PageMin = 64;
    private const int PageMax = 1024;
    private const int LoadsMax = 256;

    private const string Sql = $"""
        SELECT {StoredEvent.Columns} FROM eventstore.mt_events e WHERE e.seq_id > $1 AND e.seq_id <= $2 ORDER BY e.seq_id LIMIT $3
        """;

    private const string OfKeySql = $"""
        SELECT {StoredEvent.Columns}
          FROM eventstore.mt_doc_current_job j JOIN eventstore.mt_events e ON e.stream_id = j.id
         WHERE e.seq_id > $1 AND e.seq_id <= $2 AND j.namespace = $4 AND j.name = $5 ORDER BY e.seq_id LIMIT $3
        """;

    private readonly KnownJobs known = new(knownBytes);
    private long pendingBytes;
    private int pageLength = PageMin;
    private int loads = 1;

    /// <summary>How many bytes of jobs and of events are held.</summary>
    internal long HeldBytes => known.Bytes + pendingBytes;

    /// <summary>The changes behind a revision, in order, up to and including another.</summary>
    /// <param name="after">Behind this revision.</param>
    /// <param name="upTo">Not beyond this one.</param>
    /// <param name="key">Of this job only, or null.</param>
    /// <param name="stop">Cancels the reading.</param>
    public async IAsyncEnumerable<LogEntry> Read(long after, long upTo, JobKey? key, [EnumeratorCancellation] CancellationToken stop)
    {
        for (bool more = true; more && after < upTo;)
        {
            (Queue<StoredEvent> page, more) = await ReadPage(after, upTo, key, stop);
            while (page.TryDequeue(out StoredEvent? happened))
            {
                after = happened.Revision;
                pendingBytes -= happened.WeightBytes;
                Exception? why = IsAtHand(happened) ? null : await Load(happened, page, upTo, stop);
                if (why is null && Fold(happened, ref why) is { } change)
                    yield return change;
                else
                    yield return new UnreadableEvent(happened, await KeyOf(happened.Uid, stop), why!);
            }
        }
    }

    private async Task<(Queue<StoredEvent> Page, bool More)> ReadPage(long after, long upTo, JobKey? key, CancellationToken stop)
    {
        int length = pageLength;
        (Queue<StoredEvent> page, pendingBytes, bool full) = await standbys.Read(
            upTo, connection => ReadPage(connection, after, upTo, key, length, stop), stop);
        bool more = full || page.Count == length;
        pageLength = full ? Math.Max(1, page.Count) : Math.Min(2 * length, PageMax);
        return (page, more);
    }

    private static async Task<(Queue<StoredEvent> Page, long Bytes, bool Full)> ReadPage(
        NpgsqlConnection connection, long after, long upTo, JobKey? key, int length, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(key is null ? Sql : OfKeySql, connection);
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = after });
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = upTo });
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = length });
        if (key is { } one)
        {
            command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = one.Namespace });
            command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = one.Name });
        }

        var page = new Queue<StoredEvent>();
        (long bytes, bool full) = (0, false);
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(CommandBehavior.SequentialAccess, stop);
        while (!full && await reader.ReadAsync(stop))
        {
            StoredEvent happened = await StoredEvent.From(reader, stop);
            page.Enqueue(happened);
            full = (bytes += happened.WeightBytes) > PageBytes;
        }

        return (page, bytes, full);
    }

    private bool IsAtHand(StoredEvent happened) => happened.Version == 1 || known.At(happened.Uid, happened.Version - 1) is not null;

    /// <summary>
    /// Loads the job of an event as it was before it, and in the same query those of the events that follow, as far as there is
    /// room. How many are asked for at once grows as long as all find room.
    /// </summary>
    /// <returns>Why the job of the event could not be loaded; null if it was.</returns>
    private async Task<Exception?> Load(
        StoredEvent first, Queue<StoredEvent> following, long upTo, CancellationToken stop)
    {
        var wanted = new Dictionary<Guid, long> { [first.Uid] = first.Version - 1 };
        var seen = new HashSet<Guid> { first.Uid };
        foreach (StoredEvent happened in following)
        {
            if (wanted.Count >= loads)
                break;
            if (seen.Add(happened.Uid) && !IsAtHand(happened))
                wanted[happened.Uid] = happened.Version - 1;
        }

        Exception? problem = null;
        PastJobs.Found found = await standbys.Read(
            upTo, connection => JobsBefore(connection, first, wanted, knownBytes / 2, stop), stop);
        loads = found.Complete ? Math.Min(2 * loads, LoadsMax) : Math.Max(1, loads / 2);
        foreach (PastJob past in found.Jobs.OrderBy(past => past.Uid == first.Uid)) // the one put last is kept for certain
        {
            if (past.Problem is null)
                known.Put(past.Job!);
            else if (past.Uid == first.Uid)
                problem = past.Problem;
        }

        return IsAtHand(first) ? null : problem ?? new UnreadableEventException(first.Revision, first.Name, null);
    }

    private static async Task<PastJobs.Found> JobsBefore(
        NpgsqlConnection connection, StoredEvent first, Dictionary<Guid, long> wanted, long bytesMax, CancellationToken stop)
    {
        PastJobs.Found found = await PastJobs.AtVersions(connection, wanted, bytesMax, stop);
        return found.Complete || found.Jobs.Any(past => past.Uid == first.Uid)
            ? found
            : await PastJobs.AtVersions(connection, new Dictionary<Guid, long> { [first.Uid] = first.Version - 1 }, bytesMax, stop);
    }

    private JobChange? Fold(StoredEvent happened, ref Exception? why)
    {
        Job? before = happened.Version == 1 ? null : known.At(happened.Uid, happened.Version - 1);
        try
        {
            Job after = Job.Evolve(before, happened.Read(), happened.Revision);
            if (after.Uid != happened.Uid || after.Version != happened.Version)
                throw new UnreadableEventException(happened.Revision, happened.Name, null);
            if (after.Deleted)
                known.Remove(happened.Uid);
            else
                known.Advance(after, happened.Data.Length);
            return new JobChange(before, after, happened);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // The fold is pure: what it throws tells that the event is not what its name says.
            why = e as UnreadableEventException ?? new UnreadableEventException(happened.Revision, happened.Name, e);
            return null;
        }
    }

    private async Task<JobKey?> KeyOf(Guid uid, CancellationToken stop)
    {
        if (known.TryGetKey(uid, out JobKey? key))
        {
            known.Remove(uid); // the job after an unreadable event must be read from the database
            return key;
        }

        return await standbys.Primary.Read(connection => KeyOf(connection, uid, stop), stop);
    }

    private static async Task<JobKey?> KeyOf(NpgsqlConnection connection, Guid uid, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(
            "SELECT j.namespace, j.name FROM eventstore.mt_doc_current_job j WHERE j.id = $1", connection);
        command.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = uid });
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(stop);
        return await reader.ReadAsync(stop) ? new JobKey(reader.GetString(0), reader.GetString(1)) : null;
    }
}
