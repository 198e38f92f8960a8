using EventStore.Domain.Jobs;
using JasperFx.Events;
using Marten;
using Marten.Events.Projections;

namespace EventStore.Server.Store.Activities;

/// <summary>
/// Counts events for Marten's daemon, a page at a time. What it writes is committed in the transaction in which Marten moves the
/// projection's progress, and that update requires the progress it began at: a page is counted once, even if another server tries too.
/// </summary>
/// <remarks>
/// The documents are Marten's, and are read through its LINQ. They are written by three statements a page and not through
/// <c>session.Store</c>, which would read every document of the page first, to add to its count, and then write each by a statement
/// of its own.
/// </remarks>
internal sealed class ActivityProjection : IProjection
{
    private const string InsertJobs = """
        INSERT INTO eventstore.mt_doc_job_activity (id, data, namespace, name, revision)
        SELECT (job->>'id')::uuid, jsonb_strip_nulls(job), job->>'namespace', job->>'name', (job->>'revision')::bigint
          FROM jsonb_array_elements(?::jsonb) job
        """;

    private const string UpdateJobs = """
        UPDATE eventstore.mt_doc_job_activity j
           SET data = jsonb_strip_nulls(j.data || job
                   || jsonb_build_object('changes', (j.data->>'changes')::bigint + (job->>'changes')::bigint)),
               revision = (job->>'revision')::bigint
          FROM jsonb_array_elements(?::jsonb) job
         WHERE j.id = (job->>'id')::uuid
        """;

    private const string AddCounts = $"""
        INSERT INTO eventstore.mt_doc_activity AS a (id, data, day, namespace, user_name, type, field)
        SELECT {ActivityOfLog.Document}
          FROM (SELECT c.day, coalesce(c.namespace, j.namespace) AS namespace, c.user_name, c.type, c.field, sum(c.count)::bigint AS count
                  FROM jsonb_to_recordset(?::jsonb)
                           AS c (day date, job uuid, namespace text, user_name text, type text, field text, count bigint)
                  LEFT JOIN eventstore.mt_doc_job_activity j ON c.namespace IS NULL AND j.id = c.job
                 GROUP BY 1, 2, 3, 4, 5) n
        ON CONFLICT (id) DO UPDATE
           SET data = a.data || jsonb_build_object('count', (a.data->>'count')::bigint + (excluded.data->>'count')::bigint)
        """;

    /// <inheritdoc/>
    public Task ApplyAsync(IDocumentOperations operations, IReadOnlyList<IEvent> events, CancellationToken cancellation)
    {
        var page = new ActivityPage();
        foreach (IEvent happened in events)
            page.Add(happened.StreamId, happened.Sequence, happened.Timestamp, happened.UserName ?? string.Empty, (JobEvent)happened.Data);
        operations.QueueSqlCommand(InsertJobs, page.Created);
        operations.QueueSqlCommand(UpdateJobs, page.Changed);
        operations.QueueSqlCommand(AddCounts, page.Counts);
        return Task.CompletedTask;
    }
}
