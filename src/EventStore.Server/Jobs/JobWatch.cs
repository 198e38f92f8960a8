using EventStore.Domain.Jobs;
using EventStore.Server.Kubernetes.Answers;
using EventStore.Server.Kubernetes.Requests;
using EventStore.Server.Resources;
using EventStore.Server.Store.Feed;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Reads;
using EventStore.Server.Watch;

namespace EventStore.Server.Jobs;

/// <summary>A watch on jobs: what there is are the living ones, and a job may enter or leave a selection without being created or deleted.</summary>
internal sealed class JobWatch(HttpContext http, JobSelection selection, ListOptions options, JobView view, JobReads reads, JobFeed feed)
    : WatchLoop(http, options, reads, feed)
{
    /// <inheritdoc/>
    protected override async Task SendWhatThereIs()
    {
        using CancellationTokenSource limit = JobList.Limit(Http);
        using CancellationTokenRegistration breakingOff = limit.Token.Register(Http.Abort);
        await using ListTransaction snapshot = await Reads.Snapshot(Stop);
        await foreach (StoredJob job in snapshot.List(selection.Range, snapshot.Head, Stop))
        {
            if (selection.Covers(job))
                await Send("ADDED", view.Alone(job));
        }

        Seen = snapshot.Head;
    }

    /// <inheritdoc/>
    protected override async Task CatchUp(long upTo)
    {
        await foreach (JobChange change in Reads.Changes(Seen, upTo, selection.Only, Stop))
            await Take(change);
    }

    /// <inheritdoc/>
    protected override void Write(JobChange change)
    {
        switch (selection.Covers(change.Before), selection.Covers(change.After))
        {
            case (false, true):
                Add("ADDED", view.Alone(change.Stored));
                break;
            case (true, true):
                Add("MODIFIED", view.Alone(change.Stored));
                break;
            case (true, false):
                Add("DELETED", view.Alone(change.After.Deleted ? change.Stored : change.Left));
                break;
            default:
                break;
        }
    }

    /// <inheritdoc/>
    protected override byte[] Bookmark(bool endsInitialEvents)
    {
        byte[] bookmark = WatchReply.Bookmark(JobResource.Names, Seen, endsInitialEvents);
        return view.Alone(new StoredJob(new JobKey(string.Empty, string.Empty), Seen, bookmark, DateTimeOffset.UtcNow));
    }
}
