using System.Diagnostics;
using EventStore.Domain.Jobs;
using EventStore.Server.Telemetry;

namespace EventStore.Server.Store.Lane;

/// <summary>
/// Metrics, traces and health of the lane: how long its commits take, how many commands they hold, and whether a step of a round hangs.
/// </summary>
internal sealed class LaneMetrics(LaneLimits limits)
{
    private volatile Step? step;

    /// <summary>What takes the lane too long, most often a commit; null if nothing does.</summary>
    public string? Trouble => step is { } under && Stopwatch.GetElapsedTime(under.Began) > limits.StuckAfter
        ? $"{under.What} has been under way for more than {limits.StuckAfter.TotalSeconds} s"
        : null;

    /// <summary>Begins a step of a round, which disposing of the result ends. Until then <see cref="Trouble"/> tells of it.</summary>
    /// <param name="what">What it is, with its article.</param>
    public IDisposable Observe(string what)
    {
        step = new Step(what, Stopwatch.GetTimestamp());
        return new Observation(this);
    }

    /// <summary>Runs a commit and records it.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="commands">Its commands.</param>
    /// <param name="fence">
    /// The fencing token of the batch. If the database refuses it, nothing is committed, and nothing is counted.
    /// </param>
    /// <param name="commit">Commits it.</param>
    public async Task<Committed> Measure(Batch batch, List<QueuedCommand> commands, Fence fence, Func<Task<Committed>> commit)
    {
        using Activity? span = StartSpan(commands);
        long started = Stopwatch.GetTimestamp();
        try
        {
            Committed committed;
            using (Observe("a commit"))
                committed = await commit();
            if (committed.IsOf(batch, fence))
            {
                Signals.CommitTime.Record(Stopwatch.GetElapsedTime(started).TotalSeconds);
                Signals.BatchSize.Record(commands.Count);
                Count(batch, committed);
            }

            Tag(span, batch, committed, commands.Count);
            return committed;
        }
        catch (Exception e)
        {
            span?.SetStatus(ActivityStatusCode.Error, e.Message);
            throw;
        }
    }

    /// <summary>
    /// A commit belongs to many requests, so it is a trace of its own, linked with each of theirs. Null if none is traced.
    /// </summary>
    private static Activity? StartSpan(List<QueuedCommand> commands)
    {
        if (!Signals.Source.HasListeners())
            return null;
        ActivityLink[] links =
            [.. commands.Select(queued => queued.Span).OfType<Activity>().Select(span => new ActivityLink(span.Context))];
        return links.Length == 0
            ? null
            : Signals.Source.StartActivity(Signals.CommitSpan, ActivityKind.Internal, default(ActivityContext), null, links);
    }

    private static void Count(Batch batch, Committed committed)
    {
        if (!Signals.ConflictsAreCounted)
            return;
        foreach (Batch.KeyCommands commands in batch.ByKey)
        {
            if (!committed.Held[commands.Place])
                Signals.CountMoved(1);
            else
                CountRefused(commands.Verdicts);
        }
    }

    private static void CountRefused(List<Batch.Verdict> verdicts)
    {
        foreach (Batch.Verdict verdict in verdicts)
        {
            if (verdict.Why is Rejection.Stale or Rejection.RevisionPrecondition)
                Signals.CountRefused();
        }
    }

    private static void Tag(Activity? span, Batch batch, Committed committed, int size)
    {
        if (span is null)
            return;
        span.SetTag(Signals.BatchSizeTag, size).SetTag(Signals.EventsTag, batch.Entries.Count);
        span.SetTag(Signals.RevisionTag, committed.Revisions.Length == 0 ? null : committed.Revisions.Max());
        foreach (Batch.Verdict verdict in batch.ByKey.Where(each => committed.Held[each.Place]).SelectMany(each => each.Verdicts))
        {
            Activity? lane = verdict.Queued.Span;
            lane?.AddLink(new ActivityLink(span.Context));
            long? revision = verdict.Entry is { } entry ? committed.Revisions[entry.Place] : null;
            foreach (Activity? of in (Activity?[])[lane, lane?.Parent])
                of?.SetTag(Signals.BatchSizeTag, size).SetTag(Signals.RevisionTag, revision);
        }
    }

    private sealed record Step(string What, long Began);

    private sealed class Observation(LaneMetrics lane) : IDisposable
    {
        public void Dispose() => lane.step = null;
    }
}
