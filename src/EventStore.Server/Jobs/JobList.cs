using System.Globalization;
using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Server.Kubernetes;
using EventStore.Server.Kubernetes.Answers;
using EventStore.Server.Kubernetes.Requests;
using EventStore.Server.Limits;
using EventStore.Server.Resources;
using EventStore.Server.Store.Feed;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Reads;
using EventStore.Server.Telemetry;
using EventStore.Server.Watch;
using Microsoft.AspNetCore.Http.Timeouts;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Jobs;

/// <summary>
/// Lists of jobs: now, or as of any revision ever. They are streamed from the database to the client, so memory does not grow with the
/// list. Every page of a list is as of the first page's revision; nothing is compacted, so a continue token never grows too old.
/// </summary>
internal static class JobList
{
    private const string TooOldToContinue = "The provided continue parameter is too old to display a consistent list result. "
        + "You can start a new list without the continue parameter.";

    /// <summary>The jobs of all namespaces, or a watch on them.</summary>
    public static Task<IResult> Cluster(HttpContext http, JobReads reads, JobFeed feed, TimeProvider clock) =>
        List(http, null, reads, feed, clock);

    /// <summary>The jobs of one namespace, or a watch on them.</summary>
    public static Task<IResult> Namespace(HttpContext http, string @namespace, JobReads reads, JobFeed feed, TimeProvider clock) =>
        List(http, @namespace, reads, feed, clock);

    /// <summary>
    /// How long a list may take before it is aborted. Its transaction holds a connection and keeps VACUUM from removing dead rows,
    /// and a client that stops reading would hold it for ever.
    /// </summary>
    public static CancellationTokenSource Limit(HttpContext http) => new(http.RequestServices.GetRequiredService<ListLimits>().Duration);

    private static async Task<IResult> List(HttpContext http, string? inNamespace, JobReads reads, JobFeed feed, TimeProvider clock)
    {
        bool isWatch = GoParsing.Flag(http.Request.Query["watch"]) ?? false; // whose frames hold one object each
        if (!JobView.TryRead(http, isList: !isWatch, clock, out JobView view, out Status? refusal)
            || !ListOptions.TryRead(http.Request.Query, JobSelection.SelectableFields, out ListOptions? options, out refusal,
                RequestLimits.Of(http).SelectorTerms))
            return refusal!;
        (long? moment, refusal) = await AskedMoment.Revision(http, reads);
        if (refusal is not null)
            return refusal;
        if (moment is not null && options.Continue is { } started && started.Revision != moment)
            return Status.BadRequest("the continue token is of a list as of another moment than asOf");
        if (moment is not null && options.Continue is null)
            options = options with { ResourceVersion = moment, Match = RevisionMatch.Exact };
        var selection = new JobSelection(inNamespace, options.Labels, options.Fields);
        refusal = options switch
        {
            { Watch: true } =>
                await PastRights.ToGoOn(http, inNamespace, options.ResourceVersion, TooOldToWatch(options.ResourceVersion), reads),
            { Continue: { } begun } => await PastRights.ToGoOn(http, inNamespace, begun.Revision, TooOldToContinue, reads),
            { IsExact: true } => await PastRights.OfMany(http, selection, options.ResourceVersion!.Value, reads),
            _ => null,
        };
        if (refusal is not null)
            return refusal;
        long asked = options.Continue?.Revision ?? options.ResourceVersion ?? 0;
        if (!options.Watch && asked > 0 && await reads.WaitFor(asked, http.RequestAborted) is { } missing)
            return DatabaseAnswers.Missing(missing);
        http.Features.Get<IHttpRequestTimeoutFeature>()?.DisableTimeout(); // lists and watches have times of their own
        if (options.Watch)
            return await new WatchLoop(http, options, new JobWatch(http, selection, view, reads).Watched, reads, feed).Run();

        JobKey? behind = null;
        if (options.Continue is { } token && !TryReadKey(token.LastKey, out behind))
            return Status.BadRequest("invalid continue token: its start is no key of this list");
        using CancellationTokenSource limit = Limit(http);
        using CancellationTokenRegistration breakingOff = limit.Token.Register(http.Abort);
        await using ListTransaction list = options.IsExact
            ? await reads.BeginShownList(asked, http.RequestAborted)
            : await reads.BeginShownList(isAny: options is { Continue: null, ResourceVersion: 0 }, http.RequestAborted);
        int page = http.RequestServices.GetRequiredService<ListLimits>().Page;
        // A limit of the client's may make a list exact, this one does not.
        long? most = page > 0 ? Math.Min(options.Limit ?? page, page) : options.Limit;
        await Stream(http, new Page(selection, options, view, behind, most), list);
        return Results.Empty;
    }

    internal static string TooOldToWatch(long? revision) =>
        string.Create(CultureInfo.InvariantCulture, $"too old resource version: {revision}");

    private static async Task Stream(HttpContext http, Page page, ListTransaction list)
    {
        long revision = page.Revision(list.Head);
        await using IAsyncEnumerator<StoredJob> jobs = list
            .List(page.Range, revision, http.RequestAborted).GetAsyncEnumerator(http.RequestAborted);
        bool any = await jobs.MoveNextAsync(); // before anything is written: if the database cannot answer, that is the answer
        var answer = new StreamedList(http, page.View.Form);
        (JobKey? last, bool more) = (null, false);
        for (; any; any = await jobs.MoveNextAsync())
        {
            StoredJob job = jobs.Current;
            if (!page.Selection.Covers(job))
                continue;
            more = answer.Count == page.Limit;
            if (more)
                break;
            await answer.Add(page.View.Item(job));
            last = job.Key;
        }

        await jobs.DisposeAsync(); // the connection is needed for counting
        JsonObject metadata = Metadata(http, revision, more ? last : null);
        if (more && page.Selection.IsAll)
            metadata = metadata.With(
                "remainingItemCount", await list.Count(page.Range with { Behind = last }, revision, http.RequestAborted));
        RequestLog.Sent(http, await answer.End(metadata));
    }

    /// <summary>A list's metadata.</summary>
    public static JsonObject Metadata(HttpContext http, long revision, JobKey? last)
    {
        string token = last is { } key ? ContinueToken.After($"{key.Namespace}/{key.Name}", revision).ToString() : string.Empty;
        return JsonObject.Of(
            ("continue", token),
            ("resourceVersion", revision.ToString(CultureInfo.InvariantCulture)),
            ("selfLink", http.Request.Path.Value!.TrimEnd('/')));
    }

    private static bool TryReadKey(string text, out JobKey? key)
    {
        int slash = text.IndexOf('/', StringComparison.Ordinal);
        key = slash < 0 ? null : new JobKey(text[..slash], text[(slash + 1)..]);
        return slash >= 0;
    }

    private sealed record Page(JobSelection Selection, ListOptions Options, JobView View, JobKey? Behind, long? Limit)
    {
        /// <summary>What the database is asked for; a continue token moves its beginning.</summary>
        public JobRange Range => Selection.Range with { Behind = Behind };

        /// <summary>
        /// As of which revision: a page's is the first page's, an exact one's is the one asked for, any other's the latest.
        /// </summary>
        public long Revision(long head) => Options.IsExact ? Options.Continue?.Revision ?? Options.ResourceVersion!.Value : head;
    }
}
