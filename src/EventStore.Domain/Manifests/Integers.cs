using EventStore.Domain.Json;

namespace EventStore.Domain.Manifests;

/// <summary>Normalizes integers: <c>60.0</c> is an integer for JSON Schema and JavaScript, but Go's decoder refuses it.</summary>
internal static class Integers
{
    /// <summary>The job with every integer written without a point.</summary>
    /// <param name="before">
    /// The job before a change. Subtrees shared with it are skipped, so a patch costs only what it changes.
    /// </param>
    /// <param name="job">The job.</param>
    /// <returns>The same object when nothing is to be rewritten.</returns>
    public static JsonObject WithoutPoint(JsonObject? before, JsonObject job) => (JsonObject)WithoutPoint(JobTypes.Job, before, job);

    private static JsonValue WithoutPoint(FieldType type, JsonValue? before, JsonValue value) => value switch
    {
        _ when ReferenceEquals(before, value) => value,
        JsonNumber number when type.IsInteger => number.WithoutZeroFraction(),
        JsonArray list when type.Item is { } item => Items(item, list),
        JsonObject members => Members(type, before, members),
        _ => value,
    };

    private static JsonObject Members(FieldType type, JsonValue? before, JsonObject members)
    {
        JsonObject rewritten = members;
        foreach (KeyValuePair<string, JsonValue> member in members.Members)
        {
            if (type.Member(member.Key) is { } field)
                rewritten = rewritten.With(member.Key, WithoutPoint(field.Type, before?.Member(member.Key), member.Value));
        }

        return rewritten;
    }

    private static JsonArray Items(FieldType item, JsonArray list)
    {
        JsonValue[] items = [.. list.Items.Select(each => WithoutPoint(item, null, each))];
        return items.SequenceEqual(list.Items, ReferenceEqualityComparer.Instance) ? list : new JsonArray(items);
    }
}
