using EventStore.Server.Access;
using EventStore.Server.Kubernetes;
using EventStore.Server.Store;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Audit;

/// <summary>
/// The history on the wire: every event of every job, deleted incarnations too, as objects of a resource of their own, so that "who
/// changed what, when" is one GET. The newest comes first.
/// </summary>
internal static class RevisionEndpoints
{
    private const int LimitDefault = 500;
    private const int LimitMax = 5000;

    private static readonly string[] SelectableFields = ["metadata.namespace"];

    /// <summary>The resource this folder serves.</summary>
    public static readonly ApiResource Resource = new("audit.eventstore.io", "v1", "pytorchjobrevisions", "pytorchjobrevision", "PyTorchJobRevision");

    /// <summary>What discovery says of it.</summary>
    public static IReadOnlyList<ServedResource> Served { get; } =
    [
        new(Resource, "", ["pjr"], ["list"]) { Shape = RevisionShape.Revision, About = "One change of a PyTorchJob, kept for ever: who changed what, when, and from where." },
    ];

    /// <summary>The route table.</summary>
    public static void MapRevisions(this IEndpointRouteBuilder app)
    {
        const string collection = "/apis/audit.eventstore.io/v1/namespaces/{namespace}/pytorchjobrevisions";
        var access = new RequiresAccess(Resource.Group, Resource.Plural);
        app.MapGet(collection, List).WithMetadata(access).Documented(RevisionDocumentation.List);
        LastResort.MapOtherMethods(app, collection, Resource, http => AccessRequest.Of(http).Verb).WithMetadata(access);
    }

    private static async Task<IResult> List(HttpContext http, string @namespace, RevisionReads revisions, JobReads jobs)
    {
        if (!ContentNegotiation.TryChoose(http.Request.Headers.Accept, Representations.Plain, out _, out Status? refusal)
            || !ListOptions.TryRead(http.Request.Query, SelectableFields, out ListOptions? options, out refusal))
            return refusal;
        if (options.Watch)
            return Status.MethodNotAllowed(Resource, "watch");
        if (!RevisionSelector.TryRead(options.Labels, out RevisionQuery? query, out refusal))
            return refusal;

        int limit = (int)Math.Clamp(options.Limit ?? LimitDefault, 1, LimitMax);
        long head = options.Continue?.Revision ?? await jobs.Head(http.RequestAborted);
        query = query with { Namespace = @namespace, Before = Before(options.Continue) ?? head + 1 };
        var page = new List<Revision>();
        await foreach (Revision revision in revisions.List(query, limit + 1, http.RequestAborted))
            page.Add(revision);
        bool more = page.Count > limit;
        if (more)
            page.RemoveAt(limit);
        string next = more ? ContinueToken.After(RevisionJson.Name(page[^1]), head).ToString() : string.Empty;
        return new JsonReply(200, RevisionJson.List(page, head, next));
    }

    // The last name of a page ends in its revision, from which the next page goes on.
    private static long? Before(ContinueToken? token) =>
        token is not null && long.TryParse(token.LastKey.AsSpan(token.LastKey.LastIndexOf('.') + 1), out long before) ? before : null;
}
