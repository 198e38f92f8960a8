using EventStore.Domain.Json;
using EventStore.Domain.Manifests;

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
    private static readonly TypedField Job = new(JobTypes.Job, Pointer: true);

    /// <summary>
    /// The leaves that differ for Kubernetes, to which null, an absent member and an object without content are one and the same
    /// (a Go client sends <c>metadata: {creationTimestamp: null}</c> for a template it means to leave alone), within arrays too. Where the
    /// job's typed model knows a field, its values are compared as that type: see <see cref="Meaning"/>.
    /// </summary>
    public static IReadOnlyList<Change> ByMeaning(JsonObject before, JsonObject after) =>
        Between(before, after, Job, Meaning.Same);

    /// <summary>Whether two jobs mean the same.</summary>
    public static bool SameMeaning(JsonObject one, JsonObject other) => Meaning.Same(Job, one, other);

    /// <summary>
    /// The leaves that differ as written: null, an absent member and the empty object are three things, and one that came in place of
    /// another is named itself. Empty if and only if the two are equal.
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
    /// The value's members when the pair can be compared member by member; what is not there counts as empty beside an object
    /// that has members.
    /// </summary>
    private static JsonObject? AsMembers(JsonValue? value, JsonValue? other) => (value, other) switch
    {
        (JsonObject { Count: > 0 }, null or JsonNull or JsonObject) => (JsonObject)value,
        (JsonObject members, JsonObject) => members,
        (null or JsonNull, JsonObject { Count: > 0 }) => JsonObject.Empty,
        _ => null,
    };
}
