using EventStore.Domain.Json;

namespace EventStore.Domain.Manifests;

/// <summary>What every Kubernetes object carries in <c>metadata</c> (apimachinery meta/v1 ObjectMeta).</summary>
public static class ObjectMeta
{
    private static readonly FieldPath Metadata = FieldPath.Of("metadata");

    /// <summary>
    /// What Go's decoder would refuse in the metadata: values of the wrong type and times that are none. Null counts as absent. A wrong
    /// value in a map is an error of the map (<c>metadata.labels</c>, as upstream names it); the text says which member it is.
    /// </summary>
    public static IReadOnlyList<FieldError> TypeErrors(JsonObject manifest)
    {
        switch (manifest["metadata"])
        {
            case null or JsonNull:
                return [];
            case JsonObject fields:
                return [.. Schema.ObjectMeta.Fields.Where(field => fields[field.Name] is not null).SelectMany(field =>
                    FieldErrors(Metadata.Member(field.Name), field.Shape, fields[field.Name]))];
            case var other:
                return [FieldError.WrongType(Metadata, other, "object")];
        }
    }

    /// <summary>
    /// The metadata as upstream would store it: only fields ObjectMeta has, and nothing that Go's <c>omitempty</c> leaves out (null, an
    /// empty text, an empty map or list). A null label or annotation counts as absent. <c>managedFields</c> is dropped because this
    /// store keeps none. Values of the wrong type are left as they are: <see cref="TypeErrors"/> names them.
    /// </summary>
    /// <returns>The same object when there is nothing to drop.</returns>
    public static JsonObject Known(JsonObject metadata) =>
        Kept(metadata, (name, value) => name == "managedFields" ? null : Kept(Schema.ObjectMeta[name], value));

    /// <summary>The metadata as Go decodes it, to which null in a map of texts is the empty text.</summary>
    internal static JsonObject WithTexts(JsonObject metadata) => ((string[])["annotations", "labels"]).Aggregate(metadata, (into, name) =>
        into[name] is JsonObject map
            ? into.With(name, map.Names.Where(key => map[key] is JsonNull).Aggregate(map, (texts, key) => texts.With(key, string.Empty)))
            : into);

    private static IEnumerable<FieldError> FieldErrors(FieldPath at, Shape shape, JsonValue? value)
    {
        IReadOnlyList<FieldError> errors = shape.Errors(at, value);
        return shape is MapShape ? errors.Select(error => error with { Field = at.ToString() }) : errors;
    }

    private static JsonValue? Kept(Shape? shape, JsonValue value) => (shape, value) switch
    {
        (null, _) or (_, JsonNull) => null,
        (TextShape, JsonText { Value: "" }) => null,
        (MapShape, JsonObject map) => Kept(map, (_, member) => member is JsonNull ? null : member) is { Count: > 0 } kept ? kept : null,
        (ListShape, JsonArray { Items.Count: 0 }) => null,
        (ListShape { Item: ObjectShape item }, JsonArray list) => Kept(list, item),
        _ => value,
    };

    private static JsonArray Kept(JsonArray list, ObjectShape item)
    {
        JsonValue[] kept = [.. list.Items.Select(entry =>
            entry is JsonObject fields ? Kept(fields, (name, value) => KeptField(item, name, value)) : entry)];
        return kept.SequenceEqual(list.Items, ReferenceEqualityComparer.Instance) ? list : new JsonArray(kept);
    }

    // An owner reference's texts have no omitempty: an empty one stays, for the validation to name.
    private static JsonValue? KeptField(ObjectShape shape, string name, JsonValue value) =>
        shape[name] is null || value is JsonNull ? null : value;

    private static JsonObject Kept(JsonObject members, Func<string, JsonValue, JsonValue?> keep)
    {
        var kept = new List<KeyValuePair<string, JsonValue>>(members.Count);
        bool same = true;
        foreach (KeyValuePair<string, JsonValue> member in members.Members)
        {
            JsonValue? value = keep(member.Key, member.Value);
            same &= ReferenceEquals(value, member.Value);
            if (value is not null)
                kept.Add(new(member.Key, value));
        }

        return same ? members : JsonObject.Of(kept);
    }
}
