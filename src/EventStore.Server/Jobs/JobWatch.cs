using System.Runtime.CompilerServices;
using EventStore.Domain.Jobs;
using EventStore.Server.Kubernetes.Answers;
using EventStore.Server.Resources;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Reads;
using EventStore.Server.Watch;

namespace EventStore.Server.Jobs;

/// <summary>
/// What a watch on jobs sends: the living jobs and their changes. A job may enter or leave the selection without being created or deleted.
/// </summary>
internal sealed class JobWatch(HttpContext http, JobSelection selection, JobView view, JobReads reads)
{
    /// <summary>The same for the watch loop.</summary>
    public Watched Watched => new(Initial, CatchUp, Frame, Bookmark);

    private async IAsyncEnumerable<WatchStep> Initial([EnumeratorCancellation] CancellationToken stop)
    {
        using CancellationTokenSource limit = JobList.Limit(http);
        using CancellationTokenRegistration breakingOff = limit.Token.Register(http.Abort);
        await using ListTransaction list = await reads.BeginShownList(isAny: false, stop);
        await foreach (StoredJob job in list.List(selection.Range, list.Head, stop))
        {
            if (selection.Covers(job))
                yield return new WatchStep(null, new WatchFrame("ADDED", view.Alone(job)));
        }

        yield return new WatchStep(list.Head, null);
    }

    private async IAsyncEnumerable<WatchStep> CatchUp(long after, long upTo, [EnumeratorCancellation] CancellationToken stop)
    {
        await foreach (LogEntry change in reads.Changes(after, upTo, selection.Only, stop))
            yield return new WatchStep(change.Revision, Frame(change));
    }

    private WatchFrame? Frame(LogEntry entry)
    {
        if (entry is UnreadableEvent { Key: { } key } unreadable && selection.CoversKey(key))
            throw new UnreadableEventException(unreadable.Why, null);
        if (entry is not JobChange change)
            return null;
        return (selection.Covers(change.Before), selection.Covers(change.After)) switch
        {
            (false, true) => new WatchFrame("ADDED", view.Alone(change.Stored)),
            (true, true) => new WatchFrame("MODIFIED", view.Alone(change.Stored)),
            (true, false) => new WatchFrame("DELETED", view.Alone(change.After.Deleted ? change.Stored : change.Left)),
            _ => null,
        };
    }

    private ReadOnlyMemory<byte> Bookmark(long revision, bool endsInitialEvents)
    {
        byte[] bookmark = WatchReply.Bookmark(JobResource.Names, revision, endsInitialEvents);
        return view.Alone(new StoredJob(new JobKey(string.Empty, string.Empty), revision, bookmark, view.Clock.GetUtcNow()));
    }
}
