using EventStore.Domain.Json;

namespace EventStore.Domain.Manifests;

/// <summary>The kinds of value a field of the job's typed model holds.</summary>
internal enum FieldKind
{
    Text,
    Flag,
    Int32,
    Int64,
    Quantity,
    IntOrText,
    Time,
    List,
    Map,
    Object,
}

/// <summary>The type of a field in the typed model that Go and C# clients decode a job into.</summary>
internal sealed class FieldType(FieldKind kind)
{
    /// <summary>The kind.</summary>
    public FieldKind Kind { get; } = kind;

    /// <summary>What a list or a map holds; null for the other kinds.</summary>
    public FieldType? Item { get; init; }

    /// <summary>The fields of an object by name; empty for the other kinds.</summary>
    public Dictionary<string, TypedField> Fields { get; } = new(StringComparer.Ordinal);

    /// <summary>Whether it is one of the kinds written as an integer.</summary>
    public bool IsInteger => Kind is FieldKind.Int32 or FieldKind.Int64;

    /// <summary>The field of that name of an object, or what a map of that type holds; null when the type does not say.</summary>
    public TypedField? Member(string name) => Kind switch
    {
        FieldKind.Object => Fields.GetValueOrDefault(name),
        FieldKind.Map => TypedField.Inside(Item!),
        _ => null,
    };

    /// <summary>Whether the value is the type's zero value (false, 0, an empty string or list), which a typed client may omit.</summary>
    public bool IsZero(JsonValue value) => Kind switch
    {
        FieldKind.Text => value is JsonText { Value: "" },
        FieldKind.Flag => value is JsonBoolean { Value: false },
        FieldKind.Int32 or FieldKind.Int64 => IsWholeZero(value),
        FieldKind.IntOrText => IsWholeZero(value),
        FieldKind.Quantity => Quantity.IsZero(value),
        FieldKind.List => value is JsonArray { Items.Count: 0 },
        _ => false,
    };

    private static bool IsWholeZero(JsonValue value) => value is JsonNumber number && number.WithoutZeroFraction().Text == "0";
}

/// <summary>A field of an object in the typed model.</summary>
/// <param name="Type">Its type.</param>
/// <param name="Pointer">Whether the model tells an absent value from a zero one (a pointer in Go).</param>
internal sealed record TypedField(FieldType Type, bool Pointer)
{
    /// <summary>Whether the custom resource's definition requires it.</summary>
    public bool Required { get; init; }

    /// <summary>The value the definition sets when there is none; null for none.</summary>
    public JsonValue? Default { get; init; }

    /// <summary>Whether the definition has it; what it has not came with a later version of Kubernetes or is this store's own.</summary>
    public bool Defined { get; init; } = true;

    /// <summary>The keys by which list items are identified (<c>x-kubernetes-list-map-keys</c>); empty for other lists.</summary>
    public IReadOnlyList<string> Keys { get; init; } = [];

    /// <summary>Whether a list is a set of scalars.</summary>
    public bool IsSet { get; init; }

    /// <summary>
    /// Whether the map is replaced whole (<c>x-kubernetes-map-type: atomic</c>); of a list by keys, whether each of its items is.
    /// </summary>
    public bool Atomic { get; init; }

    /// <summary>What stands in a list or a map: an item that is there is there, zero or not.</summary>
    public static TypedField Inside(FieldType item) => new(item, Pointer: true);
}
