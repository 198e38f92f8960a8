
namespace EventStore.Server.Tests.Fixtures;

/// <summary>
/// A log of 1,000,000 events, as the lane would have left it, for looking at how it is read: revisions 2 to 1,000,001, ten seconds apart. A
/// thousand jobs, one of which has a tenth of all events; nine namespaces, one of which is small; an operator who writes the status of
/// them all, fifty people, and somebody who was here ten times.
/// </summary>
public sealed class LongHistory : IAsyncLifetime
{
    /// <summary>How many events there are.</summary>
    public const int Events = 1_000_000;

    /// <summary>The last revision.</summary>
    public const long Last = Events + 1;

    /// <summary>The database.</summary>
    public TestDatabase Database { get; private set; } = null!;

    /// <summary>When a revision was committed.</summary>
    public static DateTimeOffset TimeOf(long revision) => new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero).AddSeconds(10 * revision);

    /// <inheritdoc/>
    public async Task InitializeAsync()
    {
        Database = await TestDatabase.Create();
        // One statement after another: each is sure to be planned when what it reads is there. Indexes are quicker made at the end.
        foreach (string sql in (string[])[Prepare, Number, InsertEvents, InsertRevisions, InsertPaths, InsertRows, Finish])
        {
            await using Npgsql.NpgsqlCommand command = Database.OwnerSource.CreateCommand(sql);
            command.CommandTimeout = 600;
            await command.ExecuteNonQueryAsync();
        }
    }

    /// <inheritdoc/>
    public async Task DisposeAsync() => await Database.DisposeAsync();

    private const string Prepare = """
        ALTER TABLE eventstore.mt_events DROP CONSTRAINT fkey_mt_events_stream_id;
        CREATE UNLOGGED TABLE eventstore.dropped AS
        SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS definition
          FROM pg_index i WHERE i.indrelid = 'eventstore.revision'::regclass AND NOT i.indisprimary;
        DO $$
        DECLARE
            name text;
        BEGIN
            FOR name IN SELECT d.name FROM eventstore.dropped d LOOP
                EXECUTE 'DROP INDEX ' || name;
            END LOOP;
        END
        $$
        """;

    private const string Number = """
        CREATE UNLOGGED TABLE eventstore.loading AS
        SELECT i, job, CASE job WHEN 999 THEN 'small' ELSE 'team-' || job % 8 END AS namespace,
               ('00000000-0000-0000-0000-' || lpad(job::text, 12, '0'))::uuid AS uid,
               row_number() OVER (PARTITION BY job ORDER BY i) AS version, count(*) OVER (PARTITION BY job) AS versions, hashint4(i) & 1023 AS chance
          FROM (SELECT i, CASE WHEN i % 10007 = 5 THEN 999 WHEN i % 10 = 0 THEN 0 ELSE 1 + (hashint4(i) & 2147483647) % 998 END AS job
                  FROM generate_series(2, 1000001) i) numbered
        """;

    private const string InsertEvents = """
        INSERT INTO eventstore.mt_events (seq_id, id, stream_id, version, type, timestamp, user_name, headers, correlation_id, data)
        SELECT i, gen_random_uuid(), uid, version, type, '2026-01-01Z'::timestamptz + i * interval '10 s',
               CASE WHEN i % 100003 = 11 THEN 'rare@example.com' WHEN type = 'job_status_updated' THEN 'system:serviceaccount:kubeflow:operator'
                    ELSE 'user-' || chance % 50 END,
               '{"groups":["system:authenticated"],"userAgent":"test/1.0","sourceAddress":"127.0.0.1"}', 'request-' || i,
               CASE type
                    WHEN 'job_created' THEN format('{"manifest":{"apiVersion":"kubeflow.org/v1","kind":"PyTorchJob","metadata":{"name":"job-%s",'
                                                   '"namespace":"%s","uid":"%s","generation":1},"spec":{}}}', job, namespace, uid)::jsonb
                    WHEN 'job_status_updated' THEN format('{"status":{"a":%s},"replaced":{"a":%s},"paths":["status.a"]}', version, version - 1)::jsonb
                    WHEN 'job_deletion_requested' THEN '{"deletionTimestamp":"2026-01-01T00:00:00Z"}'
                    WHEN 'job_deleted' THEN '{"paths":[]}'
                    ELSE jsonb_build_object('patch', '{"metadata":{"labels":{"n":"1"}}}'::jsonb, 'replaced', '{"metadata":{"labels":{"n":"0"}}}'::jsonb,
                                            'paths', jsonb_build_array(path)) END
          FROM (SELECT *,
                       CASE WHEN version = 1 THEN 'job_created' WHEN version = versions AND job % 10 = 1 THEN 'job_deleted'
                            WHEN i % 50021 = 17 THEN 'job_deletion_requested' WHEN chance < 600 THEN 'job_status_updated' ELSE 'job_patched' END AS type,
                       CASE WHEN i % 20011 = 3 THEN 'spec.cleanPodPolicy' WHEN chance < 620 THEN 'metadata.labels[''example.com/team'']'
                            ELSE 'metadata.labels.n' END AS path
                  FROM eventstore.loading) l
         ORDER BY i
        """;

    private const string InsertRevisions = """
        INSERT INTO eventstore.revision (revision, namespace, job, type, user_name, hash)
        SELECT e.seq_id, l.namespace, 'job-' || l.job, e.type, e.user_name, sha256('')
          FROM eventstore.mt_events e JOIN eventstore.loading l ON l.i = e.seq_id ORDER BY e.seq_id
        """;

    // What changed_paths_1 gives for these events.
    private const string InsertPaths = """
        INSERT INTO eventstore.revision_path (path, revision)
        SELECT p.path, e.seq_id
          FROM eventstore.mt_events e, LATERAL (
                SELECT e.data -> 'paths' ->> 0
                UNION ALL SELECT 'metadata.labels' WHERE e.data -> 'paths' ->> 0 LIKE 'metadata.labels%'
                UNION ALL SELECT 'metadata.deletionTimestamp' WHERE e.type = 'job_deletion_requested') p (path)
         WHERE p.path IS NOT NULL ORDER BY 1, 2
        """;

    private const string InsertRows = """
        INSERT INTO eventstore.mt_doc_current_job (id, data, mt_last_modified, mt_dotnet_type, mt_version, namespace, name, deleted, revision)
        SELECT uid, jsonb_build_object('text', format('{"metadata":{"name":"job-%s","namespace":"%s","uid":"%s"}}', job, namespace, uid)),
               now(), 'EventStore.Server.Store.CurrentJob', max(version), namespace, 'job-' || job, job % 10 = 1, max(i)
          FROM eventstore.loading GROUP BY uid, job, namespace
        """;

    private const string Finish = """
        DO $$
        DECLARE
            definition text;
        BEGIN
            FOR definition IN SELECT d.definition FROM eventstore.dropped d LOOP
                EXECUTE definition;
            END LOOP;
        END
        $$;
        DROP TABLE eventstore.loading, eventstore.dropped;
        DELETE FROM eventstore.head;
        INSERT INTO eventstore.head (revision, time, hash) VALUES (1000001, '2026-01-01Z'::timestamptz + 1000001 * interval '10 s', sha256(''));
        ANALYZE
        """;
}
