using System.Data;
using System.Globalization;
using System.Runtime.CompilerServices;
using EventStore.Domain.History;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Reads;
using Npgsql;

namespace EventStore.Server.Store.Proof;

/// <summary>A link of the chain, as it is exported and imported.</summary>
/// <param name="Before">The hash before it.</param>
/// <param name="Hash">Its own.</param>
public abstract record HistoryEntry(byte[] Before, byte[] Hash);

/// <summary>The record of an epoch with its place in the chain.</summary>
/// <param name="Epoch">The epoch.</param>
/// <param name="Before">The hash before it.</param>
/// <param name="Hash">Its own.</param>
public sealed record HistoryEpoch(Epoch Epoch, byte[] Before, byte[] Hash) : HistoryEntry(Before, Hash);

/// <summary>An event with its place in the chain.</summary>
/// <param name="Link">What its hash covers.</param>
/// <param name="Id">The event's own id.</param>
/// <param name="Time">When it was committed.</param>
/// <param name="Namespace">The job's namespace; empty in an import, where it follows from the first event of the stream.</param>
/// <param name="Job">The job's name; empty in an import.</param>
/// <param name="Before">The hash before it.</param>
/// <param name="Hash">Its own.</param>
public sealed record HistoryEvent(Link Link, Guid Id, DateTime Time, string Namespace, string Job, byte[] Before, byte[] Hash)
    : HistoryEntry(Before, Hash);

/// <summary>The range of the history that is read: a revision or a time at each end, inclusive; null for no bound.</summary>
public sealed record HistoryRange(string? Since, string? Until)
{
    /// <summary>The condition on an event.</summary>
    /// <exception cref="FormatException">An end is neither a revision nor a time.</exception>
    public string Where => $"{Condition(">=", Since)} AND {Condition("<=", Until)}";

    private static string Condition(string compare, string? end)
    {
        if (end is null)
            return "true";
        if (long.TryParse(end, NumberStyles.None, CultureInfo.InvariantCulture, out long revision))
            return $"e.seq_id {compare} {revision}";
        return end.Contains('T', StringComparison.Ordinal)
            && DateTimeOffset.TryParse(end, CultureInfo.InvariantCulture, out DateTimeOffset time)
            ? $"e.timestamp {compare} '{time.UtcDateTime:O}'"
            : throw new FormatException($"'{end}' is neither a revision nor an RFC 3339 time such as 2026-11-23T07:58:24Z");
    }
}

/// <summary>Reads the history in order, from one MVCC snapshot.</summary>
public static class ExportReads
{
    /// <summary>
    /// The events, with the records of epochs between them. Epochs behind the last event are included only if the range has no end.
    /// </summary>
    /// <param name="database">A connection that may read.</param>
    /// <param name="range">The range.</param>
    /// <param name="progress">Called with the events done and the events in all.</param>
    /// <param name="stop">Cancels the read.</param>
    /// <exception cref="FormatException">An event has no hash: the store is damaged.</exception>
    public static async IAsyncEnumerable<HistoryEntry> Read(
        NpgsqlDataSource database, HistoryRange range, Action<long, long> progress, [EnumeratorCancellation] CancellationToken stop)
    {
        await using NpgsqlConnection connection = await database.OpenConnectionAsync(stop);
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, stop);
        long total = (long)(await connection.Ask($"SELECT count(*) FROM eventstore.mt_events e WHERE {range.Where}", stop))!;
        string events = $"""
            FROM eventstore.mt_events e LEFT JOIN eventstore.revision r ON r.revision = e.seq_id
             WHERE {range.Where} ORDER BY e.seq_id
            """;
        (long done, byte[]? before) = (0, null);
        var epochs = new Queue<EpochRow>(await ChainRows.Epochs(connection, 0, stop));
        await foreach (HistoryEvent happened in Cursor.Read(
            connection, $"{ChainRows.LinkColumns}, e.id, r.hash, r.namespace, r.job", Cursor.SizeOf("e.data"), events, Read, stop))
        {
            if (before is null && range.Since is not null)
            {
                before = await HashBefore(connection, happened.Link.Revision, stop);
                epochs = new Queue<EpochRow>(epochs.Where(later => later.Epoch.Revision >= happened.Link.Revision));
            }

            before ??= Chain.Beginning.ToArray();
            for (; epochs.TryPeek(out EpochRow? begun) && begun.Epoch.Revision < happened.Link.Revision; epochs.Dequeue())
            {
                yield return new HistoryEpoch(begun.Epoch, before, begun.Hash);
                before = begun.Hash;
            }

            yield return happened with { Before = before };
            before = happened.Hash;
            progress(++done, total);
        }

        foreach (EpochRow begun in range.Until is null && before is not null ? epochs : [])
        {
            yield return new HistoryEpoch(begun.Epoch, before!, begun.Hash);
            before = begun.Hash;
        }
    }

    private static HistoryEvent Read(NpgsqlDataReader row)
    {
        Link link = ChainRows.ReadLink(row);
        return row.IsDBNull(14)
            ? throw new FormatException($"revision {link.Revision} has no hash")
            : new HistoryEvent(
                link, row.GetGuid(13), row.GetDateTime(4), row.GetString(15), row.GetString(16), [], row.GetFieldValue<byte[]>(14));
    }

    private static async Task<byte[]> HashBefore(NpgsqlConnection connection, long revision, CancellationToken stop) =>
        await connection.Ask(
            $"""
            (SELECT hash, revision, 0 AS number FROM eventstore.revision WHERE revision < {revision} ORDER BY revision DESC LIMIT 1)
            UNION ALL
            (SELECT hash, revision, number FROM eventstore.epoch WHERE revision < {revision} ORDER BY number DESC LIMIT 1)
            ORDER BY revision DESC, number DESC LIMIT 1
            """, stop) as byte[]
        ?? Chain.Beginning.ToArray();
}
