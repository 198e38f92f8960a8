using EventStore.Domain.Json;

namespace EventStore.Domain.Apply;

/// <summary>The fields in which two objects differ, as sets.</summary>
/// <param name="Removed">Those only the first has.</param>
/// <param name="Modified">Those both have, with other values.</param>
/// <param name="Added">Those only the second has.</param>
internal sealed record FieldComparison(JsonObject Removed, JsonObject Modified, JsonObject Added)
{
    /// <summary>The fields the second object sets: modified or added.</summary>
    public JsonObject Set { get; } = FieldSet.Union(Modified, Added);

    /// <summary>
    /// Compares two objects. Subtrees they share are passed over, so that a patched job costs what the patch touched.
    /// </summary>
    public static FieldComparison Of(JsonObject before, JsonObject after)
    {
        Trees trees = Compare(TypedPlace.Root, before, after);
        return new(trees.Removed ?? FieldSet.Empty, trees.Modified ?? FieldSet.Empty, trees.Added ?? FieldSet.Empty);
    }

    private static Trees Compare(TypedPlace place, JsonValue? before, JsonValue? after)
    {
        if (ReferenceEquals(before, after))
            return default;
        Ownership owned = place.Owned(before, after);
        if (owned == Ownership.Whole || (IsEmpty(before) && IsEmpty(after)))
        {
            return before is null ? new(null, null, FieldSet.Empty)
                : after is null ? new(FieldSet.Empty, null, null)
                : before.Equals(after) ? default
                : new(null, FieldSet.Empty, null);
        }

        var removed = new List<KeyValuePair<string, JsonValue>>();
        var modified = new List<KeyValuePair<string, JsonValue>>();
        var added = new List<KeyValuePair<string, JsonValue>>();
        foreach ((string step, TypedPlace below, JsonValue? left, JsonValue? right) in owned == Ownership.ByMember
            ? Members(place, before as JsonObject ?? JsonObject.Empty, after as JsonObject ?? JsonObject.Empty)
            : Items(place, before as JsonArray, after as JsonArray))
        {
            Trees trees = Compare(below, left, right);
            Add(removed, step, trees.Removed);
            Add(modified, step, trees.Modified);
            Add(added, step, trees.Added);
        }

        return new(FieldSet.Tree(after is null, removed), FieldSet.Tree(false, modified), FieldSet.Tree(before is null, added));
    }

    private static void Add(List<KeyValuePair<string, JsonValue>> steps, string step, JsonObject? tree)
    {
        if (tree is not null)
            steps.Add(new(step, tree));
    }

    private static IEnumerable<(string, TypedPlace, JsonValue?, JsonValue?)> Members(TypedPlace place, JsonObject before, JsonObject after)
    {
        foreach ((string name, JsonValue? left, JsonValue? right) in JsonObject.Pair(before, after))
        {
            if (!ReferenceEquals(left, right))
                yield return (TypedPlace.StepTo(name), place.Of(name), left, right);
        }
    }

    // Items of the same step, which only a list from before it was checked can have, are compared as one.
    private static IEnumerable<(string, TypedPlace, JsonValue?, JsonValue?)> Items(TypedPlace place, JsonArray? before, JsonArray? after)
    {
        ILookup<string, JsonValue> left = (before?.Items ?? []).ToLookup(item => place.StepTo(item)!);
        ILookup<string, JsonValue> right = (after?.Items ?? []).ToLookup(item => place.StepTo(item)!);
        foreach (string step in left.Select(each => each.Key).Union(right.Select(each => each.Key)))
        {
            bool single = left[step].Count() <= 1 && right[step].Count() <= 1;
            yield return single
                ? (step, place.Item, left[step].SingleOrDefault(), right[step].SingleOrDefault())
                : (step, default, All(left[step]), All(right[step]));
        }
    }

    private static JsonArray? All(IEnumerable<JsonValue> items) => items.Any() ? new JsonArray([.. items]) : null;

    private static bool IsEmpty(JsonValue? value) => value is null or JsonNull or JsonObject { Count: 0 } or JsonArray { Items.Count: 0 };

    private readonly record struct Trees(JsonObject? Removed, JsonObject? Modified, JsonObject? Added);
}
