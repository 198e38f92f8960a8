using EventStore.Domain.History;
using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Hosts;
using EventStore.Server.Store.Reads;
using Npgsql;

namespace EventStore.Server.Store.History;

/// <summary>
/// Counts a name's changes over time, so that a history of 100,000 revisions can be drawn without reading one of its events
/// into the server.
/// </summary>
/// <remarks>
/// The bounds between slices are times. Times never decrease from revision to revision, so each bound becomes a revision by binary search,
/// and a slice is a range of the index on (namespace, job, revision). The type and user of a revision are in its row. The fields that a
/// patch or an apply changed are in its event only, and 100,000 events are too many to read. For each slice, type and user the first event
/// is read, and about <see cref="LookedIntoMax"/> others at most, evenly spread (sampling). Where not all were read, the counts of spec,
/// metadata and status are estimates and are marked so.
/// Counts are cached, so that the next read counts only what was committed since.
/// </remarks>
/// <param name="database">The database.</param>
/// <param name="rebuilds">How often the index rows were rebuilt. Counts from before a rebuild are discarded.</param>
public sealed class TimelineReads(Primary database, Func<long> rebuilds) : IDisposable
{
    /// <summary>The most revisions that are counted at once: the newest of the stretch.</summary>
    public const int CountedMax = 200_000;

    private const int LookedIntoMax = 2_000;

    private readonly CountedTimelines known = new();

    private static readonly string[] Life =
        [EventCodec.Created, EventCodec.Restored, EventCodec.DeletionRequested, EventCodec.Deleted];

    private const string ExtentSql = """
        SELECT f.revision, b.timestamp, l.revision, e.timestamp
          FROM (SELECT r.revision FROM eventstore.revision r WHERE r.namespace = $1 AND r.job = $2 ORDER BY r.revision LIMIT 1) f
         CROSS JOIN (SELECT r.revision FROM eventstore.revision r WHERE r.namespace = $1 AND r.job = $2 ORDER BY r.revision DESC LIMIT 1) l
          JOIN eventstore.mt_events b ON b.seq_id = f.revision
          JOIN eventstore.mt_events e ON e.seq_id = l.revision
        """;

    // The parts are put together by grouping, and events are looked up one by one: PostgreSQL knows nothing of how many rows a CTE has,
    // and a join of two of them, planned for any values, took minutes.
    // $1 namespace, $2 job, $3 first and $4 last revision, $5 the moments between slices, $6 how many are counted, $7 how many looked into,
    // $8 the types that are of one kind whatever they changed.
    private const string CountSql = $$"""
        WITH RECURSIVE search (place, moment, low, high) AS (
            SELECT m.place, m.moment, $3::bigint - 1, $4::bigint FROM unnest($5::timestamptz[]) WITH ORDINALITY m (moment, place)
            UNION ALL
            {{RevisionAtTime.StepSql}}),
        bounds (slices) AS MATERIALIZED (
            SELECT coalesce(array_agg(s.low + 1 ORDER BY s.place), '{}') FROM search s WHERE s.low = s.high),
        size (revisions, oldest) AS MATERIALIZED (
            SELECT count(*), min(n.revision)
              FROM (SELECT r.revision FROM eventstore.revision r
                     WHERE r.namespace = $1 AND r.job = $2 AND r.revision BETWEEN $3 AND $4 ORDER BY r.revision DESC LIMIT $6) n),
        counted AS MATERIALIZED (
            SELECT width_bucket(r.revision, (SELECT b.slices FROM bounds b)) AS slice, r.type, r.user_name, count(*) AS count,
                   min(r.revision) AS first, max(r.revision) AS last, array_agg(r.revision) FILTER (
                       WHERE (hashint8(r.revision)::bigint & 2147483647) % (SELECT n.revisions / $7 + 1 FROM size n) = 0) AS spread
              FROM eventstore.revision r
             WHERE (r.namespace, r.job, r.revision) >= ($1, $2, (SELECT n.oldest FROM size n))
               AND (r.namespace, r.job, r.revision) <= ($1, $2, $4)
             GROUP BY 1, 2, 3),
        sample AS MATERIALIZED (
            SELECT c.slice, c.type, c.user_name, c.first AS revision FROM counted c WHERE c.type <> ALL ($8)
            UNION
            SELECT c.slice, c.type, c.user_name, unnest(c.spread) FROM counted c WHERE c.type <> ALL ($8)),
        looked AS (
            SELECT s.slice, s.type, s.user_name, e.spec, e.metadata, e.status
              FROM sample s
             CROSS JOIN LATERAL (
                   SELECT jsonb_path_exists(e.data, '$.paths[*] ? (@ starts with "spec.")') AS spec,
                          jsonb_path_exists(e.data, '$.paths[*] ? (@ starts with "metadata.")') AS metadata,
                          jsonb_path_exists(e.data, '$.paths[*] ? (@ starts with "status.")') AS status
                     FROM eventstore.mt_events e WHERE e.seq_id = s.revision OFFSET 0) e)
        SELECT c.slice, c.type, c.user_name, sum(c.count)::bigint, min(c.first), max(c.last), sum(c.looked)::bigint, sum(c.spec)::bigint,
               sum(c.metadata)::bigint, sum(c.status)::bigint
          FROM (SELECT c.slice, c.type, c.user_name, c.count, c.first, c.last, 0 AS looked, 0 AS spec, 0 AS metadata, 0 AS status
                  FROM counted c
                UNION ALL
                SELECT l.slice, l.type, l.user_name, 0, NULL, NULL, 1, l.spec::int, l.metadata::int, l.status::int FROM looked l) c
         GROUP BY c.slice, c.type, c.user_name
         ORDER BY c.slice, min(c.first)
        """;

    private const string LivesBeforeSql = $"""
        SELECT r.type <> '{EventCodec.Deleted}' FROM eventstore.revision r
         WHERE r.namespace = $1 AND r.job = $2 AND r.revision < $3 ORDER BY r.revision DESC LIMIT 1
        """;

    /// <summary>The kind of change of an event type; null if the changed fields decide.</summary>
    public static ChangeKind? KindOf(string type) =>
        Life.Contains(type) ? ChangeKind.Life : type == EventCodec.StatusUpdated ? ChangeKind.Status : null;

    /// <summary>Where the name's history begins and ends; null if no job ever had the name.</summary>
    public Task<HistoryExtent?> Extent(JobKey key, CancellationToken stop) =>
        database.Read(connection => ReadExtent(connection, key, stop), stop);

    private static async Task<HistoryExtent?> ReadExtent(NpgsqlConnection connection, JobKey key, CancellationToken stop)
    {
        await using NpgsqlCommand command = Ask(connection, ExtentSql, key);
        await using NpgsqlDataReader row = await command.ExecuteReaderAsync(stop);
        return await row.ReadAsync(stop)
            ? new HistoryExtent(
                row.GetInt64(0), row.GetFieldValue<DateTimeOffset>(1), row.GetInt64(2), row.GetFieldValue<DateTimeOffset>(3))
            : null;
    }

    /// <summary>Counts the changes of a stretch.</summary>
    /// <param name="key">The name.</param>
    /// <param name="from">Where the stretch begins.</param>
    /// <param name="to">Where it ends: behind <paramref name="from"/>.</param>
    /// <param name="first">The first revision at or behind <paramref name="from"/>.</param>
    /// <param name="last">The last revision at or before <paramref name="to"/>.</param>
    /// <param name="slicesMax">The most slices.</param>
    /// <param name="stop">Cancels the read.</param>
    public async Task<JobTimeline> Count(
        JobKey key, DateTimeOffset from, DateTimeOffset to, long first, long last, int slicesMax, CancellationToken stop)
    {
        var slices = TimeSlices.Of(from, to, slicesMax);
        var place = new TimelineKey(key, slices.Begin, slices.Width, first);
        (long rebuild, IReadOnlyList<Epoch> epochs) = (rebuilds(), database.Epochs.Known);
        CountedTimeline? before = known.Get(place) is { } kept && kept.Last <= last && kept.Rebuilds == rebuild
            && ReferenceEquals(kept.Epochs, epochs) ? kept : null;
        CountedTimeline counted;
        if (before is not null && before.Last == last)
        {
            counted = before;
        }
        else
        {
            (int oldest, long uncounted) = before is null ? (0, first) : (before.LastSlice, before.Last + 1);
            counted = await database.Read(connection => Count(connection, key, slices, oldest, uncounted, last, stop), stop);
            counted = counted with { Rebuilds = rebuild, Epochs = epochs };
            counted = before is null || counted.Clipped ? counted : before.With(counted);
            known.Keep(place, counted);
        }

        bool lives = await database.Read(connection => LivesBefore(connection, key, first, stop), stop);
        return new JobTimeline(from, to, slices, counted.Total, counted.Cells, lives, counted.Clipped);
    }

    /// <inheritdoc/>
    public void Dispose() => known.Dispose();

    /// <summary>Counts revisions of which none is older than a slice.</summary>
    private static async Task<CountedTimeline> Count(
        NpgsqlConnection connection, JobKey key, TimeSlices slices, int oldest, long first, long last, CancellationToken stop)
    {
        var cells = new List<TimelineCell>();
        long total = 0;
        DateTimeOffset[] bounds = [.. Enumerable.Range(oldest + 1, slices.Count - oldest - 1).Select(slices.Start)];
        await using NpgsqlCommand command = Ask(connection, CountSql, key);
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = first });
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = last });
        command.Parameters.Add(new NpgsqlParameter<DateTimeOffset[]> { TypedValue = bounds });
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = CountedMax + 1 });
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = LookedIntoMax });
        command.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = [.. Life, EventCodec.StatusUpdated] });
        await using NpgsqlDataReader row = await command.ExecuteReaderAsync(stop);
        while (await row.ReadAsync(stop))
        {
            total += row.GetInt64(3);
            cells.AddRange(Cells(row).Select(cell => cell with { Slice = oldest + cell.Slice }));
        }

        return new CountedTimeline(last, total, cells, total > CountedMax, 0, []);
    }

    private static IEnumerable<TimelineCell> Cells(NpgsqlDataReader row)
    {
        (int slice, string type, string user) = (row.GetInt32(0), row.GetString(1), row.GetString(2));
        (long count, long first, long last) = (row.GetInt64(3), row.GetInt64(4), row.GetInt64(5));
        if (KindOf(type) is { } kind)
            return [new TimelineCell(slice, kind, type, user, count, true, first, last)];
        long looked = row.GetInt64(6);
        (ChangeKind Kind, long Of)[] kinds =
            [(ChangeKind.Spec, row.GetInt64(7)), (ChangeKind.Metadata, row.GetInt64(8)), (ChangeKind.Status, row.GetInt64(9))];
        return kinds.Where(each => each.Of > 0).Select(each => new TimelineCell(
            slice, each.Kind, type, user, Math.Max(1, count * each.Of / looked), looked == count, first, last));
    }

    private static async Task<bool> LivesBefore(NpgsqlConnection connection, JobKey key, long first, CancellationToken stop)
    {
        await using NpgsqlCommand command = Ask(connection, LivesBeforeSql, key);
        command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = first });
        return await command.ExecuteScalarAsync(stop) is true;
    }

    private static NpgsqlCommand Ask(NpgsqlConnection connection, string sql, JobKey key)
    {
        var command = new NpgsqlCommand(sql, connection);
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = key.Namespace });
        command.Parameters.Add(new NpgsqlParameter<string> { TypedValue = key.Name });
        return command;
    }
}
