using System.Diagnostics.CodeAnalysis;
using System.Globalization;
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
        RouteGroupBuilder revisions = app.MapGroup(string.Empty);
        revisions.MapRead(collection, List).Documented(RevisionDocumentation.List);
        LastResort.MapOtherMethods(revisions, collection, Resource, http => AccessRequest.Of(http).Verb);
        revisions.WithMetadata(new RequiresAccess(Resource.Group, Resource.Plural));
    }

    private static async Task<IResult> List(HttpContext http, string @namespace, RevisionReads revisions, JobReads jobs)
    {
        if (!ContentNegotiation.TryChoose(http.Request.Headers.Accept, Representations.Plain, out _, out Status? refusal)
            || !ListOptions.TryRead(http.Request.Query, SelectableFields, out ListOptions? options, out refusal))
            return refusal;
        if (options.Watch)
            return Status.MethodNotAllowed(Resource, "watch");
        if (!RevisionSelector.TryRead(options.Labels, out RevisionQuery? query, out refusal)
            || !TryReadStart(options.Continue, out long? before, out refusal))
            return refusal;
        if (options.ResourceVersion is > 0 and var asked && await jobs.WaitFor(asked, http.RequestAborted) is { } current)
            return Status.TooLargeResourceVersion(asked, current);

        long at = options switch
        {
            { Continue.Revision: > 0 and var first } => first,
            { Match: RevisionMatch.Exact } => options.ResourceVersion!.Value,
            _ => await jobs.Head(http.RequestAborted),
        };
        query = query with { Namespace = @namespace, Before = before ?? at + 1 };
        bool isSelected = options.Fields.Matches(_ => @namespace); // the only field there is to select by
        return await Page(revisions, query, isSelected ? PageSize(options) : 0, at, http.RequestAborted);
    }

    private static int PageSize(ListOptions options) => (int)Math.Min(options.Limit ?? LimitDefault, LimitMax);

    private static async Task<JsonReply> Page(RevisionReads revisions, RevisionQuery query, int size, long at, CancellationToken stop)
    {
        var page = new List<Revision>();
        if (size > 0)
        {
            await foreach (Revision revision in revisions.List(query, size + 1, stop))
                page.Add(revision);
        }

        bool more = page.Count > size;
        if (more)
            page.RemoveAt(size);
        string next = more ? ContinueToken.After(RevisionJson.Name(page[^1]), at).ToString() : string.Empty;
        return new JsonReply(200, RevisionJson.List(page, at, next));
    }

    /// <summary>
    /// The last name of a page ends in its revision, from which the next page goes on. A token of another list has none, and is refused:
    /// taken for the first page it would send its client round in circles.
    /// </summary>
    private static bool TryReadStart(ContinueToken? token, out long? before, [NotNullWhen(false)] out Status? refusal)
    {
        (before, refusal) = (null, null);
        if (token is null)
            return true;
        string revision = token.LastKey[(token.LastKey.LastIndexOf('.') + 1)..];
        if (long.TryParse(revision, NumberStyles.None, CultureInfo.InvariantCulture, out long number))
            before = number;
        else
            refusal = Status.BadRequest($"invalid continue token: continue key is not valid: {token.LastKey}");
        return refusal is null;
    }
}
