using EventStore.Domain.Json;
using EventStore.Server.Kubernetes.Requests;
using static EventStore.Server.Kubernetes.Documents.OpenApiSchemas;

namespace EventStore.Server.Kubernetes.Documents;

/// <summary>
/// <c>/openapi/v2</c> as JSON, for tools that make clients and forms from it (Terraform's provider, Swagger's generators): what the
/// documents of OpenAPI 3.0 say, in the words of 2.0.
/// </summary>
internal static class OpenApiV2Json
{
    /// <summary>One document for all groups and versions.</summary>
    /// <param name="versions">The document of OpenAPI 3.0 of each.</param>
    public static JsonObject Of(IReadOnlyList<JsonObject> versions) => JsonObject.Of(
        ("definitions", JsonObject.Of(versions.SelectMany(version => Members(version["components"]!.Member("schemas")))
            .DistinctBy(schema => schema.Key).Select(schema => new KeyValuePair<string, JsonValue>(schema.Key, Refer(schema.Value))))),
        ("info", JsonObject.Of(("title", "PyTorchJob event store"), ("version", "v1"))),
        ("paths", JsonObject.Of(versions.SelectMany(version => Members(version["paths"]))
            .Select(path => new KeyValuePair<string, JsonValue>(path.Key, JsonObject.Of(Members(path.Value).Select(Part)))))),
        ("swagger", "2.0"));

    private static KeyValuePair<string, JsonValue> Part(KeyValuePair<string, JsonValue> part) =>
        new(part.Key, part.Value is JsonArray parameters ? Parameters(parameters.Items) : Operation((JsonObject)part.Value));

    private static JsonObject Operation(JsonObject operation)
    {
        JsonObject? body = (JsonObject?)operation["requestBody"];
        IEnumerable<JsonValue> parameters = ((JsonArray)operation["parameters"]!).Items;
        JsonObject converted = operation.Without("requestBody")
            .With("parameters", Parameters(body is null ? parameters : parameters.Append(Body(body))))
            .With("produces", Discovery.Names([ContentNegotiation.JsonType]))
            .With("responses", JsonObject.Of(Members(operation["responses"]).Select(response => new KeyValuePair<string, JsonValue>(
                response.Key, JsonObject.Of(
                    ("description", response.Value.Member("description")!), ("schema", Content(response.Value).Schema))))));
        return body is null ? converted : converted.With("consumes", Discovery.Names(Content(body).MediaTypes));
    }

    private static JsonArray Parameters(IEnumerable<JsonValue> parameters) =>
        new([.. parameters.Select(parameter => parameter.Member("in") is JsonText { Value: "body" }
        ? parameter
        : ((JsonObject)parameter).Without("schema").With("type", parameter.Member("schema")!.Member("type")!))]);

    private static JsonObject Body(JsonObject body) =>
        JsonObject.Of(("in", "body"), ("name", "body"), ("required", JsonBoolean.True), ("schema", Content(body).Schema));

    /// <summary>The media types of a body, and the schema they all have.</summary>
    private static (string[] MediaTypes, JsonValue Schema) Content(JsonValue of)
    {
        KeyValuePair<string, JsonValue>[] content = Members(of.Member("content"));
        return ([.. content.Select(each => each.Key)], Refer(content[0].Value.Member("schema")!));
    }

    /// <summary>The schema with its references pointing where 2.0 keeps schemas.</summary>
    private static JsonValue Refer(JsonValue schema) => schema switch
    {
        JsonText text => text.Value.Replace("#/components/schemas/", "#/definitions/", StringComparison.Ordinal),
        JsonArray list => new JsonArray([.. list.Items.Select(Refer)]),
        JsonObject members =>
            JsonObject.Of(members.Members.ToArray().Select(member => new KeyValuePair<string, JsonValue>(member.Key, Refer(member.Value)))),
        _ => schema,
    };
}
