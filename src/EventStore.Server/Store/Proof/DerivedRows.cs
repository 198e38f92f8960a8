using System.Data;
using System.Text.Json;
using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Reads;
using Npgsql;
using NpgsqlTypes;

namespace EventStore.Server.Store.Proof;

/// <summary>
/// Writes the rows that are derived from the events, as the owner, as the SQL function that appends would have written them.
/// </summary>
internal static class DerivedRows
{
    // The cost of a statement must not depend on the planner's estimates of table sizes: batches are small, and every table is
    // accessed by its index.
    private const string ByIndexSql = "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off";

    private const long StatementCharacters = 4 << 20;

    private const string DeleteJobsSql = "DELETE FROM eventstore.mt_doc_current_job d WHERE d.id = ANY ($1)";

    private const string DeleteStreamsSql = "DELETE FROM eventstore.mt_streams d WHERE d.id = ANY ($1)";

    private const string WithoutEvents = "AND NOT EXISTS (SELECT FROM eventstore.mt_events e WHERE e.stream_id = d.id)";

    // Another living row of the same name is wrong, and would violate the unique index.
    private const string DeleteRivalsSql = """
        DELETE FROM eventstore.mt_doc_current_job j USING unnest($1::text[], $2::text[]) AS n (namespace, name)
         WHERE NOT j.deleted AND (j.namespace || '/') COLLATE "C" = n.namespace || '/' AND j.name COLLATE "C" = n.name
        """;

    private const string InsertJobsSql = """
        INSERT INTO eventstore.mt_doc_current_job
               (id, data, mt_last_modified, mt_version, namespace, name, deleted, revision, mt_dotnet_type)
        SELECT n.*, $9
          FROM unnest($1::uuid[], $2::jsonb[], $3::timestamptz[], $4::bigint[], $5::text[], $6::text[], $7::boolean[], $8::bigint[]) AS n
        """;

    private const string StreamsSql = """
        INSERT INTO eventstore.mt_streams AS s (id, version, timestamp, created)
        SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::timestamptz[], $4::timestamptz[])
            ON CONFLICT (id) DO UPDATE SET (type, version, timestamp, created, tenant_id, compacted_version, is_archived) =
                   (NULL, excluded.version, excluded.timestamp, excluded.created, DEFAULT, DEFAULT, DEFAULT)
         WHERE (s.type, s.version, s.timestamp, s.created, s.tenant_id, s.compacted_version, s.is_archived)
               IS DISTINCT FROM (NULL, excluded.version, excluded.timestamp, excluded.created, '*DEFAULT*', 0, false)
        """;

    private const string SnapshotsSql = """
        INSERT INTO eventstore.job_snapshot (uid, revision, version, text)
        SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[])
            ON CONFLICT (uid, revision) DO UPDATE
               SET version = excluded.version, text = excluded.text, since = excluded.since, touched = excluded.touched
        """;

    private const string InsertIndexSql = """
        INSERT INTO eventstore.revision (revision, namespace, job, type, user_name, hash, reason)
        SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::text[])
        """;

    private const string UpdateIndexSql = """
        UPDATE eventstore.revision r
           SET namespace = n.namespace, job = n.job, type = n.type, user_name = n.user_name, hash = n.hash, reason = n.reason
          FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::text[])
               AS n (revision, namespace, job, type, user_name, hash, reason)
         WHERE r.revision = n.revision
        """;

    // By both columns: the index begins with the path, so a revision alone would need a full scan.
    private const string DeletePathsSql = """
        DELETE FROM eventstore.revision_path p USING unnest($1::bigint[], $2::text[]) AS s (revision, path)
         WHERE p.path = s.path AND p.revision = s.revision
        """;

    private const string InsertPathsSql =
        "INSERT INTO eventstore.revision_path (revision, path) SELECT * FROM unnest($1::bigint[], $2::text[])";

    /// <summary>Begins the transaction that the other methods write in.</summary>
    public static async Task<NpgsqlTransaction> Begin(NpgsqlConnection connection, CancellationToken stop)
    {
        NpgsqlTransaction transaction = await connection.BeginTransactionAsync(IsolationLevel.ReadCommitted, stop);
        await connection.Run(ByIndexSql, stop);
        return transaction;
    }

    /// <summary>Writes the current jobs of these streams, and the streams' own rows.</summary>
    public static async Task WriteJobs(NpgsqlConnection connection, IReadOnlyList<ReplayedStream> streams, CancellationToken stop)
    {
        CurrentJob[] rows = [.. streams.Select(stream => stream.Row!)];
        CurrentJob[] living = [.. rows.Where(row => !row.Deleted)];
        await connection.Run(
            StreamsSql, stop,
            Values(rows, row => row.Id), Values(rows, row => row.Version), Times(stream => stream.Time), Times(stream => stream.Born));
        await connection.Run(DeleteJobsSql, stop, Values(rows, row => row.Id));
        await connection.Run(DeleteRivalsSql, stop, Values(living, row => row.Namespace), Values(living, row => row.Name));
        await connection.Run(
            InsertJobsSql, stop,
            Values(rows, row => row.Id), Values(rows, row => JsonSerializer.Serialize(row, EventCodec.Options), NpgsqlDbType.Jsonb),
            Times(stream => stream.Time), Values(rows, row => row.Version),
            Values(rows, row => row.Namespace), Values(rows, row => row.Name),
            Values(rows, row => row.Deleted), Values(rows, row => row.Revision),
            new NpgsqlParameter<string> { TypedValue = CurrentJob.StoredClass });

        NpgsqlParameter<DateTime[]> Times(Func<ReplayedStream, DateTime> time) => Values(streams, time, NpgsqlDbType.TimestampTz);
    }

    /// <summary>Deletes the current jobs and the rows of streams that have no events.</summary>
    public static async Task DeleteWithoutEvents(NpgsqlConnection connection, Guid[] uids, CancellationToken stop)
    {
        await connection.Run($"{DeleteJobsSql} {WithoutEvents}", stop, new NpgsqlParameter<Guid[]> { TypedValue = uids });
        await connection.Run($"{DeleteStreamsSql} {WithoutEvents}", stop, new NpgsqlParameter<Guid[]> { TypedValue = uids });
    }

    public static Task DeleteSnapshots(NpgsqlConnection connection, IReadOnlyList<SnapshotRow> wrong, CancellationToken stop) =>
        connection.Run(
            """
            DELETE FROM eventstore.job_snapshot s USING unnest($1::uuid[], $2::bigint[]) AS w (uid, revision)
             WHERE s.uid = w.uid AND s.revision = w.revision
            """,
            stop, Values(wrong, snapshot => snapshot.Uid), Values(wrong, snapshot => snapshot.Revision));

    /// <summary>Writes snapshots of jobs as they once were.</summary>
    public static async Task WriteSnapshots(NpgsqlConnection connection, IReadOnlyList<Job> jobs, CancellationToken stop)
    {
        (var rows, long characters) = (new List<SnapshotRow>(), 0L);
        foreach (Job job in jobs) // each printed when it is its turn: one stream may miss very many
        {
            rows.Add(new SnapshotRow(job.Uid, job.Revision, job.Version, JobText.StringOf(job), null, null));
            characters += rows[^1].Text.Length;
            if (characters > StatementCharacters)
                await Write();
        }

        await Write();

        async Task Write()
        {
            if (rows.Count > 0)
            {
                await connection.Run(SnapshotsSql, stop, Values(rows, row => row.Uid), Values(rows, row => row.Revision),
                    Values(rows, row => row.Version), Values(rows, row => row.Text));
            }

            rows.Clear();
            characters = 0;
        }
    }

    /// <summary>Writes rows and paths of the index. Nothing else writes them for a committed revision.</summary>
    public static async Task WriteIndex(NpgsqlConnection connection, IReadOnlyList<IndexFix> fixes, CancellationToken stop)
    {
        await RunRows(UpdateIndexSql, fix => fix.IsThere);
        await RunRows(InsertIndexSql, fix => !fix.IsThere);
        await RunPaths(DeletePathsSql, fix => fix.Stale);
        await RunPaths(InsertPathsSql, fix => fix.Missing);

        async Task RunRows(string sql, Func<IndexFix, bool> which)
        {
            IndexRow[] rows = [.. fixes.Where(which).Select(fix => fix.Row).OfType<IndexRow>()];
            if (rows.Length > 0)
            {
                await connection.Run(
                    sql, stop, Values(rows, row => row.Revision), Values(rows, row => row.Namespace), Values(rows, row => row.Job),
                    Values(rows, row => row.Type), Values(rows, row => row.User), Values(rows, row => row.Hash),
                    Values(rows, row => row.Reason));
            }
        }

        // In index order, so that its pages are written one after another.
        async Task RunPaths(string sql, Func<IndexFix, IReadOnlyList<string>> of)
        {
            (long Revision, string Path)[] paths = [.. fixes.SelectMany(fix => of(fix).Select(path => (fix.Revision, path)))];
            Array.Sort(
                paths, (a, b) => string.CompareOrdinal(a.Path, b.Path) is not 0 and int order ? order : a.Revision.CompareTo(b.Revision));
            if (paths.Length > 0)
                await connection.Run(sql, stop, Values(paths, path => path.Revision), Values(paths, path => path.Path));
        }
    }

    private static NpgsqlParameter<TValue[]> Values<TItem, TValue>(
        IReadOnlyList<TItem> items, Func<TItem, TValue> value, NpgsqlDbType? type = null)
    {
        var parameter = new NpgsqlParameter<TValue[]> { TypedValue = [.. items.Select(value)] };
        if (type is { } element)
            parameter.NpgsqlDbType = NpgsqlDbType.Array | element;
        return parameter;
    }
}
