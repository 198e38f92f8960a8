using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Server.Kubernetes.Answers;
using EventStore.Server.Kubernetes.Requests;
using EventStore.Server.Limits;
using EventStore.Server.Resources;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Lane;
using EventStore.Server.Store.Reads;
using Microsoft.AspNetCore.Http.Timeouts;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Jobs;

/// <summary>
/// Deletes the selected jobs: each by a command of its own, in the version listed, and many at once so that they share commits. A
/// job that somebody else deleted meanwhile is skipped; one with finalizers is answered as being deleted.
/// </summary>
internal static class JobCollectionDeletion
{
    private const int AtOnce = 256; // two batches of the lane: one that is being committed and one that waits
    private static readonly TimeSpan BusyPause = TimeSpan.FromMilliseconds(50);

    /// <summary>DELETE on the collection; the answer is the list of what was deleted.</summary>
    public static async Task<IResult> Run(HttpContext http, string @namespace, CommitLane lane, JobReads reads, TimeProvider clock)
    {
        if (!JobView.TryRead(http, isList: true, clock, out JobView view, out Status? refusal)
            || !ListOptions.TryRead(http.Request.Query, JobSelection.SelectableFields, out ListOptions? options, out refusal,
                RequestLimits.Of(http).SelectorTerms))
            return refusal!;
        if (http.Request.Query[AsOf.Parameter] is [{ } moment, ..])
            return AsOf.Refuse(moment, "is for reading: only what is there now can be deleted");
        (ReadOnlyMemory<byte> body, refusal) = await RequestBody.Read(
            http.Request, RequestLimits.Of(http).BodyBytes, RequestLimits.Of(http).BodyValues);
        if (refusal is not null)
            return refusal;
        if (!DeleteOptions.TryRead(http.Request, body.Span, JobResource.Names, out DeleteOptions? deleteOptions, out refusal))
            return refusal;
        if ((AuditReason.Refusal(http) ?? AuditReason.Missing(http, "delete")) is { } unreasoned)
            return unreasoned;

        // It takes as long as there are jobs, and goes on as long as the client waits.
        http.Features.Get<IHttpRequestTimeoutFeature>()?.DisableTimeout();
        var selection = new JobSelection(@namespace, options.Labels, options.Fields);
        (List<Target> targets, long revision) = await Find(selection, options.Limit, reads, http.RequestAborted);
        Origin origin = http.Origin();
        var outcomes = new Outcome?[targets.Count];
        int stopped = -1; // the place of one that could not be deleted
        var workers = new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = http.RequestAborted };
        await Parallel.ForAsync(0, targets.Count, workers, async (place, stop) =>
        {
            if (Volatile.Read(ref stopped) >= 0)
                return;
            (JobKey key, string? uid) = targets[place];
            JobCommand command = new DeleteJob(key, clock.GetUtcNow(), origin, deleteOptions.Uid ?? uid, deleteOptions.ResourceVersion)
            {
                Dependents = (Dependents?)deleteOptions.Propagation,
            }.Under(http);
            while ((outcomes[place] = await lane.Execute(command, deleteOptions.DryRun, bodyBytes: 0, stop)) is Outcome.Busy)
                await Task.Delay(BusyPause, stop);
            if (outcomes[place] is not (Outcome.Done or Outcome.Refused(Rejection.NotFound or Rejection.UidPrecondition)))
                Interlocked.CompareExchange(ref stopped, place, -1);
        });
        if (stopped >= 0)
            return JobAnswers.Of(outcomes[stopped]!, targets[stopped].Key, http.TraceIdentifier, _ => Results.Empty);

        IEnumerable<StoredJob> deleted = outcomes.OfType<Outcome.Done>()
            .Select(done => new StoredJob(done.Job.Key, done.Job.Revision, done.Utf8, clock.GetUtcNow()));
        return new JsonReply(200, view.Form.Whole(deleted.Select(view.Item), JobList.Metadata(http, revision, null)));
    }

    /// <summary>What is to be deleted, by name and incarnation alone: all of it is held in memory until it is done.</summary>
    private static async Task<(List<Target> Targets, long Revision)> Find(
        JobSelection selection, long? limit, JobReads reads, CancellationToken stop)
    {
        var targets = new List<Target>();
        await using ListTransaction list = await reads.BeginList(stop);
        await foreach (StoredJob job in list.List(selection.Range, list.Head, stop))
        {
            if (!selection.Covers(job))
                continue;
            if (targets.Count == limit)
                break;
            targets.Add(new Target(job.Key, (JsonReading.Parse(job.Utf8).Member("metadata")?.Member("uid") as JsonText)?.Value));
        }

        return (targets, list.Head);
    }

    private readonly record struct Target(JobKey Key, string? Uid);
}
