using System.Buffers;
using System.Globalization;
using System.Text;
using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Server.Kubernetes;
using EventStore.Server.Kubernetes.Answers;
using EventStore.Server.Kubernetes.Requests;
using EventStore.Server.Limits;
using EventStore.Server.Store.Feed;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Reads;
using EventStore.Server.Telemetry;
using Microsoft.AspNetCore.Http.Timeouts;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Jobs;

/// <summary>
/// Lists of jobs: now, or as of any revision ever. They are streamed from the database to the client, so memory does not grow with the
/// list. Every page of a list is as of the first page's revision; nothing is compacted, so a continue token never grows too old.
/// </summary>
internal static class JobList
{
    private const int FlushBytes = 64 * 1024;
    private const int BufferBytes = 80 * 1024; // a job of the usual size more, and no large object yet for the garbage collector

    /// <summary>The jobs of all namespaces, or a watch on them.</summary>
    public static Task<IResult> Cluster(HttpContext http, JobReads reads, JobFeed feed, TimeProvider clock) => List(http, null, reads, feed, clock);

    /// <summary>The jobs of one namespace, or a watch on them.</summary>
    public static Task<IResult> Namespace(HttpContext http, string @namespace, JobReads reads, JobFeed feed, TimeProvider clock) =>
        List(http, @namespace, reads, feed, clock);

    /// <summary>
    /// How long a list may take before it is broken off. Its snapshot holds a connection and keeps PostgreSQL from cleaning up, and a client
    /// that stops reading would hold it for ever.
    /// </summary>
    public static CancellationTokenSource Limit(HttpContext http) => new(http.RequestServices.GetRequiredService<ListLimits>().Duration);

    private static async Task<IResult> List(HttpContext http, string? inNamespace, JobReads reads, JobFeed feed, TimeProvider clock)
    {
        bool isWatch = GoParsing.Flag(http.Request.Query["watch"]) ?? false; // whose frames hold one object each
        if (!JobView.TryRead(http, isList: !isWatch, clock, out JobView view, out Status? refusal)
            || !ListOptions.TryRead(http.Request.Query, JobSelection.SelectableFields, out ListOptions? options, out refusal))
            return refusal!;
        (long? moment, refusal) = await AskedMoment.Revision(http, reads);
        if (refusal is not null)
            return refusal;
        if (moment is not null && options.Continue is { } started && started.Revision != moment)
            return Status.BadRequest("the continue token is of a list as of another moment than asOf");
        if (moment is not null && options.Continue is null)
            options = options with { ResourceVersion = moment, Match = RevisionMatch.Exact };
        var selection = new JobSelection(inNamespace, options.Labels, options.Fields);
        long asked = options.Continue?.Revision ?? options.ResourceVersion ?? 0;
        if (asked > 0 && await reads.WaitFor(asked, http.RequestAborted) is { } head)
            return Status.TooLargeResourceVersion(asked, head);
        http.Features.Get<IHttpRequestTimeoutFeature>()?.DisableTimeout(); // lists and watches have times of their own
        if (options.Watch)
            return await new JobWatch(http, selection, options, view, reads, feed).Run();

        JobKey? behind = null;
        if (options.Continue is { } token && !TryReadKey(token.LastKey, out behind))
            return Status.BadRequest("invalid continue token: its start is no key of this list");
        using CancellationTokenSource limit = Limit(http);
        using CancellationTokenRegistration breakingOff = limit.Token.Register(http.Abort);
        await using ListTransaction snapshot = await reads.Snapshot(http.RequestAborted);
        int page = http.RequestServices.GetRequiredService<ListLimits>().Page;
        if (page > 0)
            options = options with { Limit = Math.Min(options.Limit ?? page, page) };
        await Stream(http, new Page(selection, options, view, behind), snapshot);
        return Results.Empty;
    }

    private static async Task Stream(HttpContext http, Page page, ListTransaction snapshot)
    {
        bool pretty = Pretty.IsWanted(http.Request);
        long revision = page.Revision(snapshot.Head);
        await using IAsyncEnumerator<StoredJob> jobs = snapshot.List(page.Range, revision, http.RequestAborted).GetAsyncEnumerator(http.RequestAborted);
        bool any = await jobs.MoveNextAsync(); // before anything is written: if the database cannot answer, that is the answer
        var text = new ArrayBufferWriter<byte>(BufferBytes); // a buffer of our own: what the response's writer holds cannot be taken back for a refusal
        http.Response.ContentType = ContentNegotiation.JsonType;
        JsonReply.SetFixedHeaders(http.Response.Headers);
        Encoding.UTF8.GetBytes(Around(page.View, JsonObject.Empty, pretty).Begin, text);
        (long count, JobKey? last, bool more) = (0, null, false);
        for (; any; any = await jobs.MoveNextAsync())
        {
            StoredJob job = jobs.Current;
            if (!page.Selection.Covers(job))
                continue;
            more = count == page.Options.Limit;
            if (more)
                break;
            text.Write(count++ == 0 ? default : ","u8);
            text.Write(pretty ? "\n    "u8 : default);
            byte[] item = page.View.Item(job);
            text.Write(pretty ? Pretty.Indent(item, depth: 2) : item);
            last = job.Key;
            if (text.WrittenCount >= FlushBytes)
                await Send(http, text);
        }

        await jobs.DisposeAsync(); // the connection is needed for counting
        JsonObject metadata = Metadata(http, revision, more ? last : null);
        if (more && page.Selection.IsAll)
            metadata = metadata.With("remainingItemCount", await snapshot.Count(page.Range with { Behind = last }, revision, http.RequestAborted));
        string end = Around(page.View, metadata, pretty).End;
        Encoding.UTF8.GetBytes(count == 0 ? end.TrimStart() : end, text);
        await Send(http, text);
    }

    private static async Task Send(HttpContext http, ArrayBufferWriter<byte> text)
    {
        await http.Response.Body.WriteAsync(text.WrittenMemory, http.RequestAborted);
        RequestLog.Sent(http, text.WrittenCount);
        text.ResetWrittenCount();
    }

    private static (string Begin, string End) Around(JobView view, JsonObject metadata, bool pretty)
    {
        (string begin, string end) = view.Frame(metadata);
        return pretty ? Pretty.IndentAround(begin, end) : (begin, end);
    }

    /// <summary>A whole list in one piece.</summary>
    public static byte[] Print(JobView view, IEnumerable<StoredJob> jobs, JsonObject metadata)
    {
        var text = new ArrayBufferWriter<byte>();
        (string begin, string end) = view.Frame(metadata);
        Encoding.UTF8.GetBytes(begin, text);
        bool first = true;
        foreach (StoredJob job in jobs)
        {
            text.Write(first ? default : ","u8);
            text.Write(view.Item(job));
            first = false;
        }

        Encoding.UTF8.GetBytes(end, text);
        return text.WrittenSpan.ToArray();
    }

    /// <summary>A list's metadata.</summary>
    public static JsonObject Metadata(HttpContext http, long revision, JobKey? last)
    {
        string token = last is { } key ? ContinueToken.After($"{key.Namespace}/{key.Name}", revision).ToString() : string.Empty;
        return JsonObject.Of(
            ("continue", token), ("resourceVersion", revision.ToString(CultureInfo.InvariantCulture)), ("selfLink", http.Request.Path.Value!.TrimEnd('/')));
    }

    private static bool TryReadKey(string text, out JobKey? key)
    {
        int slash = text.IndexOf('/', StringComparison.Ordinal);
        key = slash < 0 ? null : new JobKey(text[..slash], text[(slash + 1)..]);
        return slash >= 0;
    }

    private sealed record Page(JobSelection Selection, ListOptions Options, JobView View, JobKey? Behind)
    {
        /// <summary>What the database is asked for; a continue token moves its beginning.</summary>
        public JobRange Range => Selection.Range with { Behind = Behind };

        /// <summary>As of which revision: a page's is the first page's, an exact one's is the one asked for, any other's the latest.</summary>
        public long Revision(long head) => Options.IsExact ? Options.Continue?.Revision ?? Options.ResourceVersion!.Value : head;
    }
}
