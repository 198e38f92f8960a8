using System.Diagnostics;
using EventStore.Domain.Jobs;
using EventStore.Server.Kubernetes.Answers;
using EventStore.Server.Kubernetes.Requests;
using EventStore.Server.Limits;
using EventStore.Server.Resources;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Lane;
using EventStore.Server.Store.Reads;
using EventStore.Server.Telemetry;
using Microsoft.AspNetCore.Http.Timeouts;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Jobs;

/// <summary>
/// Deletes the selected jobs, each by a command of its own for the uid that was listed, and many at once, so that they share commits. A
/// job that somebody else deleted meanwhile is skipped; one with finalizers is answered as being deleted. The answer is sent in pieces,
/// while the deletion goes on, so of what is deleted only the names are held in memory.
/// </summary>
internal static class JobCollectionDeletion
{
    private const int AtOnce = 256; // two batches of the lane: one that is being committed and one that waits
    private const long BytesAtOnce = 4 << 20; // of jobs as they are stored
    private static readonly TimeSpan BusyPause = TimeSpan.FromMilliseconds(50);

    /// <summary>DELETE on the collection; the answer is the list of what was deleted.</summary>
    public static async Task<IResult> Run(HttpContext http, string @namespace, CommitLane lane, JobReads reads, TimeProvider clock)
    {
        (Asked? asked, Status? refusal) = await Asked.Read(http, @namespace, clock);
        if (asked is null)
            return refusal!;
        (List<Target> targets, long revision) = await Find(asked.Selection, asked.Limit, reads, http.RequestAborted);
        if (targets.Count == 0) // they may be gone by a deletion that the primary alone has
            await http.RequestServices.GetRequiredService<StandbyWait>().Confirm(RequestLimits.Of(http).RequestTime, http.RequestAborted);
        // It takes as long as there are jobs, and goes on as long as the client waits.
        http.Features.Get<IHttpRequestTimeoutFeature>()?.DisableTimeout();
        return await Stream(http, asked, targets, revision, lane, clock);
    }

    /// <summary>Deletes the targets, and sends what was deleted while the deletion goes on.</summary>
    private static async Task<IResult> Stream(
        HttpContext http, Asked asked, List<Target> targets, long revision, CommitLane lane, TimeProvider clock)
    {
        (JobView view, _, _, DeleteOptions deleteOptions) = asked;
        var answer = new StreamedList(http, view.Form);
        Origin origin = http.Origin();
        await foreach ((Target target, Outcome outcome) in InOrder(targets, Delete))
        {
            if (!IsSettled(outcome))
                return Stopped(http, outcome, target.Key);
            if (outcome is not Outcome.Done done)
                continue;
            var deleted = new StoredJob(done.Job.Key, done.Job.Revision, done.Utf8, clock.GetUtcNow());
            await answer.Add(view.Item(deleted));
        }

        RequestLog.Sent(http, await answer.End(JobList.Metadata(http, revision, null)));
        return Results.Empty;

        async Task<Outcome> Delete(Target target)
        {
            var command = new DeleteJob(
                target.Key, clock.GetUtcNow(), origin, deleteOptions.Uid ?? target.Uid, deleteOptions.ResourceVersion)
            {
                Dependents = (Dependents?)deleteOptions.Propagation,
            };
            CancellationToken stop = http.RequestAborted;
            long began = Stopwatch.GetTimestamp();
            Outcome outcome;
            while ((outcome = await lane.Execute(command.Under(http), deleteOptions.DryRun, bodyBytes: 0, stop)) is Outcome.Busy
                && Stopwatch.GetElapsedTime(began) < RequestLimits.Of(http).RequestTime)
                await Task.Delay(BusyPause, stop);
            return outcome;
        }
    }

    /// <summary>
    /// What the client is told when a job cannot be deleted: why, or, when a part of the answer is with it already, an answer that breaks
    /// off. What is left is deleted by the same request sent again.
    /// </summary>
    private static IResult Stopped(HttpContext http, Outcome reason, JobKey key)
    {
        if (!http.Response.HasStarted)
            return JobAnswers.Of(reason, key, http.TraceIdentifier, _ => Results.Empty);
        http.Abort();
        return Results.Empty;
    }

    private static bool IsSettled(Outcome outcome) =>
        outcome is Outcome.Done or Outcome.Refused(Rejection.NotFound or Rejection.UidPrecondition);

    /// <summary>
    /// A sliding window: deletes many at once and gives the outcomes in order. If the consumer stops, no further deletion starts; running
    /// ones are awaited.
    /// </summary>
    private static async IAsyncEnumerable<(Target Target, Outcome Outcome)> InOrder(
        List<Target> targets, Func<Target, Task<Outcome>> delete)
    {
        var running = new Queue<(Target Target, Task<Outcome> Outcome)>();
        (int next, long bytes) = (0, 0);
        try
        {
            while (true)
            {
                for (; next < targets.Count && running.Count < AtOnce && (running.Count == 0 || bytes < BytesAtOnce); next++)
                {
                    running.Enqueue((targets[next], delete(targets[next])));
                    bytes += targets[next].Bytes;
                }

                if (!running.TryPeek(out (Target Target, Task<Outcome> Outcome) first))
                    yield break;
                Outcome outcome = await first.Outcome;
                running.Dequeue();
                bytes -= first.Target.Bytes;
                yield return (first.Target, outcome);
            }
        }
        finally
        {
            await Task.WhenAll(running.Select(each => (Task)each.Outcome)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>What is to be deleted, by name, incarnation and size alone, some 200 bytes a job: the jobs that came later stay.</summary>
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
            targets.Add(new Target(job.Key, JobText.UidOf(job.Utf8.Span), job.Utf8.Length));
        }

        return (targets, list.Head);
    }

    private readonly record struct Target(JobKey Key, string? Uid, int Bytes);

    /// <summary>The parsed request: what to delete, how, and in which form to answer.</summary>
    private sealed record Asked(JobView View, JobSelection Selection, long? Limit, DeleteOptions Options)
    {
        public static async Task<(Asked? Asked, Status? Refusal)> Read(HttpContext http, string @namespace, TimeProvider clock)
        {
            RequestLimits limits = RequestLimits.Of(http);
            if (!JobView.TryRead(http, isList: true, clock, out JobView view, out Status? refusal)
                || !ListOptions.TryRead(http.Request.Query, JobSelection.SelectableFields, out ListOptions? options, out refusal,
                    limits.SelectorTerms))
                return (null, refusal);
            if (http.Request.Query[AsOf.Parameter] is [{ } moment, ..])
                return (null, AsOf.Refuse(moment, "is for reading: only what is there now can be deleted"));
            (ReadOnlyMemory<byte> body, refusal) = await RequestBody.Read(http.Request, limits.BodyBytes, limits.BodyValues);
            if (refusal is not null)
                return (null, refusal);
            if (!DeleteOptions.TryRead(http.Request, body.Span, JobResource.Names, out DeleteOptions? deleteOptions, out refusal))
                return (null, refusal);
            return (AuditReason.Refusal(http) ?? AuditReason.Missing(http, "delete")) is { } unreasoned
                ? (null, unreasoned)
                : (new Asked(view, new JobSelection(@namespace, options.Labels, options.Fields), options.Limit, deleteOptions), null);
        }
    }
}
