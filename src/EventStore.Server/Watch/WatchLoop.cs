using EventStore.Server.Kubernetes.Answers;
using EventStore.Server.Kubernetes.Requests;
using EventStore.Server.Store.Feed;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Reads;
using EventStore.Server.Telemetry;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Watch;

/// <summary>
/// A watch: what there is, where the client asks for it, and then everything that happens, in the order of revisions, none missing and
/// none twice. It may begin at any revision ever written, because nothing is compacted. What is watched, jobs or their history, says what
/// there is and what a change means to it.
/// </summary>
internal abstract partial class WatchLoop(HttpContext http, ListOptions options, JobReads reads, JobFeed feed)
{
    private const long FlushBytes = 64 * 1024;

    private static readonly TimeSpan DefaultDuration = TimeSpan.FromMinutes(30);

    private readonly WatchReply stream = new(http);
    private long told;

    /// <summary>The request.</summary>
    protected HttpContext Http => http;

    /// <summary>Reads jobs.</summary>
    protected JobReads Reads => reads;

    /// <summary>Ends the watch: the client left, the server stops or the time is over.</summary>
    protected CancellationToken Stop { get; private set; }

    /// <summary>The watcher has been sent everything up to this revision.</summary>
    protected long Seen { get; set; }

    /// <summary>Answers the watch; it lasts until the client leaves, the server stops or the time is over.</summary>
    public async Task<IResult> Run()
    {
        var stopping = http.RequestServices.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
        using var end = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, stopping);
        end.CancelAfter(Duration());
        Stop = end.Token;
        RequestLog.Lasts(http);
        try
        {
            await Begin();
            await Follow();
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            await End();
        }
        catch (Exception e) when (http.Response.HasStarted && !http.RequestAborted.IsCancellationRequested && !DatabaseAway.Is(e))
        {
            // The headers are out, so what would have been a 500 is the last frame. Who lost the database is only cut off: to try again may help.
            LogFailed(http.RequestServices.GetRequiredService<ILogger<WatchLoop>>(), http.TraceIdentifier, e);
            stream.Write("ERROR", Status.InternalError(http.TraceIdentifier).ToUtf8());
            await stream.Flush();
        }
        finally
        {
            RequestLog.Sent(http, stream.SentBytes);
        }

        return Results.Empty;
    }

    [LoggerMessage(38, LogLevel.Error, "The watch of request {Id} failed")]
    private static partial void LogFailed(ILogger log, string id, Exception e);

    /// <summary>Sends what there is, and sets <see cref="Seen"/> to the revision up to which it did: not before, for a bookmark names it.</summary>
    protected abstract Task SendWhatThereIs();

    /// <summary>Sends what happened behind <see cref="Seen"/>, up to a revision, read from the log.</summary>
    protected abstract Task CatchUp(long upTo);

    /// <summary>Writes what a change means to this watch, if anything.</summary>
    protected abstract void Write(JobChange change);

    /// <summary>A bookmark in the form of all other frames, for the client decodes it as it does them.</summary>
    protected abstract byte[] Bookmark(bool endsInitialEvents);

    /// <summary>Adds a frame, and sends what was added once it is much.</summary>
    protected async Task Send(string type, byte[] utf8)
    {
        await stream.Start(Stop);
        stream.Write(type, utf8);
        await FlushIfMuch();
    }

    /// <summary>Adds a frame.</summary>
    protected void Add(string type, byte[] utf8) => stream.Write(type, utf8);

    /// <summary>Takes a change: the watcher has seen what is not ahead of it.</summary>
    protected async Task Take(JobChange change)
    {
        if (change.Revision > Seen)
        {
            Seen = change.Revision;
            Write(change);
        }

        await FlushIfMuch();
    }

    private TimeSpan Duration() => options.TimeoutSeconds is > 0 and var seconds
        ? TimeSpan.FromSeconds(Math.Min(seconds, (long)TimeSpan.FromDays(7).TotalSeconds))
        : DefaultDuration * (1 + Random.Shared.NextDouble()); // spread out, lest all clients come back at once

    /// <summary>Sends what there is, if that was asked for, and knows from then on what has been seen.</summary>
    private async Task Begin()
    {
        bool fromNow = options.ResourceVersion is null or 0;
        if (options.SendInitialEvents ?? fromNow)
        {
            await SendWhatThereIs();
            if (options is { SendInitialEvents: true, AllowWatchBookmarks: true })
                AddBookmark(endsInitialEvents: true);
        }
        else
        {
            Seen = fromNow ? await reads.Head(Stop) : options.ResourceVersion!.Value;
        }

        await stream.Start(Stop); // the headers at least: the client waits for them
        await stream.Flush();
    }

    private async Task Follow()
    {
        while (true)
        {
            // Joining comes before reading what is already in the log: a change committed in between would otherwise reach nobody.
            long head = await Patiently(reads.Head);
            if (feed.Join(Seen, Math.Max(head, Seen)) is { } subscription)
            {
                using (subscription)
                using (subscription.Overrun.Register(stream.Abort)) // it does not keep up, and may never come back from a flush
                    await Follow(subscription, feed.Limits.BookmarkEvery);
                stream.Abort();
                return;
            }

            await Patiently(async _ =>
            {
                await CatchUp(head);
                Seen = Math.Max(Seen, head);
                await stream.Flush();
                return true;
            });
        }
    }

    private async Task Follow(JobFeed.Subscription subscription, TimeSpan bookmarkEvery)
    {
        DateTime bookmarkAt = DateTime.UtcNow + bookmarkEvery;
        while (true)
        {
            long reached = subscription.Position;
            while (subscription.TryTake(out JobChange? change))
                await Take(change);

            Seen = Math.Max(Seen, reached);
            if (options.AllowWatchBookmarks && DateTime.UtcNow >= bookmarkAt)
            {
                AddBookmark(endsInitialEvents: false);
                bookmarkAt = DateTime.UtcNow + bookmarkEvery;
            }

            await stream.Flush();
            using var nextBookmark = CancellationTokenSource.CreateLinkedTokenSource(Stop);
            if (options.AllowWatchBookmarks)
                nextBookmark.CancelAfter(bookmarkAt - DateTime.UtcNow > TimeSpan.Zero ? bookmarkAt - DateTime.UtcNow : TimeSpan.Zero);
            try
            {
                if (!await subscription.Wait(nextBookmark.Token))
                    return;
            }
            catch (OperationCanceledException) when (!Stop.IsCancellationRequested)
            {
                // Time for a bookmark.
            }
        }
    }

    private async Task End()
    {
        if (http.RequestAborted.IsCancellationRequested)
            return;
        if (options.AllowWatchBookmarks && Seen > told)
            AddBookmark(endsInitialEvents: false);
        await stream.Flush();
        await stream.End();
    }

    private void AddBookmark(bool endsInitialEvents)
    {
        stream.Write("BOOKMARK", Bookmark(endsInitialEvents));
        told = Seen;
    }

    private async ValueTask FlushIfMuch()
    {
        if (stream.WaitingBytes >= FlushBytes)
            await stream.Flush();
    }

    /// <summary>A watch outlives a database that is away for a while.</summary>
    private async Task<T> Patiently<T>(Func<CancellationToken, Task<T>> read)
    {
        while (true)
        {
            try
            {
                return await read(Stop);
            }
            catch (Exception e) when (DatabaseAway.Is(e))
            {
                await Task.Delay(TimeSpan.FromMilliseconds(500), Stop);
            }
        }
    }
}
