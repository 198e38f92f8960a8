using EventStore.Domain.Jobs;
using EventStore.Server.Kubernetes;
using EventStore.Server.Store;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Jobs;

/// <summary>
/// A watch: what there is, where the client asks for it, and then every change, in the order of revisions, none missing and none twice.
/// It may begin at any revision ever written, because nothing is compacted.
/// </summary>
internal sealed partial class JobWatch
{
    private const long FlushBytes = 64 * 1024;

    private static readonly TimeSpan DefaultDuration = TimeSpan.FromMinutes(30);

    private readonly JobSelection selection;
    private readonly JobView view;
    private readonly WatchReply stream;
    private readonly bool bookmarks;
    private readonly CancellationToken stop;
    private long seen;
    private long told;

    private JobWatch(JobSelection selection, JobView view, WatchReply stream, bool bookmarks, CancellationToken stop) =>
        (this.selection, this.view, this.stream, this.bookmarks, this.stop) = (selection, view, stream, bookmarks, stop);

    /// <summary>Answers a watch; it lasts until the client leaves, the server stops or the time is over.</summary>
    public static async Task<IResult> Run(
        HttpContext http, JobSelection selection, ListOptions options, JobView view, JobReads reads, JobFeed feed)
    {
        var stopping = http.RequestServices.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
        using var end = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, stopping);
        end.CancelAfter(Duration(options));
        var stream = new WatchReply(http);
        var watch = new JobWatch(selection, view, stream, options.AllowWatchBookmarks, end.Token);
        try
        {
            await watch.Begin(http, options, reads);
            await watch.Follow(reads, feed);
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            await watch.End(http.RequestAborted);
        }
        catch (Exception e) when (http.Response.HasStarted && !http.RequestAborted.IsCancellationRequested && !DatabaseAway.Is(e))
        {
            // The headers are out, so what would have been a 500 is the last frame. Who lost the database is only cut off: to try again may help.
            Failed(http.RequestServices.GetRequiredService<ILogger<JobWatch>>(), http.TraceIdentifier, e);
            stream.Write("ERROR", Status.InternalError(http.TraceIdentifier).ToUtf8());
            await stream.Flush();
        }

        return Results.Empty;
    }

    [LoggerMessage(LogLevel.Error, "The watch of request {Id} failed")]
    private static partial void Failed(ILogger log, string id, Exception e);

    private static TimeSpan Duration(ListOptions options) => options.TimeoutSeconds is > 0 and var seconds
        ? TimeSpan.FromSeconds(Math.Min(seconds, (long)TimeSpan.FromDays(7).TotalSeconds))
        : DefaultDuration * (1 + Random.Shared.NextDouble()); // spread out, lest all clients come back at once

    /// <summary>Sends what there is, if that was asked for, and knows from then on what has been seen.</summary>
    private async Task Begin(HttpContext http, ListOptions options, JobReads reads)
    {
        bool fromNow = options.ResourceVersion is null or 0;
        if (options.SendInitialEvents ?? fromNow)
            await SendWhatThereIs(http, reads, saysWhereItEnds: options.SendInitialEvents == true && bookmarks);
        else
            seen = fromNow ? await reads.Head(stop) : options.ResourceVersion!.Value;
        await stream.Start(stop); // the headers at least: the client waits for them
        await stream.Flush();
    }

    private async Task SendWhatThereIs(HttpContext http, JobReads reads, bool saysWhereItEnds)
    {
        using CancellationTokenSource limit = JobList.Limit(http);
        using CancellationTokenRegistration breakingOff = limit.Token.Register(http.Abort);
        await using JobSnapshot snapshot = await reads.Snapshot(stop);
        await foreach (StoredJob job in snapshot.List(selection.Range, snapshot.Head, stop))
        {
            if (!selection.Covers(job))
                continue;
            await stream.Start(stop);
            stream.Write("ADDED", view.Alone(job));
            if (stream.WaitingBytes >= FlushBytes)
                await stream.Flush();
        }

        // Not before: who is told of this revision by a bookmark goes on behind it, and must have been sent all of it.
        seen = snapshot.Head;
        if (saysWhereItEnds)
            Bookmark(endsInitialEvents: true);
    }

    private async Task Follow(JobReads reads, JobFeed feed)
    {
        while (true)
        {
            // Joining comes before reading what is already in the log: a change committed in between would otherwise reach nobody.
            long head = await Patiently(reads.Head);
            if (feed.Join(seen, Math.Max(head, seen)) is { } subscription)
            {
                using (subscription)
                using (subscription.Overrun.Register(stream.Abort)) // it does not keep up, and may never come back from a flush
                    await Follow(subscription, feed.Limits.BookmarkEvery);
                stream.Abort();
                return;
            }

            await Patiently(async _ =>
            {
                await CatchUp(reads, head);
                return true;
            });
        }
    }

    private async Task CatchUp(JobReads reads, long head)
    {
        await foreach (JobChange change in reads.Changes(seen, head, selection.Only, stop))
        {
            Write(change);
            if (stream.WaitingBytes >= FlushBytes)
                await stream.Flush();
        }

        seen = Math.Max(seen, head);
        await stream.Flush();
    }

    private async Task Follow(JobFeed.Subscription subscription, TimeSpan bookmarkEvery)
    {
        DateTime bookmarkAt = DateTime.UtcNow + bookmarkEvery;
        while (true)
        {
            long reached = subscription.Position;
            while (subscription.TryTake(out JobChange? change))
            {
                Write(change);
                if (stream.WaitingBytes >= FlushBytes)
                    await stream.Flush();
            }

            seen = Math.Max(seen, reached);
            if (bookmarks && DateTime.UtcNow >= bookmarkAt)
            {
                Bookmark();
                bookmarkAt = DateTime.UtcNow + bookmarkEvery;
            }

            await stream.Flush();
            using var nextBookmark = CancellationTokenSource.CreateLinkedTokenSource(stop);
            if (bookmarks)
                nextBookmark.CancelAfter(bookmarkAt - DateTime.UtcNow > TimeSpan.Zero ? bookmarkAt - DateTime.UtcNow : TimeSpan.Zero);
            try
            {
                if (!await subscription.Wait(nextBookmark.Token))
                    return;
            }
            catch (OperationCanceledException) when (!stop.IsCancellationRequested)
            {
                // Time for a bookmark.
            }
        }
    }

    private async Task End(CancellationToken clientLeft)
    {
        if (clientLeft.IsCancellationRequested)
            return;
        if (bookmarks && seen > told)
            Bookmark();
        await stream.Flush();
    }

    /// <summary>Writes what the change means to this selection: a job may enter or leave it without being created or deleted.</summary>
    private void Write(JobChange change)
    {
        if (change.Revision <= seen)
            return;
        seen = change.Revision;
        switch (selection.Covers(change.Before), selection.Covers(change.After))
        {
            case (false, true):
                stream.Write("ADDED", view.Alone(change.Stored));
                break;
            case (true, true):
                stream.Write("MODIFIED", view.Alone(change.Stored));
                break;
            case (true, false):
                stream.Write("DELETED", view.Alone(change.After.Deleted ? change.Stored : change.Left));
                break;
            default:
                break;
        }
    }

    private void Bookmark(bool endsInitialEvents = false)
    {
        byte[] bookmark = WatchReply.Bookmark(JobAnswers.Resource, seen, endsInitialEvents);
        // In the form of all other frames, for the client decodes it as it does them.
        stream.Write("BOOKMARK", view.Alone(new StoredJob(new JobKey(string.Empty, string.Empty), seen, bookmark, DateTimeOffset.UtcNow)));
        told = seen;
    }

    /// <summary>A watch outlives a database that is away for a while.</summary>
    private async Task<T> Patiently<T>(Func<CancellationToken, Task<T>> read)
    {
        while (true)
        {
            try
            {
                return await read(stop);
            }
            catch (Exception e) when (DatabaseAway.Is(e))
            {
                await Task.Delay(TimeSpan.FromMilliseconds(500), stop);
            }
        }
    }
}
