using EventStore.Domain.Json;

namespace EventStore.Domain.Manifests;

/// <summary>One leaf that differs between two manifests.</summary>
/// <param name="Path">Where it stands.</param>
/// <param name="Before">The value before; null when there was none.</param>
/// <param name="After">The value after; null when there is none.</param>
public sealed record Change(FieldPath Path, JsonValue? Before, JsonValue? After);

/// <summary>
/// The differences between two manifests, leaf by leaf and in order. It descends where one side is an object and the other is an
/// object or absent, so a subtree that was added or removed is listed by its leaves. Anything else is one difference: an array,
/// because a merge patch replaces it whole, and an object that replaced a scalar or the reverse.
/// </summary>
public static class Diff
{
    private static readonly TypedField Job = new(JobTypes.Job, Pointer: true);

    /// <summary>
    /// The leaves that differ for Kubernetes, which treats null, an absent member and an empty object alike, within arrays too (a
    /// Go client sends <c>metadata: {creationTimestamp: null}</c> for an unchanged template). Fields of the job's typed model are
    /// compared as their type: see <see cref="Meaning"/>.
    /// </summary>
    public static IReadOnlyList<Change> ByMeaning(JsonObject before, JsonObject after) =>
        Between(before, after, Job, Meaning.Same);

    /// <summary>
    /// The leaves that differ as written: null, an absent member and an empty object are three different values. Empty if and only
    /// if the manifests are equal.
    /// </summary>
    public static IReadOnlyList<Change> ByForm(JsonObject before, JsonObject after) =>
        Between(before, after, null, (_, one, other) => Equals(one, other));

    private static List<Change> Between(
        JsonObject before, JsonObject after, TypedField? field, Func<TypedField?, JsonValue?, JsonValue?, bool> same)
    {
        var changes = new List<Change>();
        Collect(FieldPath.Root, before, after, field, same, changes);
        return changes;
    }

    private static void Collect(
        FieldPath at, JsonObject before, JsonObject after, TypedField? field,
        Func<TypedField?, JsonValue?, JsonValue?, bool> same, List<Change> changes)
    {
        foreach ((string name, JsonValue? left, JsonValue? right) in JsonObject.Pair(before, after))
        {
            if (ReferenceEquals(left, right))
                continue; // a patched job shares its untouched subtrees with the job before
            TypedField? member = field?.Type.Member(name);
            if (AsMembers(left, right) is { } from && AsMembers(right, left) is { } to)
                Collect(at.Member(name), from, to, member, same, changes);
            else if (!same(member, left, right))
                changes.Add(new Change(at.Member(name), left, right));
        }
    }

    /// <summary>
    /// The value's members if the pair can be compared member by member. An absent value counts as an empty object if the other
    /// side has members.
    /// </summary>
    private static JsonObject? AsMembers(JsonValue? value, JsonValue? other) => (value, other) switch
    {
        (JsonObject { Count: > 0 }, null or JsonNull or JsonObject) => (JsonObject)value,
        (JsonObject members, JsonObject) => members,
        (null or JsonNull, JsonObject { Count: > 0 }) => JsonObject.Empty,
        _ => null,
    };
}
