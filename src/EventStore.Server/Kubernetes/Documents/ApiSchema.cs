using System.Globalization;
using System.Text.Json.Nodes;
using EventStore.Domain.Manifests;
using Microsoft.OpenApi;

namespace EventStore.Server.Kubernetes.Documents;

/// <summary>Shapes of the one table of fields as schemas of OpenAPI.</summary>
internal static class ApiSchema
{
    /// <summary>The schemas of all that is served, by kind: of objects, of lists of them, and of what is only exchanged.</summary>
    public static IEnumerable<KeyValuePair<string, OpenApiSchema>> Of(IReadOnlyList<ServedResource> served) =>
    [
        .. served.Where(each => each.IsWhole).Select(each => new KeyValuePair<string, OpenApiSchema>(each.Resource.Kind, Of(each.Shape!))),
        .. served.Where(each => each.IsWhole && each.Verbs.Contains("list"))
            .Select(each => new KeyValuePair<string, OpenApiSchema>(each.Resource.Kind + "List", OfList(each.Shape!))),
        .. ServedKind.Of(served).Select(kind => new KeyValuePair<string, OpenApiSchema>(kind.Resource.Kind, Of(kind.Shape))),
    ];

    /// <summary>The schema of a shape.</summary>
    /// <param name="shape">The shape.</param>
    /// <param name="ofPatch">Whether it is a merge patch's: there every value may be null, which takes the field away.</param>
    public static OpenApiSchema Of(Shape shape, bool ofPatch = false)
    {
        OpenApiSchema schema = shape switch
        {
            TextShape text => OfText(text, ofPatch),
            TimeShape => new OpenApiSchema { Type = JsonSchemaType.String, Format = "date-time" },
            FlagShape => new OpenApiSchema { Type = JsonSchemaType.Boolean },
            IntegerShape integer => OfInteger(integer),
            ListShape list => new OpenApiSchema { Type = JsonSchemaType.Array, Items = Of(list.Item) },
            MapShape map => new OpenApiSchema
            {
                Type = JsonSchemaType.Object,
                AdditionalProperties = Of(map.Value, ofPatch),
            },
            ObjectShape members => new OpenApiSchema
            {
                Type = JsonSchemaType.Object,
                Properties = members.Fields.ToDictionary(
                    field => field.Name,
                    IOpenApiSchema (field) => OfField(field, ofPatch)),
            },
            _ => new OpenApiSchema(),
        };
        // A patch cannot remove the objects above an updatable field, only the field.
        if (ofPatch && schema.Type is { } type && shape is not ObjectShape)
            schema.Type = type | JsonSchemaType.Null;
        return schema;
    }

    private static OpenApiSchema OfList(ObjectShape item) => Of(new ObjectShape(
        ("apiVersion", new TextShape()), ("items", new ListShape(item)), ("kind", new TextShape()), ("metadata", OpenApiSchemas.ListMeta)));

    private static OpenApiSchema OfField((string Name, Shape Shape, string About) field, bool ofPatch)
    {
        OpenApiSchema schema = Of(field.Shape, ofPatch);
        if (field.About.Length > 0)
            schema.Description = field.About;
        return schema;
    }

    private static OpenApiSchema OfText(TextShape text, bool ofPatch)
    {
        var schema = new OpenApiSchema { Type = JsonSchemaType.String };
        if (text.Values.Count == 0)
            return schema;
        schema.Enum = [.. text.Values.Concat(text.MayBeEmpty ? [string.Empty] : []).Select(value => (JsonNode)value)];
        if (ofPatch)
            schema.Enum.Add(JsonNullSentinel.JsonNull);
        return schema;
    }

    // A limit that is the format's own says nothing, and 9223372036854775807 is a number JavaScript shows wrong.
    private static OpenApiSchema OfInteger(IntegerShape integer) => new()
    {
        Type = JsonSchemaType.Integer,
        Format = integer.Max <= int.MaxValue ? "int32" : "int64",
        Minimum = integer.Min > int.MinValue ? integer.Min.ToString(CultureInfo.InvariantCulture) : null,
        Maximum = integer.Max < long.MaxValue && integer.Min > int.MinValue ? integer.Max.ToString(CultureInfo.InvariantCulture) : null,
    };
}
