using EventStore.Domain.Json;
using EventStore.Server.Access;
using EventStore.Server.Kubernetes.Requests;
using Microsoft.Extensions.Primitives;

namespace EventStore.Server.Kubernetes.Documents;

/// <summary>
/// <c>/openapi/v3</c> (KEP-2896): what <c>kubectl explain</c> prints, and where kubectl looks whether the server validates by itself
/// before it sends anything. An index, which names a document for each group and version by its hash: with the hash in the query a
/// document never changes and is never asked for twice. Each document is also there as protobuf, which client-go asks for.
/// </summary>
public static class OpenApi
{
    private const string Index = "/openapi/v3";

    /// <summary>Maps the index and a document for each group and version.</summary>
    public static void MapOpenApiV3(this IEndpointRouteBuilder app, IReadOnlyList<ServedResource> served)
    {
        Version[] versions =
            [.. served.GroupBy(each => Discovery.Root(each.Resource)).Select(version => new Version(version.Key, [.. version]))];
        foreach (Version version in versions)
        {
            string path = Index + version.Root;
            Map(app, path, http =>
            {
                (Document json, Document protobuf) = version.Forms.Value;
                return http.Request.Query["hash"] is [{ Length: > 0 } hash, ..] && hash != json.Hash
                    ? Results.Redirect($"{path}?hash={json.Hash}", permanent: true)
                    : Choose(http.Request.Headers.Accept, json, protobuf);
            });
        }

        var index = new Lazy<Document>(() => new Document(JsonObject.Of(("paths", JsonObject.Of(versions.Select(version =>
            new KeyValuePair<string, JsonValue>(version.Root[1..], JsonObject.Of(
                ("serverRelativeURL", $"{Index}{version.Root}?hash={version.Forms.Value.Json.Hash}")))))))));
        Map(app, Index, _ => index.Value);
    }

    /// <summary>The document of one group and version.</summary>
    internal static JsonObject Of(IReadOnlyList<ServedResource> served)
    {
        IEnumerable<KeyValuePair<string, JsonValue>> schemas =
            served.Where(each => each.IsWhole).SelectMany(OpenApiSchemas.Of).Concat(ServedKind.Of(served).Select(OpenApiSchemas.Of));
        return JsonObject.Of(
            ("components", JsonObject.Of(("schemas", JsonObject.Of(schemas.Concat(OpenApiSchemas.Shared))))),
            ("info", JsonObject.Of(("title", "PyTorchJob event store"), ("version", served[0].Resource.GroupVersion))),
            ("openapi", "3.0.0"),
            ("paths", JsonObject.Of(served.SelectMany(OpenApiPaths.Of)
                .GroupBy(path => path.Key)
                .Select(path => new KeyValuePair<string, JsonValue>(path.Key, JsonObject.Of(path.SelectMany(each => each.Value)))))));
    }

    private static void Map(IEndpointRouteBuilder app, string path, Func<HttpContext, IResult> answer) =>
        app.MapGroup("").WithMetadata(RequiresAccess.ByPath).MapRead(path, (HttpContext http) => answer(http));

    /// <summary>The first of the client's wishes that there is. The index is JSON whatever is asked for, as upstream.</summary>
    private static IResult Choose(StringValues accept, Document json, Document protobuf)
    {
        foreach (AcceptClause clause in AcceptClause.Parse(accept))
        {
            if (clause.MediaType is OpenApiV3Protobuf.MediaType or OpenApiV3Protobuf.OldMediaType)
                return protobuf;
            if (clause.Covers(ContentNegotiation.JsonType))
                break;
        }

        return ContentNegotiation.TryChoose(accept, Representations.Plain, out _, out _)
            ? json
            : Status.NotAcceptable(ContentNegotiation.JsonType, OpenApiV3Protobuf.MediaType, OpenApiV3Protobuf.OldMediaType);
    }

    /// <summary>A group's version. Its documents are made when somebody first asks for one: the start does not wait for them.</summary>
    private sealed class Version(string root, ServedResource[] served)
    {
        public string Root => root;

        public Lazy<(Document Json, Document Protobuf)> Forms { get; } = new(() =>
        {
            JsonObject content = Of(served);
            var json = new Document(content);
            return (json, new Document(OpenApiV3Protobuf.Of(content), OpenApiV3Protobuf.MediaType, json.Hash));
        });
    }
}
