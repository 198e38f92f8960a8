using System.Globalization;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using EventStore.Server.Access;
using EventStore.Server.Kubernetes;
using EventStore.Server.Kubernetes.Answers;
using EventStore.Server.Kubernetes.Requests;
using EventStore.Server.Kubernetes.Selectors;
using EventStore.Server.Limits;
using EventStore.Server.Resources;
using EventStore.Server.Store.Feed;
using EventStore.Server.Store.Reads;
using EventStore.Server.Telemetry;
using EventStore.Server.Watch;
using Microsoft.AspNetCore.Http.Timeouts;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Jobs;

/// <summary>
/// Namespaces and events of Kubernetes' core group, as far as clients of jobs ask for them. A namespace exists as soon as somebody
/// names it, with the time of its first job: kubectl asks for one whenever an object was not found, and reports a missing namespace
/// otherwise. <c>kubectl describe</c> asks for events; there are none, because the revisions say what happened to a job.
/// </summary>
internal static class NamespaceEndpoints
{
    /// <summary>The namespace that is listed whether it has jobs or not.</summary>
    internal const string AlwaysThere = "default";

    private static readonly TextShape Text = new();
    internal static readonly ApiResource Namespaces = new("", "v1", "namespaces", "namespace", "Namespace");
    internal static readonly ApiResource Events = new("", "v1", "events", "event", "Event");
    private static readonly ObjectKind NamespaceKind = new(Namespaces, Table.Columns(
        new("Name", "string", "name", "The namespace's name.", 0),
        new("Status", "string", "", "Active: each is there as soon as it is named.", 0),
        new("Age", "date", "", "How long ago its first job was created.", 0)));

    private static readonly ObjectKind EventKind = new(Events, Table.Columns(
        new("Last Seen", "string", "", "", 0), new("Type", "string", "", "", 0), new("Reason", "string", "", "", 0),
        new("Object", "string", "", "", 0), new("Message", "string", "", "", 0)));

    private static readonly string[] NamespaceFields = ["metadata.name", "status.phase"];

    private static readonly string[] EventFields =
    [
        "involvedObject.apiVersion", "involvedObject.fieldPath", "involvedObject.kind", "involvedObject.name", "involvedObject.namespace",
        "involvedObject.resourceVersion", "involvedObject.uid", "metadata.name", "metadata.namespace", "reason", "reportingComponent",
        "source", "type",
    ];

    /// <summary>What discovery says of them.</summary>
    public static IReadOnlyList<ServedResource> Served { get; } =
    [
        new(Namespaces, "", ["ns"], ["get", "list", "watch"])
        {
            Namespaced = false,
            About = "A room for names. Namespaces need not be created: each is there as soon as somebody names it.",
            Shape = new ObjectShape(
                ("apiVersion", Text, "v1"),
                ("kind", Text, "Namespace"),
                ("metadata", Schema.ObjectMeta, "The name, a label that repeats it, and when the first job was created in it."),
                ("status", new ObjectShape(("phase", Text, "Active.")), "That it is there.")),
        },
        new(Events, "", ["ev"], ["list", "watch"])
        {
            ListedAcrossNamespaces = true,
            About = "There are none: what happened to a job stands in its pytorchjobrevisions.",
            Shape = new ObjectShape(
                ("apiVersion", Text, "v1"), ("kind", Text, "Event"), ("metadata", Schema.ObjectMeta, "What every object has.")),
        },
    ];

    /// <summary>The route table.</summary>
    public static void MapNamespaces(this IEndpointRouteBuilder app)
    {
        RouteGroupBuilder namespaces = app.MapGroup("/api/v1/namespaces");
        namespaces.MapRead("", List);
        namespaces.MapRead("/{name}", Get);
        Fallback.MapOtherMethods(namespaces, "", Namespaces);
        Fallback.MapOtherMethods(namespaces, "/{name}", Namespaces);
        namespaces.WithMetadata(new RequiresAccess("", Namespaces.Plural) { SelectedName = FieldSelector.SelectedName })
            .ExcludeFromDescription();

        foreach (string path in (string[])["/api/v1/events", "/api/v1/namespaces/{namespace}/events"])
        {
            RouteGroupBuilder events = app.MapGroup(path);
            events.MapRead("", ListEvents);
            Fallback.MapOtherMethods(events, "", Events);
            events.WithMetadata(new RequiresAccess("", Events.Plural)).ExcludeFromDescription();
        }
    }

    private static async Task<IResult> Get(HttpContext http, string name, JobReads reads, TimeProvider clock)
    {
        if (!ObjectView.TryRead(http, NamespaceKind, isList: false, out ObjectView view, out Status? refusal)
            || !GetOptions.TryRead(http.Request, out _, out refusal))
            return refusal!;
        if (NameRules.OfLabel(name).Count > 0)
            return Status.NotFound(Namespaces, name);
        DateTimeOffset? since = await reads.NamespaceSince(name, http.RequestAborted);
        return new JsonReply(200, view.Alone(await reads.Head(http.RequestAborted), Of(name, since).ToUtf8(), item => Cells(item, clock)));
    }

    /// <summary>The namespaces that have jobs, and the one kubectl is in when nobody says otherwise.</summary>
    private static async Task<IResult> List(HttpContext http, JobReads reads, JobFeed feed, TimeProvider clock)
    {
        if (!TryReadList(http, NamespaceKind, NamespaceFields, out ObjectView view, out ListOptions? options, out Status? refusal))
            return refusal!;
        if (options!.ResourceVersion is > 0 and var asked && await reads.WaitFor(asked, http.RequestAborted) is { } missing)
            return DatabaseAnswers.Missing(missing);
        if (options.Watch)
        {
            string tooOld = JobList.TooOldToWatch(options.ResourceVersion);
            return await PastRights.ToGoOn(http, null, options.ResourceVersion, tooOld, reads)
                ?? await NamespaceWatch.Run(http, options, view, reads, feed, clock);
        }

        await Stream(http, options, view, reads, clock);
        return Results.Empty;
    }

    /// <summary>Sends the namespaces while they are read, so memory does not grow with the list.</summary>
    private static async Task Stream(HttpContext http, ListOptions options, ObjectView view, JobReads reads, TimeProvider clock)
    {
        http.Features.Get<IHttpRequestTimeoutFeature>()?.DisableTimeout(); // lists have a time of their own
        using CancellationTokenSource limit = JobList.Limit(http);
        using CancellationTokenRegistration breakingOff = limit.Token.Register(http.Abort);
        await using IAsyncEnumerator<(long Revision, string Name, DateTimeOffset? Since)> known =
            reads.Namespaces([AlwaysThere], http.RequestAborted).GetAsyncEnumerator(http.RequestAborted);
        bool any = await known.MoveNextAsync(); // before anything is written: if the database cannot answer, that is the answer
        long revision = known.Current.Revision;
        var answer = new StreamedList(http, view);
        for (; any; any = await known.MoveNextAsync())
        {
            JsonObject item = Of(known.Current.Name, known.Current.Since);
            if (Covers(options, item))
                await answer.Add(view.Item(item, shown => Cells(shown, clock)));
        }

        RequestLog.Sent(http, await answer.End(Metadata(revision)));
    }

    private static async Task<IResult> ListEvents(HttpContext http, JobReads reads, JobFeed feed)
    {
        if (!TryReadList(http, EventKind, EventFields, out ObjectView view, out ListOptions? options, out Status? refusal))
            return refusal!;
        return options!.Watch
            ? await new WatchLoop(http, options, new EventWatch(view, reads).Watched, reads, feed).Run()
            : new JsonReply(200, view.Whole([], Metadata(await reads.Head(http.RequestAborted))));
    }

    private static bool TryReadList(
        HttpContext http, ObjectKind kind, string[] fields, out ObjectView view, out ListOptions? options, out Status? refusal)
    {
        options = null;
        bool isWatch = RequestInfo.Of(http).Class == RequestClass.Watch;
        return ObjectView.TryRead(http, kind, isList: !isWatch, out view, out refusal)
            && ListOptions.TryRead(http.Request.Query, fields, out options, out refusal, RequestLimits.Of(http).SelectorTerms);
    }

    private static JsonObject Metadata(long revision) =>
        JsonObject.Of(("resourceVersion", revision.ToString(CultureInfo.InvariantCulture)));

    /// <summary>Whether a namespace is asked for.</summary>
    internal static bool Covers(ListOptions options, JsonObject item) =>
        options.Fields.Matches(field => field == "metadata.name" ? NameOf(item) : "Active")
        && options.Labels.Matches(item["metadata"]!.Member("labels") as JsonObject);

    /// <summary>What stands in a table.</summary>
    internal static JsonValue[] Cells(JsonObject item, TimeProvider clock) =>
    [
        NameOf(item),
        "Active",
        item["metadata"]!.Member("creationTimestamp") is JsonText created
            ? Age.Since(DateTimeOffset.Parse(created.Value, CultureInfo.InvariantCulture), clock.GetUtcNow())
            : JsonNull.Value,
    ];

    /// <summary>A namespace. It dates from its first event; one that never had any has no date, and is there all the same.</summary>
    internal static JsonObject Of(string name, DateTimeOffset? since)
    {
        JsonObject metadata = JsonObject.Of(("labels", JsonObject.Of(("kubernetes.io/metadata.name", name))), ("name", name));
        if (since is { } time)
            metadata = metadata.With("creationTimestamp", Rfc3339.Of(time));
        return JsonObject.Of(
            ("apiVersion", Namespaces.GroupVersion), ("kind", Namespaces.Kind), ("metadata", metadata), ("spec", JsonObject.Empty),
            ("status", JsonObject.Of(("phase", "Active"))));
    }

    private static string NameOf(JsonObject item) => (item["metadata"]?.Member("name") as JsonText)?.Value ?? "";
}
