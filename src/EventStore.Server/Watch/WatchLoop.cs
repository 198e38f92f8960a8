using System.Diagnostics;
using System.Threading.RateLimiting;
using EventStore.Server.Kubernetes.Answers;
using EventStore.Server.Kubernetes.Requests;
using EventStore.Server.Limits;
using EventStore.Server.Resources;
using EventStore.Server.Store.Feed;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Reads;
using EventStore.Server.Telemetry;
using Microsoft.AspNetCore.Http.Timeouts;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Watch;

/// <summary>
/// A watch: first the current objects, if the client asks for them, then every change in the order of revisions, none missing and
/// none twice. It may start at any revision, because nothing is compacted.
/// </summary>
internal sealed class WatchLoop(HttpContext http, ListOptions options, Watched watched, JobReads reads, JobFeed feed)
{
    private static readonly TimeSpan DefaultDuration = TimeSpan.FromMinutes(30);

    private readonly WatchReply stream = new(http);
    private readonly CatchUps turns = http.RequestServices.GetRequiredService<CatchUps>();
    private readonly WatchStarts starts = http.RequestServices.GetRequiredService<WatchStarts>();
    private readonly ILogger log = http.RequestServices.GetRequiredService<ILogger<WatchLoop>>();
    private CancellationToken stop;
    private bool isCutOff;
    private long seen; // the watcher has been sent everything up to this revision
    private long bookmarked; // the revision of the last bookmark it was sent

    /// <summary>Answers the watch; it lasts until the client leaves, the server stops or the time is over.</summary>
    public async Task<IResult> Run()
    {
        var stopping = http.RequestServices.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
        using var end = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, stopping);
        end.CancelAfter(Duration());
        stop = end.Token;
        http.Features.Get<IHttpRequestTimeoutFeature>()?.DisableTimeout(); // a watch has a time of its own
        RequestLog.Lasts(http);
        try
        {
            if (await Begin() is { } refusal)
                return refusal;
            await Follow();
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            await End();
        }
        catch (UnreadableEventException e) when (http.Response.HasStarted)
        {
            await EndWith(Status.Expired(e.Message));
        }
        catch (Exception e) when (http.Response.HasStarted && !http.RequestAborted.IsCancellationRequested && !DatabaseAway.Is(e))
        {
            // The headers are out, so what would have been a 500 is the last frame. A watch that lost the database is only aborted:
            // a retry may help.
            log.WatchFailed(http.TraceIdentifier, e);
            await EndWith(Status.InternalError(http.TraceIdentifier));
        }
        finally
        {
            RequestLog.Sent(http, stream.SentBytes);
        }

        return Results.Empty;
    }

    private TimeSpan Duration() => options.TimeoutSeconds is > 0 and var seconds
        ? TimeSpan.FromSeconds(Math.Min(seconds, (long)TimeSpan.FromDays(7).TotalSeconds))
        : DefaultDuration * (1 + Random.Shared.NextDouble()); // spread out, lest all clients come back at once

    /// <summary>
    /// Sends the current objects, if asked for, and sets the revision up to which the watcher has seen everything. The reads wait
    /// for a place (<see cref="WatchStarts"/>): a thousand watches starting at once would leave others no connection.
    /// </summary>
    private async Task<Status?> Begin()
    {
        bool fromNow = options.ResourceVersion is null or 0;
        bool sends = options.SendInitialEvents ?? fromNow;
        long head = 0;
        using (RateLimitLease place = await starts.Enter(http, stop))
        {
            if (!place.IsAcquired)
                return Status.TooManyRequests("too many watches wait to begin");
            if (options.ResourceVersion is > 0 and var asked && await reads.WaitFor(asked, stop) is { } missing)
                return DatabaseAnswers.Missing(missing);
            if (!sends)
            {
                seen = fromNow ? await reads.Head(stop) : options.ResourceVersion!.Value;
                if (watched.GoOn is { } goOn)
                    await goOn(seen, stop);
            }
            else if (watched.Initial is { } initial)
                await SendAll(initial(stop));
            else
                head = await reads.Head(stop);
        }

        await CatchUpWith(head);
        if (sends && options is { SendInitialEvents: true, AllowWatchBookmarks: true })
            await SendBookmark(endsInitialEvents: true);
        await stream.Start(stop); // the headers at least: the client waits for them
        await stream.Flush();
        return null;
    }

    private async Task Follow()
    {
        using FeedSubscription subscription = feed.Subscribe();
        while (true)
        {
            // Joining comes before reading what is already in the log: a change committed in between would otherwise reach nobody.
            long head = await Retried(reads.Head);
            if (subscription.Join(seen, Math.Max(head, seen)))
                break;
            await Retried(async _ =>
            {
                await CatchUpWith(head);
                return true;
            });
        }

        using (subscription.Overrun.Register(() => CutOff(subscription.IsSlow))) // it may never come back from a flush
            await Follow(subscription, feed.Limits.BookmarkEvery);
    }

    private void CutOff(bool isSlow)
    {
        if (isSlow && !Interlocked.Exchange(ref isCutOff, true))
            log.CutsOff(http.TraceIdentifier, feed.Limits);
        stream.Abort();
    }

    private async Task SendAll(IAsyncEnumerable<WatchStep> steps)
    {
        await foreach (WatchStep step in steps)
            await Take(step);
    }

    private async Task CatchUpWith(long head)
    {
        while (seen < head)
        {
            if (await turns.Turn(() => watched.CatchUp(seen, head, stop), Take, () => stream.SentBytes, stop))
                seen = Math.Max(seen, head);
            await stream.Flush();
        }
    }

    private async Task Follow(FeedSubscription subscription, TimeSpan bookmarkEvery)
    {
        long bookmarkSent = Stopwatch.GetTimestamp(); // monotonic: a clock that is set back keeps no bookmark away
        while (true)
        {
            if (subscription.LostWith is { } epoch)
            {
                await EndWith(DatabaseAnswers.Lost(seen, epoch));
                return;
            }

            long reached = subscription.Position;
            while (subscription.TryTake(out LogEntry? change))
            {
                if (change.Revision > seen)
                    await Take(new WatchStep(change.Revision, watched.Frame(change)));
            }

            seen = Math.Max(seen, reached);
            if (options.AllowWatchBookmarks && Stopwatch.GetElapsedTime(bookmarkSent) >= bookmarkEvery)
            {
                await SendBookmark(endsInitialEvents: false);
                bookmarkSent = Stopwatch.GetTimestamp();
            }

            await stream.Flush();
            using var nextBookmark = CancellationTokenSource.CreateLinkedTokenSource(stop);
            if (options.AllowWatchBookmarks)
            {
                TimeSpan left = bookmarkEvery - Stopwatch.GetElapsedTime(bookmarkSent); // read once: a negative time is refused
                nextBookmark.CancelAfter(left > TimeSpan.Zero ? left : TimeSpan.Zero);
            }

            try
            {
                if (!await subscription.Wait(nextBookmark.Token) && subscription.LostWith is null)
                {
                    CutOff(subscription.IsSlow);
                    return;
                }
            }
            catch (OperationCanceledException) when (!stop.IsCancellationRequested)
            {
                // Time for a bookmark.
            }
        }
    }

    private async ValueTask Take(WatchStep step)
    {
        if (step.Frame is { } frame)
        {
            await stream.Start(stop); // from here on nothing is tried again; a WebSocket that is not open takes only so much
            await stream.Write(frame);
        }

        seen = step.Reached ?? seen; // and not before: the watch may end here, with a bookmark
    }

    private async Task End()
    {
        if (http.RequestAborted.IsCancellationRequested)
            return;
        if (options.AllowWatchBookmarks && seen > bookmarked)
            await SendBookmark(endsInitialEvents: false);
        await stream.Flush();
        await stream.End();
    }

    private async Task EndWith(Status status)
    {
        await stream.Write(new WatchFrame("ERROR", status.ToUtf8()));
        await stream.Flush();
        await stream.End();
    }

    private async Task SendBookmark(bool endsInitialEvents)
    {
        await stream.Write(new WatchFrame("BOOKMARK", watched.Bookmark(seen, endsInitialEvents)));
        bookmarked = seen;
    }

    /// <summary>Retries a read while the database is away, so that a watch survives an outage.</summary>
    private async Task<T> Retried<T>(Func<CancellationToken, Task<T>> read)
    {
        while (true)
        {
            try
            {
                return await read(stop);
            }
            catch (Exception e) when (DatabaseAway.Is(e))
            {
                await Task.Delay(feed.Limits.RetryPause, stop);
            }
        }
    }
}
