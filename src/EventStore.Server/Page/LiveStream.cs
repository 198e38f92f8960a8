using System.Globalization;
using EventStore.Server.Store.Feed;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Reads;
using EventStore.Server.Telemetry;
using Microsoft.AspNetCore.Http.Timeouts;

namespace EventStore.Server.Page;

/// <summary>
/// Tells an open page that something it shows has changed (server-sent events), whereupon its script loads it again: what is on the
/// screen is always made by the server, under the rights of that moment. Changes that come close together are told of once. The stream
/// begins at the revision the page stood at, so no change falls between the two.
/// </summary>
/// <param name="http">The request; <c>from</c> is the page's revision.</param>
/// <param name="reads">Reads where the log stands.</param>
/// <param name="feed">The feed of changes.</param>
/// <param name="concerns">Whether the page shows what changed.</param>
internal sealed class LiveStream(HttpContext http, JobReads reads, JobFeed feed, Func<LogEntry, bool> concerns)
{
    private static readonly TimeSpan Together = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan StillThere = TimeSpan.FromSeconds(15);

    private CancellationToken stop;
    private long seen;

    /// <summary>Streams until the reader leaves or the server stops.</summary>
    public async Task<IResult> Run()
    {
        CancellationToken stopping = http.RequestServices.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
        using var end = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, stopping);
        stop = end.Token;
        http.Features.Get<IHttpRequestTimeoutFeature>()?.DisableTimeout();
        RequestLog.Lasts(http);
        http.Response.ContentType = "text/event-stream";
        try
        {
            long head = await reads.Head(stop);
            seen = long.TryParse(http.Request.Query["from"], NumberStyles.None, CultureInfo.InvariantCulture, out long from) && from <= head
                ? from
                : head;
            await Write($"retry: 1000\nid: {seen}\n\n"); // the headers at least: the page waits for them
            while (true)
                await Follow();
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            return Results.Empty;
        }
        catch (Exception e) when (DatabaseAway.Is(e) && http.Response.HasStarted)
        {
            return Results.Empty; // the browser comes back by itself
        }
    }

    private async Task Follow()
    {
        long head = await reads.Head(stop);
        using FeedSubscription subscription = feed.Subscribe();
        while (!subscription.Join(seen, Math.Max(head, seen)))
        {
            // The feed no longer has all that has happened since the page was made: it is taken to be out of date.
            seen = head;
            await Tell();
            head = await reads.Head(stop);
        }

        while (true)
        {
            long reached = subscription.Position;
            bool any = false;
            while (subscription.TryTake(out LogEntry? change))
                any |= change.Revision > seen && concerns(change);
            seen = Math.Max(seen, reached);
            if (any)
                await Tell();
            if (!await WaitFor(subscription))
                return;
        }
    }

    /// <summary>
    /// Waits for the next change, and shows the reader's machine meanwhile that the server is there; false when it fell behind.
    /// </summary>
    private async Task<bool> WaitFor(FeedSubscription subscription)
    {
        Task<bool> next = subscription.Wait(stop).AsTask();
        while (await Task.WhenAny(next, Task.Delay(StillThere, stop)) != next)
        {
            stop.ThrowIfCancellationRequested();
            await Write(":\n\n");
        }

        return await next;
    }

    private async Task Tell()
    {
        await Write($"id: {seen}\ndata: {seen}\n\n");
        await Task.Delay(Together, stop);
    }

    private async Task Write(FormattableString text)
    {
        await http.Response.WriteAsync(text.ToString(CultureInfo.InvariantCulture), stop);
        await http.Response.Body.FlushAsync(stop);
    }

    private Task Write(string text) => Write((FormattableString)$"{text}");
}
