using EventStore.Domain.Json;

namespace EventStore.Domain.History;

/// <summary>One leaf that differs between two manifests.</summary>
/// <param name="Path">Where it stands.</param>
/// <param name="Before">The value before; null when there was none.</param>
/// <param name="After">The value after; null when there is none.</param>
public sealed record Change(FieldPath Path, JsonValue? Before, JsonValue? After);

/// <summary>
/// What changed between two manifests, leaf by leaf and in order. It goes down wherever one side is an object and the other is an
/// object too or is not there, so a subtree that came or went is named by its leaves. Anything else is named once: an array, because a
/// merge patch replaces it whole, and an object that took the place of a scalar or gave way to one.
/// </summary>
public static class Diff
{
    /// <summary>
    /// The leaves that differ for Kubernetes, to which null, an absent member and an object without content are one and the same
    /// (a Go client sends <c>metadata: {creationTimestamp: null}</c> for a template it means to leave alone), within arrays too.
    /// </summary>
    public static IReadOnlyList<Change> ByMeaning(JsonObject before, JsonObject after) => Between(before, after, SameMeaning);

    /// <summary>
    /// The leaves that differ as written: null, an absent member and the empty object are three things, and one that came in place of
    /// another is named itself. Empty if and only if the two are equal.
    /// </summary>
    public static IReadOnlyList<Change> ByForm(JsonObject before, JsonObject after) => Between(before, after, Equals);

    /// <summary>Whether two values mean the same to Kubernetes; null stands for an absent one.</summary>
    public static bool SameMeaning(JsonValue? one, JsonValue? other)
    {
        if (ReferenceEquals(one, other))
            return true;
        return (one, other) switch
        {
            (JsonObject left, JsonObject right) => JsonObject.Pair(left, right).All(pair => SameMeaning(pair.Left, pair.Right)),
            (JsonArray left, JsonArray right) =>
                left.Items.Count == right.Items.Count && left.Items.Zip(right.Items).All(pair => SameMeaning(pair.First, pair.Second)),
            _ => SaysNothing(one) ? SaysNothing(other) : one!.Equals(other),
        };
    }

    private static List<Change> Between(JsonObject before, JsonObject after, Func<JsonValue?, JsonValue?, bool> same)
    {
        var changes = new List<Change>();
        Collect(FieldPath.Root, before, after, same, changes);
        return changes;
    }

    private static void Collect(FieldPath at, JsonObject before, JsonObject after, Func<JsonValue?, JsonValue?, bool> same, List<Change> changes)
    {
        foreach ((string name, JsonValue? left, JsonValue? right) in JsonObject.Pair(before, after))
        {
            if (ReferenceEquals(left, right))
                continue; // a patched job shares its untouched subtrees with the job before
            if (AsMembers(left, right) is { } from && AsMembers(right, left) is { } to)
                Collect(at.Member(name), from, to, same, changes);
            else if (!same(left, right))
                changes.Add(new Change(at.Member(name), left, right));
        }
    }

    /// <summary>
    /// The value's members when the pair can be compared member by member; what is not there counts as empty beside an object that has
    /// members.
    /// </summary>
    private static JsonObject? AsMembers(JsonValue? value, JsonValue? other) => (value, other) switch
    {
        (JsonObject { Count: > 0 }, null or JsonNull or JsonObject) => (JsonObject)value,
        (JsonObject members, JsonObject) => members,
        (null or JsonNull, JsonObject { Count: > 0 }) => JsonObject.Empty,
        _ => null,
    };

    private static bool SaysNothing(JsonValue? value) => value is null or JsonNull ||
        (value is JsonObject members && JsonObject.Pair(members, JsonObject.Empty).All(pair => SaysNothing(pair.Left)));
}
