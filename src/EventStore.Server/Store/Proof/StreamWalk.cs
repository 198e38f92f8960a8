using System.Runtime.CompilerServices;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Reads;
using Npgsql;

namespace EventStore.Server.Store.Proof;

/// <summary>The result of comparing one stream with the rows that are derived from it.</summary>
/// <param name="Uid">The incarnation.</param>
/// <param name="Stream">Its events, folded; null if there are none.</param>
/// <param name="Difference">What is wrong with its rows or its events, or null.</param>
internal sealed record JudgedStream(Guid Uid, ReplayedStream? Stream, string? Difference)
{
    public long Revision => Stream?.Revision ?? Finding.Nowhere;
}

/// <summary>
/// Compares each stream with its current job and its own row in <c>mt_streams</c>; its snapshots were compared while it was folded.
/// </summary>
internal static class StreamWalk
{
    // A row's document repeats its columns; PostgreSQL itself compares the two.
    private const string Columns = $"""
        coalesce(j.id, s.id), j.namespace, j.name, j.deleted, j.mt_version, j.revision, coalesce(j.data ->> 'text', ''), s.version,
               coalesce(j.mt_last_modified, '-infinity'), coalesce(s.timestamp, '-infinity'), coalesce(s.created, '-infinity'),
               (s.type IS NULL AND s.tenant_id = '*DEFAULT*' AND NOT s.is_archived AND s.compacted_version = 0) IS TRUE,
               j.mt_dotnet_type IS NOT DISTINCT FROM '{CurrentJob.StoredClass}',
               j.data = jsonb_build_object('id', j.id, 'namespace', j.namespace, 'name', j.name, 'deleted', j.deleted,
                                           'version', j.mt_version, 'revision', j.revision, 'text', j.data -> 'text')
        """;

    /// <summary>The streams, each with its difference, in the order of their ids.</summary>
    /// <param name="connection">A connection within the snapshot to be read; it may be used while a stream is being handled.</param>
    /// <param name="range">Which streams.</param>
    /// <param name="stray">Called for snapshots of streams that have no events.</param>
    /// <param name="stop">Cancels the read.</param>
    public static async IAsyncEnumerable<JudgedStream> Judge(
        NpgsqlConnection connection, StreamRange range, Action<SnapshotRow> stray, [EnumeratorCancellation] CancellationToken stop)
    {
        string streams = $"""
            FROM eventstore.mt_doc_current_job j FULL JOIN eventstore.mt_streams s ON s.id = j.id {range.Where("coalesce(j.id, s.id)")}
             ORDER BY coalesce(j.id, s.id)
            """;
        await using IAsyncEnumerator<Row> rows = Cursor.Read(
            connection, Columns, Cursor.SizeOf("j.data"), streams, Row.Read, stop).GetAsyncEnumerator(stop);
        bool more = await rows.MoveNextAsync();
        await foreach (ReplayedStream stream in EventLog.Fold(connection, range, stray, stop))
        {
            for (; more && rows.Current.Uid.CompareTo(stream.Uid) < 0; more = await rows.MoveNextAsync())
                yield return WithoutEvents(rows.Current);
            bool found = more && rows.Current.Uid == stream.Uid;
            yield return new JudgedStream(stream.Uid, stream, Difference(stream, found ? rows.Current : null));
            more = found ? await rows.MoveNextAsync() : more;
        }

        for (; more; more = await rows.MoveNextAsync())
            yield return WithoutEvents(rows.Current);
    }

    private static JudgedStream WithoutEvents(Row row) =>
        new(row.Uid, null, $"{row.Uid}: there is a {(row.Namespace is null ? "stream" : "current job")} without events");

    private static string? Difference(ReplayedStream stream, Row? row)
    {
        string name = stream.Name;
        if (stream.Row is not { } expected)
            return $"{name}: {stream.Problem}";
        if (row?.Namespace is null)
            return $"{name}: there are {stream.Events} events, but no current job";
        return Difference(expected, stream, row) is { } difference ? $"{name}: {difference}" : null;
    }

    private static string? Difference(CurrentJob expected, ReplayedStream stream, Row row)
    {
        if (row.Namespace != expected.Namespace || row.Name != expected.Name)
            return $"the current job is named {row.Namespace}/{row.Name}";
        if (row.Deleted != expected.Deleted)
            return $"by its events the job is {State(expected.Deleted)}, by its row it is {State(!expected.Deleted)}";
        if (row.Version != expected.Version)
            return $"the current job is at version {row.Version}, its events end at {expected.Version}";
        if (row.Revision != expected.Revision)
            return $"the current job is at revision {row.Revision}, its events end at {expected.Revision}";
        if (row.StreamVersion != expected.Version)
            return $"the stream's own version is not {expected.Version}";
        if (!row.IsWhole)
            return "the row's document is not that of its columns";
        if (row.Time != stream.Time)
            return "the row's time is not that of the last event";
        if (!row.HasClass)
            return "the row's class was edited";
        if (row.StreamTime != stream.Time)
            return "the stream's own time is not that of the last event";
        if (row.StreamCreated != stream.Born)
            return "the stream's own creation is not the time of the first event";
        if (!row.IsPlainStream)
            return "a column of the stream that nothing writes was edited";
        bool isSame = row.Text == expected.Text || JobText.IsFormerRow(row.Text, stream.Job!);
        return isSame ? null : "the current job is not what its events give";
    }

    private static string State(bool deleted) => deleted ? "deleted" : "alive";

    private sealed record Row(
        Guid Uid, string? Namespace, string? Name, bool Deleted, long Version, long Revision, string Text, long? StreamVersion,
        DateTime Time, DateTime StreamTime, DateTime StreamCreated, bool IsPlainStream, bool HasClass, bool IsWhole)
    {
        public static Row Read(NpgsqlDataReader row) => row.IsDBNull(1)
            ? new Row(row.GetGuid(0), null, null, false, 0, 0, string.Empty, null, default, default, default, false, false, false)
            : new Row(
                row.GetGuid(0), row.GetString(1), row.GetString(2), row.GetBoolean(3), row.GetInt64(4), row.GetInt64(5), row.GetString(6),
                row.IsDBNull(7) ? null : row.GetInt64(7), row.GetDateTime(8), row.GetDateTime(9), row.GetDateTime(10), row.GetBoolean(11),
                row.GetBoolean(12), row.GetBoolean(13));
    }
}
