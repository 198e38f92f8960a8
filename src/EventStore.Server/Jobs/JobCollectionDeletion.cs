using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Server.Kubernetes.Answers;
using EventStore.Server.Kubernetes.Requests;
using EventStore.Server.Limits;
using EventStore.Server.Resources;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Lane;
using EventStore.Server.Store.Reads;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Jobs;

/// <summary>
/// Deletes the jobs a selection covers: each by a command of its own, as it was when it was listed. One that somebody else deleted
/// meanwhile is passed over; one whose finalizers hold it is answered as being deleted.
/// </summary>
internal static class JobCollectionDeletion
{
    private const int AtOnce = 64;

    /// <summary>DELETE on the collection; the answer is the list of what was deleted.</summary>
    public static async Task<IResult> Run(HttpContext http, string @namespace, CommitLane lane, JobReads reads, TimeProvider clock)
    {
        if (!JobView.TryRead(http, isList: true, clock, out JobView view, out Status? refusal)
            || !ListOptions.TryRead(http.Request.Query, JobSelection.SelectableFields, out ListOptions? options, out refusal))
            return refusal!;
        if (http.Request.Query[AsOf.Parameter] is [{ } moment, ..])
            return AsOf.Refuse(moment, "is for reading: only what is there now can be deleted");
        (ReadOnlyMemory<byte> body, refusal) = await RequestBody.Read(http.Request, RequestLimits.Of(http).BodyBytes);
        if (refusal is not null)
            return refusal;
        if (!DeleteOptions.TryRead(http.Request, body.Span, JobResource.Names, out DeleteOptions? deleteOptions, out refusal))
            return refusal;

        var selection = new JobSelection(@namespace, options.Labels, options.Fields);
        (List<StoredJob> listed, long revision) = await Listed(selection, options.Limit, reads, http.RequestAborted);
        var deleted = new List<StoredJob>();
        foreach (StoredJob[] some in listed.Chunk(AtOnce))
        {
            Outcome[] outcomes = await Task.WhenAll(some.Select(job => lane.Execute(
                new DeleteJob(job.Key, clock.GetUtcNow(), http.Origin(), deleteOptions.Uid ?? Uid(job), deleteOptions.ResourceVersion),
                deleteOptions.DryRun, bodyBytes: 0, http.RequestAborted)));
            foreach ((StoredJob job, Outcome outcome) in some.Zip(outcomes))
            {
                if (outcome is Outcome.Done done)
                    deleted.Add(new StoredJob(job.Key, done.Job.Revision, done.Utf8, clock.GetUtcNow()));
                else if (outcome is not Outcome.Refused(Rejection.NotFound or Rejection.UidPrecondition))
                    return JobAnswers.Of(outcome, job.Key, http.TraceIdentifier, _ => Results.Empty);
            }
        }

        return new JsonReply(200, JobList.Print(view, deleted, JobList.Metadata(http, revision, null)));
    }

    private static async Task<(List<StoredJob> Jobs, long Revision)> Listed(JobSelection selection, long? limit, JobReads reads, CancellationToken stop)
    {
        var listed = new List<StoredJob>();
        await using ListTransaction snapshot = await reads.Snapshot(stop);
        await foreach (StoredJob job in snapshot.List(selection.Range, snapshot.Head, stop))
        {
            if (!selection.Covers(job))
                continue;
            if (listed.Count == limit)
                break;
            listed.Add(job);
        }

        return (listed, snapshot.Head);
    }

    private static string? Uid(StoredJob job) => (JsonReading.Parse(job.Utf8).Member("metadata")?.Member("uid") as JsonText)?.Value;
}
