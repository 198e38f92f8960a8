using EventStore.Server.Kubernetes.Requests;
using EventStore.Server.Store.Feed;
using EventStore.Server.Store.History;
using EventStore.Server.Store.Reads;
using EventStore.Server.Watch;

namespace EventStore.Server.Audit;

/// <summary>
/// A watch on the history. Revisions only ever come, so every frame is ADDED, and what there is is simply what happened before: a watch
/// that names no revision begins with the first one, and is read from the indexes until it has caught up with the feed.
/// </summary>
internal sealed class RevisionWatch(
    HttpContext http, RevisionQuery query, ListOptions options, RevisionView view, JobReads reads, RevisionReads revisions, JobFeed feed)
    : WatchLoop(http, options, reads, feed)
{
    private const int PageLength = 500;

    /// <inheritdoc/>
    protected override async Task SendWhatThereIs() => await CatchUp(await Reads.Head(Stop));

    /// <inheritdoc/>
    protected override async Task CatchUp(long upTo)
    {
        while (Seen < upTo)
        {
            int found = 0;
            bool brokenOff = false;
            RevisionQuery rest = query with { OldestFirst = true, First = Math.Max(query.First, Seen + 1), Last = Math.Min(query.Last, upTo) };
            await foreach (RevisionStep step in revisions.List(rest, PageLength, Stop))
            {
                if (step.Revision is { } revision)
                    await Send("ADDED", view.Alone(revision));
                Seen = step.Bound; // and not before: the watch may end here, with a bookmark
                (found, brokenOff) = (found + 1, step.Revision is null);
            }

            if (found < PageLength && !brokenOff)
                Seen = upTo;
        }
    }

    /// <inheritdoc/>
    protected override void Write(JobChange change)
    {
        if (query.Covers(change.AsRevision))
            Add("ADDED", view.Alone(change.AsRevision));
    }

    /// <inheritdoc/>
    protected override byte[] Bookmark(bool endsInitialEvents) => view.Form.Bookmark(Seen, endsInitialEvents);
}
