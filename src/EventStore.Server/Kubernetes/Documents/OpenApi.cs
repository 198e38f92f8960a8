using EventStore.Domain.Json;
using EventStore.Server.Access;
using EventStore.Server.Kubernetes.Requests;

namespace EventStore.Server.Kubernetes.Documents;

/// <summary>
/// <c>/openapi/v3</c> (KEP-2896): what <c>kubectl explain</c> prints, and where kubectl looks whether the server validates by itself
/// before it sends anything. An index, which names a document for each group and version by its hash: with the hash in the query a
/// document never changes and is never asked for twice.
/// </summary>
public static class OpenApi
{
    private const string Index = "/openapi/v3";

    /// <summary>Maps the index and the documents of those resources that have a shape.</summary>
    public static void MapOpenApiV3(this IEndpointRouteBuilder app, IReadOnlyList<ServedResource> served)
    {
        var paths = new List<KeyValuePair<string, JsonValue>>();
        foreach (var version in served.Where(each => each.Shape is not null).GroupBy(each => Discovery.Root(each.Resource)))
        {
            string path = Index + version.Key;
            var document = new Document(Of([.. version]));
            paths.Add(new(version.Key[1..], JsonObject.Of(("serverRelativeURL", $"{path}?hash={document.Hash}"))));
            Map(app, path, http => http.Request.Query["hash"] is [{ Length: > 0 } hash, ..] && hash != document.Hash
                ? Results.Redirect($"{path}?hash={document.Hash}", permanent: true)
                : document);
        }

        var index = new Document(JsonObject.Of(("paths", JsonObject.Of(paths))));
        Map(app, Index, _ => index);
    }

    /// <summary>The document of one group and version.</summary>
    internal static JsonObject Of(IReadOnlyList<ServedResource> served)
    {
        IEnumerable<KeyValuePair<string, JsonValue>> schemas = served.Where(each => each.IsWhole).SelectMany(OpenApiSchemas.Of);
        return JsonObject.Of(
            ("components", JsonObject.Of(("schemas", JsonObject.Of(schemas.Concat(OpenApiSchemas.Shared))))),
            ("info", JsonObject.Of(("title", "PyTorchJob event store"), ("version", served[0].Resource.GroupVersion))),
            ("openapi", "3.0.0"),
            ("paths", JsonObject.Of(served.SelectMany(OpenApiPaths.Of)
                .GroupBy(path => path.Key)
                .Select(path => new KeyValuePair<string, JsonValue>(path.Key, JsonObject.Of(path.SelectMany(each => each.Value)))))));
    }

    private static void Map(IEndpointRouteBuilder app, string path, Func<HttpContext, IResult> answer) =>
        app.MapGroup("").WithMetadata(RequiresAccess.ByPath)
            .MapRead(path,
                (HttpContext http) =>
                ContentNegotiation.TryChoose(http.Request.Headers.Accept, Representations.Plain, out _, out Status? refusal)
                ? answer(http)
                : refusal);
}
