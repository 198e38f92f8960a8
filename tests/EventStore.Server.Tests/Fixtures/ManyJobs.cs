
namespace EventStore.Server.Tests.Fixtures;

/// <summary>More jobs than a test could create one by one: rows as the lane would have left them, copied from one that it did.</summary>
internal static class ManyJobs
{
    /// <summary>Where they are.</summary>
    public const string Namespace = "many";

    /// <summary>Inserts them: <c>job-1</c> and so on, each with an annotation of that size.</summary>
    public static Task Insert(TestDatabase database, int count, int bytesEach) => database.Execute($$$"""
        INSERT INTO eventstore.mt_doc_current_job (id, data, mt_last_modified, mt_dotnet_type, mt_version, namespace, name, deleted, revision)
        SELECT uid, jsonb_build_object('text', format(
                 '{"apiVersion":"kubeflow.org/v1","kind":"PyTorchJob","metadata":{"annotations":{"a":"%s"},"creationTimestamp":"2026-01-01T00:00:00Z",'
                 '"generation":1,"name":"job-%s","namespace":"{{{Namespace}}}","resourceVersion":"%s","selfLink":"","uid":"%s"},"spec":{}}',
                 repeat('x', {{{bytesEach}}}), i, i + 1, uid)),
               now(), 'EventStore.Server.Store.CurrentJob', 1, '{{{Namespace}}}', 'job-' || i, false, i + 1
          FROM generate_series(1, {{{count}}}) AS i, LATERAL (SELECT ('00000000-0000-0000-0000-' || lpad(i::text, 12, '0'))::uuid AS uid) AS ids;
        SELECT setval('eventstore.mt_events_sequence', {{{count}}} + 1);
        {{{TestDatabase.MoveHead($"greatest(revision, {count} + 1)")}}};
        ANALYZE eventstore.mt_doc_current_job;
        """);

    /// <summary>
    /// Inserts as many jobs with a history: each created and then labelled anew again and again, all in turn. The log has
    /// <paramref name="count"/> times <paramref name="eventsEach"/> events from revision 2 on.
    /// </summary>
    public static async Task InsertWithHistory(TestDatabase database, int count, int eventsEach)
    {
        await Insert(database, count, bytesEach: 10);
        await database.Execute($$$$"""
            UPDATE eventstore.mt_doc_current_job SET mt_version = {{{{eventsEach}}}}, revision = revision + {{{{count}}}} * ({{{{eventsEach}}}} - 1),
                data = jsonb_build_object('text', replace(data ->> 'text', '"name":', '"labels":{"n":"{{{{eventsEach}}}}"},"name":'));
            INSERT INTO eventstore.mt_streams (id, version) SELECT id, {{{{eventsEach}}}} FROM eventstore.mt_doc_current_job;
            INSERT INTO eventstore.mt_events (seq_id, id, stream_id, version, type, timestamp, data)
            SELECT j.revision - {{{{count}}}} * ({{{{eventsEach}}}} - v), gen_random_uuid(), j.id, v, CASE v WHEN 1 THEN 'job_created' ELSE 'job_patched' END, now(),
                   CASE v WHEN 1 THEN jsonb_build_object('manifest', (j.data ->> 'text')::jsonb #- '{metadata,resourceVersion}' #- '{metadata,selfLink}')
                   ELSE format('{"patch":{"metadata":{"labels":{"n":"%s"}}},"replaced":{"metadata":{"labels":{"n":"%s"}}},"paths":[]}', v, v - 1)::jsonb END
              FROM eventstore.mt_doc_current_job j, generate_series(1, {{{{eventsEach}}}}) AS v ORDER BY 1;
            INSERT INTO eventstore.revision (revision, namespace, job, type, user_name, hash)
            SELECT j.revision - {{{{count}}}} * ({{{{eventsEach}}}} - v), j.namespace, j.name, CASE v WHEN 1 THEN 'job_created' ELSE 'job_patched' END, '', ''
              FROM eventstore.mt_doc_current_job j, generate_series(1, {{{{eventsEach}}}}) AS v ORDER BY 1;
            SELECT setval('eventstore.mt_events_sequence', {{{{count}}}} * {{{{eventsEach}}}} + 1);
            {{{{TestDatabase.MoveHead($"{count} * {eventsEach} + 1")}}}};
            ANALYZE;
            """);
    }
}
