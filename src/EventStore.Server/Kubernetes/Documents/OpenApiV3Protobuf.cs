using System.Globalization;
using EventStore.Domain.Json;
using static EventStore.Server.Kubernetes.Documents.OpenApiSchemas;
using static EventStore.Server.Kubernetes.Documents.ProtobufFields;

namespace EventStore.Server.Kubernetes.Documents;

/// <summary>
/// A document of OpenAPI 3.0 as protobuf, the form client-go asks for: the same content as the JSON. Field numbers are those of gnostic's
/// <c>OpenAPIv3.proto</c>, and every member the JSON documents have is written; extensions are written as YAML, which JSON is.
/// </summary>
internal static class OpenApiV3Protobuf
{
    /// <summary>The media type that is answered.</summary>
    public const string MediaType = "application/com.github.proto-openapi.spec.v3.v1.0+protobuf";

    /// <summary>The older name of the same, which client-go sends.</summary>
    public const string OldMediaType = "application/com.github.proto-openapi.spec.v3@v1.0+protobuf";

    private static readonly (string Method, int Number)[] Methods = [("get", 4), ("put", 5), ("post", 6), ("delete", 7), ("patch", 10)];

    /// <summary>The document's bytes.</summary>
    public static byte[] Of(JsonObject document) => Message(
        Texts(1, document["openapi"]),
        Field(2, Message(Texts(1, document["info"]!.Member("title")), Texts(6, document["info"]!.Member("version")))),
        Field(4, Message(Named(1, document["paths"], Path))),
        Field(5, Field(1, Message(Named(1, document["components"]!.Member("schemas"), SchemaOrReference)))));

    private static byte[] Path(JsonValue path) => Message([
        .. from method in Methods
           where path.Member(method.Method) is not null
           select Field(method.Number, Operation((JsonObject)path.Member(method.Method)!)),
        Parameters(13, path.Member("parameters")),
    ]);

    private static byte[] Operation(JsonObject operation) => Message([
        Texts(1, operation["tags"]),
        Texts(3, operation["description"]),
        Texts(5, operation["operationId"]),
        Parameters(6, operation["parameters"]),
        operation["requestBody"] is { } body ? Field(7, Field(1, Field(2, Content(body)))) : [],
        Field(8, Message(Members(operation["responses"]).Select(Response))),
        .. Extensions(13, operation),
    ]);

    private static byte[] Response(KeyValuePair<string, JsonValue> response)
    {
        byte[] content = Field(1, Message(Texts(1, response.Value.Member("description")), Field(3, Content(response.Value))));
        return response.Key == "default" ? Field(1, content) : Field(2, Pair(response.Key, content));
    }

    private static byte[] Content(JsonValue of) =>
        Message(Named(1, of.Member("content"), media => Field(1, SchemaOrReference(media.Member("schema")!))));

    private static byte[] Parameters(int number, JsonValue? parameters) => Message(Items(parameters).Select(parameter =>
        Field(number, Field(1, Message(
            Texts(1, parameter.Member("name")),
            Texts(2, parameter.Member("in")),
            Texts(3, parameter.Member("description")),
            Flags(4, parameter.Member("required")),
            Field(10, SchemaOrReference(parameter.Member("schema")!)))))));

    private static byte[] SchemaOrReference(JsonValue schema) =>
        schema.Member("$ref") is { } reference ? Field(2, Texts(1, reference)) : Field(1, Schema((JsonObject)schema));

    private static byte[] Schema(JsonObject schema) => Message([
        Numbers(11, schema["maximum"]),
        Numbers(13, schema["minimum"]),
        Texts(23, schema["required"]),
        .. Items(schema["enum"]).Select(value => Field(24, Yaml(value))),
        Texts(25, schema["type"]),
        .. Items(schema["allOf"]).Select(each => Field(26, SchemaOrReference(each))),
        schema["items"] is { } items ? Field(30, Field(1, SchemaOrReference(items))) : [],
        schema["properties"] is { } properties ? Field(31, Message(Named(1, properties, SchemaOrReference))) : [],
        schema["additionalProperties"] is { } values ? Field(32, Field(1, SchemaOrReference(values))) : [],
        Texts(34, schema["description"]),
        Texts(35, schema["format"]),
        .. Extensions(36, schema),
    ]);

    private static IEnumerable<byte[]> Extensions(int number, JsonObject of) => of.Members.ToArray()
        .Where(member => member.Key.StartsWith("x-", StringComparison.Ordinal))
        .Select(member => Field(number, Pair(member.Key, Yaml(member.Value))));

    private static byte[] Yaml(JsonValue value) => Text(2, value.ToString());

    /// <summary>An object's members, each as a field with a pair of its name and what is made of its value.</summary>
    private static IEnumerable<byte[]> Named(int number, JsonValue? members, Func<JsonValue, byte[]> value) =>
        Members(members).Select(member => Field(number, Pair(member.Key, value(member.Value))));

    private static byte[] Pair(string name, byte[] value) => Message(Text(1, name), Field(2, value));

    private static IReadOnlyList<JsonValue> Items(JsonValue? json) => json is JsonArray array ? array.Items : [];

    private static byte[] Flags(int number, JsonValue? json) => json is JsonBoolean { Value: true } ? Flag(number) : [];

    private static byte[] Numbers(int number, JsonValue? json) =>
        json is JsonNumber value ? Double(number, double.Parse(value.Text, CultureInfo.InvariantCulture)) : [];
}
