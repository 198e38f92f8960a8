using EventStore.Domain.History;
using EventStore.Domain.Json;
using EventStore.Server.Access;
using EventStore.Server.Kubernetes;
using EventStore.Server.Kubernetes.Answers;
using EventStore.Server.Kubernetes.Documents;
using EventStore.Server.Kubernetes.Requests;
using EventStore.Server.Resources;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Reads;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Audit;

/// <summary>
/// Serves the checkpoint: the hash of the last revision. It needs the right to <c>get</c> <c>checkpoint</c> of its group,
/// cluster-wide, because it covers every namespace; it reveals nothing of any. It is a resource and not a <c>nonResourceURLs</c>
/// path, because every authenticated user may read non-resource paths below <c>/apis</c> (discovery).
/// </summary>
internal static class CheckpointEndpoints
{
    /// <summary>Where it is.</summary>
    public static string Path => Resource.Path();

    /// <summary>The names it goes by.</summary>
    public static readonly ApiResource Resource = JobResource.Audit("checkpoint", "checkpoint", "Checkpoint");

    /// <summary>What the OpenAPI documents say of it.</summary>
    public static IReadOnlyList<ServedResource> Served { get; } =
    [
        new(Resource, "", [], ["get"]) { Namespaced = false, IsOneThing = true, Shape = CheckpointDocumentation.Shape,
            About = CheckpointDocumentation.About },
    ];

    public static void MapCheckpoint(this IEndpointRouteBuilder app)
    {
        RouteGroupBuilder checkpoint = app.MapGroup(string.Empty);
        checkpoint.MapRead(Path, Get).Documented(CheckpointDocumentation.Get);
        checkpoint.WithMetadata(new RequiresAccess(Resource.Group, Resource.Plural, Verb: "get"));
        RouteGroupBuilder others = app.MapGroup(string.Empty);
        Fallback.MapOtherMethods(others, Path, Resource);
        others.WithMetadata(new RequiresAccess(Resource.Group, Resource.Plural));
    }

    private static async Task<IResult> Get(HttpContext http, JobReads jobs)
    {
        if (!ContentNegotiation.TryChoose(http.Request.Headers.Accept, Representations.PlainOrYaml, out _, out Status? refusal))
            return refusal;
        (Checkpoint now, IReadOnlyList<Epoch> epochs) = await jobs.Checkpoint(http.RequestAborted);
        var body = JsonObject.Of(
            ("apiVersion", Resource.GroupVersion),
            ("epoch", epochs[^1].Number),
            ("hash", now.Hash),
            ("kind", Resource.Kind),
            ("lost", new JsonArray([.. epochs.Where(epoch => epoch.Loss is not null).Select(Lost)])),
            ("revision", now.Revision));
        return new JsonReply(200, body.ToUtf8());
    }

    private static JsonObject Lost(Epoch epoch) => JsonObject.Of(
        ("epoch", epoch.Number),
        ("from", epoch.LostFrom!.Value),
        ("message", epoch.Loss!),
        ("time", Rfc3339.Of(epoch.Began)),
        ("to", epoch.LostTo!.Value));
}
