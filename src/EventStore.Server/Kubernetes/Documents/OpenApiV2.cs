using EventStore.Domain.Json;
using EventStore.Server.Access;
using EventStore.Server.Kubernetes.Requests;
using Microsoft.Extensions.Primitives;
using static EventStore.Server.Kubernetes.Documents.OpenApiSchemas;
using static EventStore.Server.Kubernetes.Documents.ProtobufFields;

namespace EventStore.Server.Kubernetes.Documents;

/// <summary>
/// <c>/openapi/v2</c> for kubectl before 1.27, Debian's 1.20 among them: it checks every manifest by it before it sends anything, finds
/// in it whether the server takes a dry run, and explains from it; without it <c>create</c>, <c>apply</c> and <c>edit</c> fail with "the
/// server could not find the requested resource". It asks for protobuf; other clients get JSON (<see cref="OpenApiV2Json"/>).
/// </summary>
/// <remarks>
/// Made from the documents of OpenAPI 3.0, and only as much as kubectl reads: the schemas, and of each operation its name,
/// parameters, media types and kind. Parts that are stored unchecked list no fields, for this kubectl refuses fields that are not listed.
/// Field numbers are those of gnostic's <c>OpenAPIv2.proto</c>.
/// </remarks>
public static class OpenApiV2
{
    private const string MediaType = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
    private const string OldMediaType = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";

    private static readonly (string Name, int Number)[] Methods = [("get", 2), ("put", 3), ("post", 4), ("delete", 5), ("patch", 8)];

    public static void MapOpenApiV2(this IEndpointRouteBuilder app, IReadOnlyList<ServedResource> served)
    {
        // made when somebody first asks: no start of the server waits for them
        var versions = new Lazy<JsonObject[]>(() =>
            [.. served.GroupBy(each => each.Resource.GroupVersion).Select(version => OpenApi.Of([.. version]))]);
        var protobuf = new Lazy<Document>(() => new Document(Of(versions.Value), MediaType));
        var json = new Lazy<Document>(() => new Document(OpenApiV2Json.Of(versions.Value)));
        app.MapGroup("").WithMetadata(RequiresAccess.ByPath).MapRead(
            "/openapi/v2", (HttpRequest request) => Choose(request.Headers.Accept, protobuf, json));
    }

    private static IResult Choose(StringValues accept, Lazy<Document> protobuf, Lazy<Document> json)
    {
        if (StringValues.IsNullOrEmpty(accept))
            return json.Value;
        foreach (AcceptClause clause in AcceptClause.Parse(accept))
        {
            if (clause.MediaType is MediaType or OldMediaType)
                return protobuf.Value;
            if (clause.Covers(ContentNegotiation.JsonType))
                return json.Value;
        }

        return Status.NotAcceptable(ContentNegotiation.JsonType, MediaType, OldMediaType);
    }

    private static byte[] Of(JsonObject[] versions) => Message(
        Text(1, "2.0"),
        Field(2, Message(Text(1, "PyTorchJob event store"), Text(2, "v1"))),
        Field(8, Message(versions.SelectMany(version => Members(version["paths"])).Select(Path))),
        Field(9, Schemas(versions
            .SelectMany(version => Members(version["components"]!.Member("schemas"))).DistinctBy(schema => schema.Key))));

    private static byte[] Path(KeyValuePair<string, JsonValue> path) => Field(2, Message(Text(1, path.Key), Field(2, Message(
        from method in Methods
        where path.Value.Member(method.Name) is not null
        select Field(method.Number, Operation((JsonObject)path.Value.Member(method.Name)!))))));

    private static byte[] Operation(JsonObject operation)
    {
        IEnumerable<byte[]> parameters = ((JsonArray)operation["parameters"]!).Items
            .Select(parameter => Message(
                Text(2, "query"), Texts(4, parameter.Member("name")), Texts(6, parameter.Member("schema")!.Member("type"))))
            .Select(query => Field(8, Field(1, Field(2, Field(3, query)))));
        return Message([
            Texts(5, operation["operationId"]),
            .. Members(operation["requestBody"]?.Member("content")).Select(content => Text(7, content.Key)),
            .. parameters,
            Extension(13, operation[GroupVersionKinds]!),
        ]);
    }

    private static byte[] Schemas(IEnumerable<KeyValuePair<string, JsonValue>> schemas) =>
        Message(schemas.Select(schema => Field(1, Message(Text(1, schema.Key), Field(2, Schema((JsonObject)schema.Value))))));

    private static byte[] Schema(JsonObject schema)
    {
        byte[] description = Texts(4, schema["description"]);
        if (schema["x-kubernetes-preserve-unknown-fields"] is not null)
            return description;
        if ((schema["$ref"] ?? (schema["allOf"] as JsonArray)?.Items[0].Member("$ref")) is JsonText reference)
            return Message(
                Text(1, reference.Value.Replace("#/components/schemas/", "#/definitions/", StringComparison.Ordinal)), description);
        return Message(
            Texts(2, schema["format"]),
            description,
            Texts(19, schema["required"]),
            schema["additionalProperties"] is JsonObject values ? Field(21, Field(1, Schema(values))) : [],
            Field(22, Texts(1, schema["type"])),
            schema["items"] is JsonObject items ? Field(23, Field(1, Schema(items))) : [],
            schema["properties"] is { } properties ? Field(25, Schemas(Members(properties))) : [],
            schema[GroupVersionKinds] is { } kinds ? Extension(31, kinds) : []);
    }

    /// <summary>An extension's value is YAML, and JSON is YAML.</summary>
    private static byte[] Extension(int number, JsonValue value) =>
        Field(number, Message(Text(1, GroupVersionKinds), Field(2, Text(2, value.ToString()))));
}
