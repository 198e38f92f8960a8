using EventStore.Domain.Json;

namespace EventStore.Domain.Manifests;

/// <summary>
/// Normalizes a job to the form it is stored in. Integers are written without a point: <c>60.0</c> is an integer for JSON Schema and
/// JavaScript, but Go's decoder refuses it. Where the definition of the custom resource holds, pruning and defaulting are done as well
/// (<see cref="CustomResource"/>).
/// </summary>
internal static class StoredForm
{
    /// <summary>The job in that form; the same object when nothing is to be rewritten.</summary>
    /// <param name="before">The job before a change. Subtrees shared with it are skipped, so a patch costs only what it changes.</param>
    /// <param name="job">The job.</param>
    /// <param name="isDefined">Whether the definition holds.</param>
    public static JsonObject Of(JsonObject? before, JsonObject job, bool isDefined)
    {
        var normal = (JsonObject)Normal(JobTypes.Job, before, job, isDefined);
        return isDefined && normal["metadata"] is JsonObject metadata
            ? normal.With("metadata", metadata.Names.Where(name => Schema.ObjectMeta[name] is null)
                .Aggregate(metadata, (known, name) => known.Without(name)))
            : normal;
    }

    private static JsonValue Normal(FieldType type, JsonValue? before, JsonValue value, bool isDefined) => value switch
    {
        _ when ReferenceEquals(before, value) => value,
        JsonNumber number when type.IsInteger => number.WithoutZeroFraction(),
        JsonArray list when type.Item is { } item => Items(item, list, isDefined),
        JsonObject members => Members(type, before, members, isDefined),
        _ => value,
    };

    private static JsonObject Members(FieldType type, JsonValue? before, JsonObject members, bool isDefined)
    {
        JsonObject normal = members;
        foreach ((string name, JsonValue value) in members.Members)
        {
            if (isDefined && (CustomResource.IsUnknown(type, name) || (value is JsonNull && type.Member(name) is not null)))
                normal = normal.Without(name);
            else if (type.Member(name) is { } field)
                normal = normal.With(name, Normal(field.Type, before?.Member(name), value, isDefined));
        }

        return isDefined ? WithDefaults(type, normal) : normal;
    }

    private static JsonObject WithDefaults(FieldType type, JsonObject members)
    {
        foreach ((string name, TypedField field) in type.Fields)
        {
            if (field.Default is { } preset && members[name] is null)
                members = members.With(name, preset);
        }

        return members;
    }

    private static JsonArray Items(FieldType item, JsonArray list, bool isDefined)
    {
        JsonValue[] items = [.. list.Items.Select(each => Normal(item, null, each, isDefined))];
        return items.SequenceEqual(list.Items, ReferenceEqualityComparer.Instance) ? list : new JsonArray(items);
    }
}
