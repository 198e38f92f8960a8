using System.Runtime.CompilerServices;
using EventStore.Server.Kubernetes.Answers;
using EventStore.Server.Store.History;
using EventStore.Server.Store.Reads;
using EventStore.Server.Watch;

namespace EventStore.Server.Audit;

/// <summary>
/// What a watch on the history sends. Revisions are only ever added, so every frame is ADDED. A watch without a resourceVersion
/// starts with the first revision and reads from the indexes until it has caught up with the feed.
/// </summary>
internal sealed class RevisionWatch(RevisionQuery query, RevisionView view, RevisionReads revisions)
{
    private const int PageLength = 500;

    /// <summary>The same for the watch loop.</summary>
    public Watched Watched => new(null, CatchUp, Frame, view.Form.Bookmark);

    private async IAsyncEnumerable<WatchStep> CatchUp(long after, long upTo, [EnumeratorCancellation] CancellationToken stop)
    {
        while (after < upTo)
        {
            (int found, bool brokenOff) = (0, false);
            RevisionQuery rest = query with
            {
                OldestFirst = true,
                First = Math.Max(query.First, after + 1),
                Last = Math.Min(query.Last, upTo)
            };
            await foreach (RevisionStep step in revisions.List(rest, PageLength, stop))
            {
                WatchFrame? frame = step.Revision is { } revision ? new WatchFrame("ADDED", view.Alone(revision)) : null;
                yield return new WatchStep(step.Bound, frame);
                (after, found, brokenOff) = (step.Bound, found + 1, step.Revision is null);
            }

            if (found < PageLength && !brokenOff)
                yield break;
        }
    }

    private WatchFrame? Frame(LogEntry entry) =>
        entry.AsRevision is { } revision && query.Covers(revision) ? new WatchFrame("ADDED", view.Alone(revision)) : null;
}
