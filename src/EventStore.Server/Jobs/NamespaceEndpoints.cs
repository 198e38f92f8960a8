using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using EventStore.Server.Access;
using EventStore.Server.Kubernetes;
using EventStore.Server.Kubernetes.Answers;
using EventStore.Server.Kubernetes.Requests;
using EventStore.Server.Kubernetes.Selectors;
using EventStore.Server.Store.Reads;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Jobs;

/// <summary>
/// What clients look at in Kubernetes' core group while they work on jobs. A namespace is there as soon as somebody names it and holds
/// nothing of its own: kubectl asks for one whenever it did not find an object, and says that the namespace is missing unless it is
/// answered. Events are asked for by <c>kubectl describe</c>: there are none, for what happened to a job stands in its revisions.
/// </summary>
internal static class NamespaceEndpoints
{
    private const string AlwaysThere = "default";

    private static readonly TextShape Text = new();
    private static readonly ApiResource Namespaces = new("", "v1", "namespaces", "namespace", "Namespace");
    private static readonly ApiResource Events = new("", "v1", "events", "event", "Event");
    private static readonly string[] NamespaceFields = ["metadata.name", "status.phase"];

    private static readonly string[] EventFields =
    [
        "involvedObject.apiVersion", "involvedObject.fieldPath", "involvedObject.kind", "involvedObject.name", "involvedObject.namespace",
        "involvedObject.resourceVersion", "involvedObject.uid", "metadata.name", "metadata.namespace", "reason", "reportingComponent", "source", "type",
    ];

    /// <summary>What discovery says of them.</summary>
    public static IReadOnlyList<ServedResource> Served { get; } =
    [
        new(Namespaces, "", ["ns"], ["get", "list"])
        {
            Namespaced = false,
            About = "A room for names. Namespaces need not be created: each is there as soon as somebody names it.",
            Shape = new ObjectShape(
                ("apiVersion", Text, "v1"),
                ("kind", Text, "Namespace"),
                ("metadata", Schema.ObjectMeta, "The name, and a label that repeats it."),
                ("status", new ObjectShape(("phase", Text, "Active.")), "That it is there.")),
        },
        new(Events, "", ["ev"], ["list"])
        {
            ListedAcrossNamespaces = true,
            About = "There are none: what happened to a job stands in its pytorchjobrevisions.",
            Shape = new ObjectShape(("apiVersion", Text, "v1"), ("kind", Text, "Event"), ("metadata", Schema.ObjectMeta, "What every object has.")),
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
        namespaces.WithMetadata(new RequiresAccess("", Namespaces.Plural) { SelectedName = FieldSelector.SelectedName }).ExcludeFromDescription();

        foreach (string path in (string[])["/api/v1/events", "/api/v1/namespaces/{namespace}/events"])
        {
            RouteGroupBuilder events = app.MapGroup(path);
            events.MapRead("", ListEvents);
            Fallback.MapOtherMethods(events, "", Events);
            events.WithMetadata(new RequiresAccess("", Events.Plural)).ExcludeFromDescription();
        }
    }

    private static IResult Get(HttpContext http, string name)
    {
        if (!ContentNegotiation.TryChoose(http.Request.Headers.Accept, Representations.Plain, out _, out Status? refusal)
            || !GetOptions.TryRead(http.Request, out _, out refusal))
            return refusal;
        return NameRules.OfLabel(name).Count == 0 ? new JsonReply(200, Of(name).ToUtf8()) : Status.NotFound(Namespaces, name);
    }

    /// <summary>The namespaces that have jobs, and the one kubectl is in when nobody says otherwise.</summary>
    private static async Task<IResult> List(HttpContext http, JobReads reads)
    {
        if (!TryReadList(http, Namespaces, NamespaceFields, out ListOptions? options, out Status? refusal))
            return refusal!;
        (long revision, IReadOnlyList<string> names) = await reads.Namespaces(http.RequestAborted);
        IEnumerable<JsonObject> selected = names.Append(AlwaysThere).Distinct().Order(StringComparer.Ordinal)
            .Where(name => options!.Fields.Matches(field => field == "metadata.name" ? name : "Active"))
            .Select(Of)
            .Where(item => options!.Labels.Matches(item["metadata"]!.Member("labels") as JsonObject));
        return Answer(Namespaces, revision, selected);
    }

    private static async Task<IResult> ListEvents(HttpContext http, JobReads reads) =>
        TryReadList(http, Events, EventFields, out _, out Status? refusal) ? Answer(Events, await reads.Head(http.RequestAborted), []) : refusal!;

    private static bool TryReadList(HttpContext http, ApiResource resource, string[] fields, out ListOptions? options, out Status? refusal)
    {
        options = null;
        if (ContentNegotiation.TryChoose(http.Request.Headers.Accept, Representations.Plain, out _, out refusal)
            && ListOptions.TryRead(http.Request.Query, fields, out options, out refusal) && options.Watch)
            refusal = Status.MethodNotAllowed(resource, "watch");
        return refusal is null;
    }

    private static JsonReply Answer(ApiResource resource, long revision, IEnumerable<JsonObject> items) => new(200, JsonObject.Of(
        ("apiVersion", resource.GroupVersion),
        ("items", new JsonArray([.. items])),
        ("kind", resource.Kind + "List"),
        ("metadata", JsonObject.Of(("resourceVersion", revision.ToString(System.Globalization.CultureInfo.InvariantCulture))))).ToUtf8());

    private static JsonObject Of(string name) => JsonObject.Of(
        ("apiVersion", Namespaces.GroupVersion),
        ("kind", Namespaces.Kind),
        ("metadata", JsonObject.Of(("labels", JsonObject.Of(("kubernetes.io/metadata.name", name))), ("name", name))),
        ("spec", JsonObject.Empty),
        ("status", JsonObject.Of(("phase", "Active"))));
}
