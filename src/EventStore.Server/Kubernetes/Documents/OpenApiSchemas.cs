using EventStore.Domain.Json;
using EventStore.Domain.Manifests;

namespace EventStore.Server.Kubernetes.Documents;

/// <summary>Schemas of OpenAPI 3.0, made from the shapes that requests are checked against.</summary>
internal static class OpenApiSchemas
{
    private const string Meta = "io.k8s.apimachinery.pkg.apis.meta.v1.";
    private static readonly TextShape Text = new();

    /// <summary>The metadata of a list.</summary>
    public static readonly ObjectShape ListMeta = new(
        ("continue", Text, "Where the next page begins; empty on the last one."),
        ("remainingItemCount", new IntegerShape(), "How many items follow this page."),
        ("resourceVersion", Text, "The revision the list was read at."),
        ("selfLink", Text, "The list's path."));

    private static readonly IntegerShape Number = new(int.MinValue, int.MaxValue);

    /// <summary>What a refusal and a deletion are answered with.</summary>
    public static readonly ObjectShape Status = new(
        ("apiVersion", Text, "v1"),
        ("code", Number, "The HTTP code."),
        ("details", new ObjectShape(
            ("causes", new ListShape(new ObjectShape(
                ("field", Text, "Its path."),
                ("message", Text, "What is wrong, for a person."),
                ("reason", Text, "The same in one word."))), "One for each wrong field."),
            ("group", Text, "The group of what it is about."),
            ("kind", Text, "Its kind, or its plural."),
            ("name", Text, "Its name."),
            ("retryAfterSeconds", Number, "How many seconds to wait."),
            ("uid", Text, "Its uid.")), "What it is about, and the causes."),
        ("kind", Text, "Status"),
        ("message", Text, "What happened, for a person."),
        ("metadata", ListMeta, "Empty."),
        ("reason", Text, "What happened, in one word."),
        ("status", new TextShape("Success", "Failure"), "Whether it was done."));

    /// <summary>The options of a deletion, as its body says them.</summary>
    public static readonly ObjectShape DeleteOptions = new(
        ("apiVersion", Text, "v1"),
        ("dryRun", new ListShape(new TextShape("All")), "All: do everything but store."),
        ("gracePeriodSeconds", new IntegerShape(0), "Accepted and of no effect."),
        ("kind", Text, "DeleteOptions"),
        ("orphanDependents", new FlagShape(), "Deprecated: use propagationPolicy."),
        ("preconditions", new ObjectShape(("resourceVersion", Text, "The revision it must have."), ("uid", Text, "The uid it must have.")),
            "What must be so, or nothing is deleted."),
        ("propagationPolicy", new TextShape("Orphan", "Background", "Foreground"),
            "What becomes of dependents, of which there are none here."));

    /// <summary>The members of a part of a document; none if it is absent or no object.</summary>
    public static KeyValuePair<string, JsonValue>[] Members(JsonValue? json) =>
        json is JsonObject members ? members.Members.ToArray() : [];

    /// <summary>The schemas every document needs.</summary>
    public static IEnumerable<KeyValuePair<string, JsonValue>> Shared { get; } =
    [
        new(Meta + "DeleteOptions", Of(DeleteOptions)),
        new(Meta + "ListMeta", Of(ListMeta)),
        new(Meta + "ObjectMeta", Of(Schema.ObjectMeta)),
        new(Meta + "Patch", JsonObject.Of(
            ("description", "A JSON merge patch (RFC 7396): what to set, and null for what to take away."), ("type", "object"))),
        new(Meta + "Status", Of(Status)),
    ];

    /// <summary>The schemas of a resource: of one object, and of a list if there can be one.</summary>
    public static IEnumerable<KeyValuePair<string, JsonValue>> Of(ServedResource served)
    {
        ApiResource resource = served.Resource;
        KeyValuePair<string, JsonValue> one = new(
            Name(resource.Kind, resource), Of(served.Shape!, served.About).With(GroupVersionKinds, Kinds(resource, resource.Kind)));
        if (!served.Verbs.Contains("list"))
            return [one];
        var list = new ObjectShape(
            ("apiVersion", Text, resource.GroupVersion),
            ("kind", Text, resource.Kind + "List"),
            ("metadata", ListMeta, "Of the list."));
        JsonObject items = JsonObject.Of(("description", "The objects."), ("items", Reference(resource.Kind, resource)), ("type", "array"));
        JsonObject schema = Of(list, $"A list of {resource.Kind}s.").With("required", Discovery.Names(["items"]));
        schema = schema.With("properties", ((JsonObject)schema["properties"]!).With("items", items));
        return
        [
            one,
            new(Name(resource.Kind + "List", resource), schema.With(GroupVersionKinds, Kinds(resource, resource.Kind + "List"))),
        ];
    }

    /// <summary>The schema of a kind that is exchanged and not stored.</summary>
    public static KeyValuePair<string, JsonValue> Of(ServedKind kind) =>
        new(Name(kind.Resource.Kind, kind.Resource), Of(kind.Shape).With(GroupVersionKinds, Kinds(kind.Resource, kind.Resource.Kind)));

    /// <summary>The schema of a definition, in which metadata is always the same and so not told.</summary>
    public static JsonObject OfDefinition(ServedResource served)
    {
        JsonObject schema = Of(served.Shape!, served.About);
        return schema.With("properties", ((JsonObject)schema["properties"]!).With("metadata", OfType("object")));
    }

    /// <summary>A reference to the schema of one of the resource's kinds.</summary>
    public static JsonObject Reference(string kind, ApiResource resource) => Reference(Name(kind, resource));

    /// <summary>A reference to one of the shared schemas.</summary>
    public static JsonObject ReferenceToShared(string kind) => Reference(Meta + kind);

    /// <summary>What kubectl finds an operation and a schema by.</summary>
    public const string GroupVersionKinds = "x-kubernetes-group-version-kind";

    /// <summary>The value of that extension on an operation.</summary>
    public static JsonObject Kind(ApiResource resource, string kind) =>
        JsonObject.Of(("group", resource.Group), ("kind", kind), ("version", resource.Version));

    private static JsonArray Kinds(ApiResource resource, string kind) => new([Kind(resource, kind)]);

    private static JsonObject Reference(string name) => JsonObject.Of(("$ref", "#/components/schemas/" + name));

    /// <summary>Upstream's form: the group's domain name backwards (<c>org.kubeflow.v1.PyTorchJob</c>).</summary>
    private static string Name(string kind, ApiResource resource) => resource.Group.Length == 0
        ? $"io.k8s.api.core.{resource.Version}.{kind}"
        : $"{string.Join('.', resource.Group.Split('.').Reverse())}.{resource.Version}.{kind}";

    private static JsonObject Of(Shape shape, string about = "") => ReferenceEquals(shape, Schema.ObjectMeta) && about.Length > 0
        ? Described(JsonObject.Of(("allOf", new JsonArray([ReferenceToShared("ObjectMeta")]))), about)
        : Described(Undescribed(shape), about);

    private static JsonObject Undescribed(Shape shape) => shape switch
    {
        AnyShape { Usually: { } usually } => Undescribed(usually).With("x-kubernetes-preserve-unknown-fields", JsonBoolean.True),
        AnyShape => JsonObject.Of(("x-kubernetes-preserve-unknown-fields", JsonBoolean.True)),
        TextShape { Values.Count: 0 } => OfType("string"),
        TextShape text => OfType("string").With("enum", Discovery.Names(text.MayBeEmpty ? [.. text.Values, ""] : text.Values)),
        TimeShape => OfType("string").With("format", "date-time"),
        FlagShape => OfType("boolean"),
        IntegerShape integer => OfInteger(integer),
        ListShape list => OfType("array").With("items", Of(list.Item)),
        MapShape map => OfType("object").With("additionalProperties", Of(map.Value)),
        ObjectShape fields => OfObject(fields),
        _ => throw new System.Diagnostics.UnreachableException($"no schema for {shape.GetType().Name}"),
    };

    private static JsonObject OfInteger(IntegerShape integer)
    {
        bool small = integer is { Min: >= int.MinValue, Max: <= int.MaxValue };
        JsonObject schema = OfType("integer").With("format", small ? "int32" : "int64");
        if (integer.Min > (small ? int.MinValue : long.MinValue))
            schema = schema.With("minimum", integer.Min);
        return integer.Max < (small ? int.MaxValue : long.MaxValue) ? schema.With("maximum", integer.Max) : schema;
    }

    private static JsonObject OfObject(ObjectShape shape)
    {
        JsonObject schema = OfType("object").With("properties", JsonObject.Of(shape.Fields
            .Select(field => new KeyValuePair<string, JsonValue>(field.Name, Of(field.Shape, field.About)))));
        return shape.Required.Count == 0 ? schema : schema.With("required", Discovery.Names(shape.Required));
    }

    private static JsonObject OfType(string type) => JsonObject.Of(("type", type));

    private static JsonObject Described(JsonObject schema, string about) => about.Length == 0 ? schema : schema.With("description", about);
}
