using EventStore.Domain.Json;
using EventStore.Server.Access;
using EventStore.Server.Kubernetes;
using EventStore.Server.Kubernetes.Answers;
using EventStore.Server.Kubernetes.Documents;
using EventStore.Server.Kubernetes.Requests;
using EventStore.Server.Limits;
using EventStore.Server.Resources;
using EventStore.Server.Store.Feed;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.History;
using EventStore.Server.Store.Reads;
using EventStore.Server.Watch;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Audit;

/// <summary>
/// The endpoints of the history: every event of every job, deleted incarnations too, as objects of a resource of their own, so that
/// "who changed what, when" is one GET. They are read-only.
/// </summary>
internal static class RevisionEndpoints
{
    private static readonly string EveryNamespace = JobResource.Revisions.Path();
    private static readonly string Collection = JobResource.Revisions.Path("{namespace}");
    private static readonly string Item = Collection + "/{name}";

    /// <summary>The resource this folder serves.</summary>
    public static readonly ApiResource Resource = JobResource.Revisions;

    /// <summary>What discovery says of it.</summary>
    public static IReadOnlyList<ServedResource> Served { get; } =
    [
        new(Resource, "", ["pjr"], ["get", "list", "watch"])
        {
            ListedAcrossNamespaces = true,
            Shape = RevisionShape.Revision,
            About = "One change of a PyTorchJob, kept for ever: who changed what, when, and from where.",
            ListParameters = RevisionDocumentation.ListParameters,
        },
    ];

    public static void MapRevisions(this IEndpointRouteBuilder app)
    {
        RouteGroupBuilder revisions = app.MapGroup(string.Empty);
        revisions.MapRead(EveryNamespace, ListAll).Documented(RevisionDocumentation.ListAll);
        revisions.MapRead(Collection, List).Documented(RevisionDocumentation.List);
        revisions.MapRead(Item, Get).Documented(RevisionDocumentation.Get);
        foreach (string path in (string[])[EveryNamespace, Collection, Item])
            Fallback.MapOtherMethods(revisions, path, Resource);
        revisions.WithMetadata(new RequiresAccess(Resource.Group, Resource.Plural));
    }

    private static Task<IResult> ListAll(HttpContext http, RevisionReads revisions, JobReads jobs, JobFeed feed, TimeProvider clock) =>
        ListOrWatch(http, null, revisions, jobs, feed, clock);

    private static Task<IResult> List(
        HttpContext http, string @namespace, RevisionReads revisions, JobReads jobs, JobFeed feed, TimeProvider clock) =>
        ListOrWatch(http, @namespace, revisions, jobs, feed, clock);

    private static async Task<IResult> ListOrWatch(
        HttpContext http, string? inNamespace, RevisionReads revisions, JobReads jobs, JobFeed feed, TimeProvider clock)
    {
        bool isWatch = GoParsing.Flag(http.Request.Query["watch"]) ?? false; // whose frames hold one object each
        if (!RevisionView.TryRead(http, isList: !isWatch, clock, out RevisionView view, out Status? refusal)
            || !ListOptions.TryRead(http.Request.Query, RevisionSelector.SelectableFields, out ListOptions? options, out refusal,
                RequestLimits.Of(http).SelectorTerms)
            || !RevisionSelector.TryRead(inNamespace, options.Labels, options.Fields, out RevisionQuery? query, out refusal)
            || !RevisionWindow.TryRead(http.Request.Query, isWatch, out RevisionWindow? window, out refusal))
            return refusal!;
        string selection = $"{inNamespace}\n{options.Labels}\n{options.Fields}";
        if (!window.TryReadStart(options.Continue, selection, out long? behind, out refusal))
            return refusal;
        if (options.Watch)
            return await new WatchLoop(http, options, new RevisionWatch(query, view, revisions).Watched, jobs, feed).Run();
        long asked = options.Continue?.Revision ?? options.ResourceVersion ?? 0;
        if (asked > 0 && await jobs.WaitFor(asked, http.RequestAborted) is { } missing)
            return DatabaseAnswers.Missing(missing);

        long at = options.IsExact ? asked : await jobs.Head(http.RequestAborted);
        query = await Within(window, revisions, query with { Last = at, OldestFirst = window.OldestFirst }, http.RequestAborted);
        query = behind is { } last ? query.Behind(last) : query;
        int size = RevisionList.PageSize(options, http.RequestServices.GetRequiredService<ListLimits>());
        var text = PooledText.For(http.Response);
        return await RevisionList.Page(
            revisions, query, size, view, at, bound => window.Next(bound, at, selection), text, http.RequestAborted);
    }

    private static async Task<RevisionQuery> Within(
        RevisionWindow window, RevisionReads revisions, RevisionQuery query, CancellationToken stop)
    {
        if (window.Since is { } since)
            query = query with { First = await revisions.FirstSince(since, stop) };
        return window.Until is { } until ? query with { Last = Math.Min(query.Last, await revisions.FirstSince(until, stop) - 1) } : query;
    }

    private static async Task<IResult> Get(
        HttpContext http, string @namespace, string name, RevisionReads revisions, JobReads jobs, TimeProvider clock)
    {
        if (!RevisionView.TryRead(http, isList: false, clock, out RevisionView view, out Status? refusal)
            || !GetOptions.TryRead(http.Request, out GetOptions? options, out refusal))
            return refusal!;
        if (options.ResourceVersion is > 0 and var asked && await jobs.WaitFor(asked, http.RequestAborted) is { } missing)
            return DatabaseAnswers.Missing(missing);
        bool isName = Revision.TryParseName(name, out _, out long number);
        Revision? revision = isName ? await revisions.Find(number, http.RequestAborted) : null;
        bool wasThere = options.Match != RevisionMatch.Exact || number <= options.ResourceVersion;
        if (revision?.Name != name || revision.Key.Namespace != @namespace || !wasThere)
            return Status.NotFound(Resource, name);
        StoredJob job = await revisions.JobAfter(revision, http.RequestAborted);
        return new JsonReply(200, view.Alone(revision, JsonReading.Parse(job.Utf8.Span)));
    }
}
