using System.Runtime.CompilerServices;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Reads;
using Npgsql;

namespace EventStore.Server.Store.Proof;

/// <summary>Which streams are read; by default all.</summary>
internal sealed record StreamRange
{
    /// <summary>Only the streams behind this one.</summary>
    public Guid? Behind { get; init; }

    public Guid[]? Only { get; init; }

    /// <summary>The condition on a column of uuids.</summary>
    public string Where(string column) => (Behind, Only) switch
    {
        ({ } behind, _) => $"WHERE {column} > '{behind}'",
        (_, { } only) => $"WHERE {column} IN ('{string.Join("','", only)}')",
        _ => string.Empty,
    };
}

/// <summary>Reads the whole log once, stream by stream, holding one job at a time.</summary>
internal static class EventLog
{
    /// <summary>Each stream with its events folded, in the order of the ids. Its snapshots are compared during the fold.</summary>
    /// <param name="connection">A connection within the snapshot to be read; it may be used while a stream is being handled.</param>
    /// <param name="range">Which streams.</param>
    /// <param name="stray">Called for snapshots of streams that have no events.</param>
    /// <param name="stop">Cancels the read.</param>
    public static async IAsyncEnumerable<ReplayedStream> Fold(
        NpgsqlConnection connection, StreamRange range, Action<SnapshotRow> stray, [EnumeratorCancellation] CancellationToken stop)
    {
        await using IAsyncEnumerator<SnapshotRow> snapshots = Snapshots(connection, range, stop).GetAsyncEnumerator(stop);
        SnapshotRow? snapshot = await Next(snapshots);
        ReplayedStream? stream = null;
        await foreach (LoggedEvent happened in Events(connection, range, stop))
        {
            if (stream is not null && stream.Uid != happened.Stream)
            {
                snapshot = await Compare(stream, long.MaxValue, snapshot, snapshots);
                stream.Finish();
                yield return stream;
                stream = null;
            }

            for (; stream is null && snapshot?.Uid.CompareTo(happened.Stream) < 0; snapshot = await Next(snapshots))
                stray(snapshot);
            stream ??= new ReplayedStream(happened.Stream);
            stream.Add(happened);
            snapshot = await Compare(stream, happened.Version, snapshot, snapshots);
        }

        if (stream is not null)
        {
            snapshot = await Compare(stream, long.MaxValue, snapshot, snapshots);
            stream.Finish();
            yield return stream;
        }

        for (; snapshot is not null; snapshot = await Next(snapshots))
            stray(snapshot);
    }

    /// <summary>The number of events.</summary>
    public static async Task<long> Count(NpgsqlConnection connection, CancellationToken stop) =>
        (long)(await connection.Ask("SELECT count(*) FROM eventstore.mt_events", stop))!;

    /// <summary>The number of events of each of these streams; a stream without events is left out.</summary>
    public static async Task<Dictionary<Guid, long>> Versions(NpgsqlConnection connection, Guid[] streams, CancellationToken stop)
    {
        var versions = new Dictionary<Guid, long>();
        await using var command = new NpgsqlCommand(
            """
            SELECT s.id, e.version FROM unnest($1::uuid[]) AS s (id) CROSS JOIN LATERAL (
                SELECT version FROM eventstore.mt_events WHERE stream_id = s.id ORDER BY version DESC LIMIT 1) e
            """,
            connection);
        command.Parameters.Add(new NpgsqlParameter<Guid[]> { TypedValue = streams });
        await using NpgsqlDataReader row = await command.ExecuteReaderAsync(stop);
        while (await row.ReadAsync(stop))
            versions[row.GetGuid(0)] = row.GetInt64(1);
        return versions;
    }

    // A uuid's order is that of its bytes as printed, in PostgreSQL as in Guid.CompareTo.
    private static IAsyncEnumerable<LoggedEvent> Events(NpgsqlConnection connection, StreamRange range, CancellationToken stop) =>
        Cursor.Read(
            connection,
            "stream_id, version, seq_id, timestamp, type, data::text",
            Cursor.SizeOf("data"),
            $"FROM eventstore.mt_events {range.Where("stream_id")} ORDER BY stream_id, version",
            row => new LoggedEvent(
                row.IsDBNull(0) ? Guid.AllBitsSet : row.GetGuid(0), row.GetInt64(1), row.GetInt64(2), row.GetDateTime(3),
                row.GetString(4), row.GetString(5)),
            stop);

    private static IAsyncEnumerable<SnapshotRow> Snapshots(NpgsqlConnection connection, StreamRange range, CancellationToken stop) =>
        Cursor.Read(
            connection,
            "uid, revision, version, text, since, touched::text",
            $"octet_length(text) + {Cursor.SizeOf("touched")}",
            $"FROM eventstore.job_snapshot {range.Where("uid")} ORDER BY uid, version, revision",
            row => new SnapshotRow(
                row.GetGuid(0), row.GetInt64(1), row.GetInt64(2), row.GetString(3), row.IsDBNull(4) ? null : row.GetInt64(4),
                row.IsDBNull(5) ? null : row.GetString(5)),
            stop);

    private static async Task<SnapshotRow?> Compare(
        ReplayedStream stream, long version, SnapshotRow? snapshot, IAsyncEnumerator<SnapshotRow> snapshots)
    {
        for (; snapshot?.Uid == stream.Uid && snapshot.Version <= version; snapshot = await Next(snapshots))
            stream.Compare(snapshot);
        return snapshot;
    }

    private static async ValueTask<SnapshotRow?> Next(IAsyncEnumerator<SnapshotRow> snapshots) =>
        await snapshots.MoveNextAsync() ? snapshots.Current : null;
}
