using System.Buffers;
using System.Text.Json;
using EventStore.Server.Access;
using EventStore.Server.Kubernetes;
using EventStore.Server.Store;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Audit;

/// <summary>
/// Where the chain over the whole store stands. It is one thing without a name, no resource of objects, and so stands in no discovery
/// document; the right to it is that to <c>get</c> <c>checkpoint</c>, cluster-wide, for it speaks of every namespace. It gives none away.
/// </summary>
internal static class CheckpointEndpoints
{
    private const string Path = "/apis/audit.eventstore.io/v1/checkpoint";
    private static readonly ApiResource Resource = new("audit.eventstore.io", "v1", "checkpoint", "checkpoint", "Checkpoint");

    /// <summary>The route table.</summary>
    public static void MapCheckpoint(this IEndpointRouteBuilder app)
    {
        RouteGroupBuilder checkpoint = app.MapGroup(string.Empty);
        checkpoint.MapRead(Path, Get);
        checkpoint.WithMetadata(new RequiresAccess(Resource.Group, Resource.Plural, Verb: "get"));
        RouteGroupBuilder others = app.MapGroup(string.Empty);
        LastResort.MapOtherMethods(others, Path, Resource, http => AccessRequest.Of(http).Verb);
        others.WithMetadata(new RequiresAccess(Resource.Group, Resource.Plural));
    }

    private static async Task<IResult> Get(HttpContext http, JobReads jobs)
    {
        if (!ContentNegotiation.TryChoose(http.Request.Headers.Accept, Representations.Plain, out _, out Status? refusal))
            return refusal;
        Checkpoint now = await jobs.Checkpoint(http.RequestAborted);
        var body = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(body))
        {
            json.WriteStartObject();
            json.WriteString("apiVersion", Resource.GroupVersion);
            json.WriteString("hash", now.Hash);
            json.WriteString("kind", Resource.Kind);
            json.WriteNumber("revision", now.Revision);
            json.WriteEndObject();
        }

        return new JsonReply(200, body.WrittenMemory);
    }
}
