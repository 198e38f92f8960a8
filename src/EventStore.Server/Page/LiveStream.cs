using System.Globalization;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.History;
using EventStore.Server.Store.Reads;
using EventStore.Server.Telemetry;
using Microsoft.AspNetCore.Http.Timeouts;

namespace EventStore.Server.Page;

/// <summary>
/// Notifies an open page that something it shows may have changed (server-sent events), whereupon its script loads it again: what is on the
/// screen is always made by the server, under the rights of that moment. The stream begins at the revision the page stood at, so no change
/// falls between the two.
/// </summary>
/// <param name="http">The request; <c>from</c> is the page's revision.</param>
internal sealed class LiveStream(HttpContext http)
{
    private static readonly TimeSpan StillThere = TimeSpan.FromSeconds(15);

    private readonly JobReads reads = http.RequestServices.GetRequiredService<JobReads>();
    private readonly RevisionReads revisions = http.RequestServices.GetRequiredService<RevisionReads>();
    private readonly LiveViews views = http.RequestServices.GetRequiredService<LiveViews>();

    private CancellationToken stop;

    /// <summary>Streams until the reader leaves or the server stops.</summary>
    /// <param name="view">What tells the view from others: pages that show the same are notified together.</param>
    /// <param name="concerns">Whether a change may concern it.</param>
    public async Task<IResult> Run(string view, Func<ChangedJob, bool> concerns)
    {
        CancellationToken stopping = http.RequestServices.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
        using var end = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, stopping);
        stop = end.Token;
        http.Features.Get<IHttpRequestTimeoutFeature>()?.DisableTimeout();
        RequestLog.Lasts(http);
        http.Response.ContentType = "text/event-stream";
        if (HttpMethods.IsHead(http.Request.Method))
            return Results.Empty; // there is no body to wait for
        LiveView? joined = null;
        try
        {
            long head = await reads.Head(stop);
            long seen = long.TryParse(http.Request.Query["from"], NumberStyles.None, CultureInfo.InvariantCulture, out long from)
                ? Math.Min(from, head)
                : head;
            joined = views.Join(view, concerns, head);
            await Write($"retry: 1000\nid: {seen}\n\n"); // the headers at least: the page waits for them
            await Follow(joined, await CatchUp(joined, seen));
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            return Results.Empty;
        }
        catch (Exception e) when (DatabaseAway.Is(e) && http.Response.HasStarted)
        {
            return Results.Empty; // the browser comes back by itself
        }
        finally
        {
            if (joined is not null)
                views.Leave(joined);
        }

        return Results.Empty;
    }

    /// <summary>What was committed between the page and its stream; the revision up to which the page was notified.</summary>
    private async Task<long> CatchUp(LiveView view, long seen)
    {
        IReadOnlyList<ChangedJob> missed = await revisions.Changed(seen, LiveViews.ReadMax, stop);
        if (missed.Count == 0)
            return seen;
        long reached = missed.Count >= LiveViews.ReadMax ? await reads.Head(stop) : missed[^1].Revision;
        if (missed.Count >= LiveViews.ReadMax || missed.Any(view.Concerns))
            await Notify(reached);
        return reached;
    }

    private async Task Follow(LiveView view, long seen)
    {
        while (true)
        {
            Task<long> next = view.ChangedSince(seen);
            try
            {
                long changed = await next.WaitAsync(StillThere, stop);
                if (changed > seen)
                    await Notify(seen = changed);
            }
            catch (TimeoutException)
            {
                await Write(":\n\n"); // shows the reader's machine that the server is there
            }
        }
    }

    private Task Notify(long revision) => Write($"id: {revision}\ndata: {revision}\n\n");

    private async Task Write(FormattableString text)
    {
        await http.Response.WriteAsync(text.ToString(CultureInfo.InvariantCulture), stop);
        await http.Response.Body.FlushAsync(stop);
    }

    private Task Write(string text) => Write((FormattableString)$"{text}");
}
