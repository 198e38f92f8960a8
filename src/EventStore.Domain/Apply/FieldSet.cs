using EventStore.Domain.Json;

namespace EventStore.Domain.Apply;

/// <summary>
/// Sets of fields in the form Kubernetes publishes them in (<c>FieldsV1</c>), used as they are: a tree whose steps are <c>f:NAME</c> (a
/// member), <c>k:{…}</c> (the item with these keys) and <c>v:…</c> (the item of a set). A step belongs to the set when nothing is below it
/// or when <c>"."</c> is. The trees are persistent: what an operation leaves alone it shares with what it was given.
/// </summary>
internal static class FieldSet
{
    /// <summary>The set of nothing; below a step, the same object says that the step itself belongs to the set.</summary>
    public static readonly JsonObject Empty = JsonObject.Empty;

    private const string Self = ".";

    /// <summary>The fields of either set.</summary>
    public static JsonObject Union(JsonObject one, JsonObject other) => Root(UnionTree(Node(one), Node(other)));

    /// <summary>The fields of both sets.</summary>
    public static JsonObject Intersection(JsonObject one, JsonObject other) => Root(IntersectionTree(Node(one), Node(other)));

    /// <summary>
    /// The fields of the set that are not in the other. Only the field itself is removed: fields above and below it stay.
    /// </summary>
    public static JsonObject Difference(JsonObject set, JsonObject other) => Root(DifferenceTree(Node(set), Node(other)));

    /// <summary>
    /// The set with every declared field on the way to its members: <c>spec</c> belongs to the set of <c>spec.replicas</c>. Maps and items
    /// of lists are not declared, and stay out.
    /// </summary>
    public static JsonObject WithDeclared(JsonObject set) => Root(WithDeclared(Node(set), TypedPlace.Root, isDeclared: false));

    /// <summary>
    /// The set without declared fields that only lead to others in it: about what <see cref="WithDeclared(JsonObject)"/> adds.
    /// </summary>
    public static JsonObject WithoutDeclared(JsonObject set) => Root(WithoutDeclared(Node(set), TypedPlace.Root, isDeclared: false));

    /// <summary>Whether the step that leads to this tree belongs to the set.</summary>
    public static bool Holds(JsonObject tree) => tree.Count == 0 || tree[Self] is not null;

    /// <summary>A tree of these steps; null when nothing is in it.</summary>
    /// <param name="holds">Whether the field at its root belongs to the set.</param>
    /// <param name="steps">The steps below, in any order.</param>
    public static JsonObject? Tree(bool holds, List<KeyValuePair<string, JsonValue>> steps)
    {
        if (steps.Count == 0)
            return holds ? Empty : null;
        if (holds)
            steps.Insert(0, new(Self, Empty));
        return JsonObject.Of(steps);
    }

    /// <summary>The steps below a tree with what is below each.</summary>
    public static IEnumerable<(string Step, JsonObject Below)> Steps(JsonObject tree) =>
        tree.Members.ToArray().Where(member => member.Key != Self).Select(member => (member.Key, (JsonObject)member.Value));

    /// <summary>The fields in the order upstream lists them: those at one level, then those below each step.</summary>
    public static IEnumerable<IReadOnlyList<string>> Paths(JsonObject set) => Paths(set, []);

    /// <summary>The set of one field.</summary>
    public static JsonObject Of(params ReadOnlySpan<string> path)
    {
        JsonObject tree = Empty;
        for (int i = path.Length - 1; i >= 0; i--)
            tree = JsonObject.Of(("f:" + path[i], tree));
        return tree;
    }

    private static JsonObject? Node(JsonObject set) => set.Count == 0 ? null : set;

    private static JsonObject Root(JsonObject? node) => node ?? Empty;

    private static JsonObject? UnionTree(JsonObject? one, JsonObject? other) =>
        one is null ? other
        : other is null || ReferenceEquals(one, other) ? one
        : Combine(one, other, Holds(one) || Holds(other), UnionTree);

    private static JsonObject? IntersectionTree(JsonObject? one, JsonObject? other) =>
        one is null || other is null ? null
        : ReferenceEquals(one, other) ? one
        : Combine(one, other, Holds(one) && Holds(other), IntersectionTree);

    private static JsonObject? DifferenceTree(JsonObject? set, JsonObject? other) =>
        set is null || other is null ? set
        : ReferenceEquals(set, other) ? null
        : Combine(set, other, Holds(set) && !Holds(other), DifferenceTree);

    private static JsonObject? Combine(JsonObject one, JsonObject other, bool holds, Func<JsonObject?, JsonObject?, JsonObject?> combine)
    {
        var steps = new List<KeyValuePair<string, JsonValue>>(one.Count);
        bool same = holds == Holds(one);
        foreach ((string step, JsonValue? left, JsonValue? right) in JsonObject.Pair(one, other))
        {
            if (step == Self)
                continue;
            JsonObject? below = combine((JsonObject?)left, (JsonObject?)right);
            same &= ReferenceEquals(below, left);
            if (below is not null)
                steps.Add(new(step, below));
        }

        return same ? one : Tree(holds, steps);
    }

    private static JsonObject? WithDeclared(JsonObject? tree, TypedPlace place, bool isDeclared)
    {
        if (tree is null)
            return null;
        var steps = new List<KeyValuePair<string, JsonValue>>(tree.Count);
        foreach ((string step, JsonObject below) in Steps(tree))
            steps.Add(new(step, WithDeclared(below, place.Below(step), place.Declares(step))!));
        return Tree(isDeclared || Holds(tree), steps);
    }

    private static JsonObject? WithoutDeclared(JsonObject? tree, TypedPlace place, bool isDeclared)
    {
        if (tree is null || tree.Count == 0)
            return tree;
        var steps = new List<KeyValuePair<string, JsonValue>>(tree.Count);
        foreach ((string step, JsonObject below) in Steps(tree))
            steps.Add(new(step, WithoutDeclared(below, place.Below(step), place.Declares(step))!));
        return Tree(!isDeclared && Holds(tree), steps);
    }

    private static IEnumerable<IReadOnlyList<string>> Paths(JsonObject tree, string[] above)
    {
        foreach ((string step, JsonObject below) in Steps(tree))
        {
            if (Holds(below))
                yield return [.. above, step];
        }

        foreach ((string step, JsonObject below) in Steps(tree))
        {
            foreach (IReadOnlyList<string> path in Paths(below, [.. above, step]))
                yield return path;
        }
    }
}
