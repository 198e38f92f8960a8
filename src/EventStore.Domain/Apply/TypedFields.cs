using EventStore.Domain.Json;

namespace EventStore.Domain.Apply;

/// <summary>What an object mentions, merged into another, or taken out of it, by the typed model.</summary>
internal static class TypedFields
{
    /// <summary>The fields an object mentions.</summary>
    public static JsonObject Of(JsonObject value) => Mentioned(TypedPlace.Root, value, holds: false) ?? FieldSet.Empty;

    /// <summary>The object less these fields. What becomes empty by it becomes null.</summary>
    public static JsonValue Without(JsonObject value, JsonObject fields) => Without(TypedPlace.Root, value, fields);

    /// <summary>
    /// An object with what a partial one says put in. Nothing is taken out. The items of a list stand in the order of the partial list, and
    /// those it does not name where they stood.
    /// </summary>
    public static JsonObject Merge(JsonObject into, JsonObject partial) => (JsonObject)Merge(TypedPlace.Root, into, partial)!;

    private static JsonObject? Mentioned(TypedPlace place, JsonValue value, bool holds)
    {
        Ownership owned = place.Owned(value);
        if (value is JsonNull || owned == Ownership.Whole)
            return FieldSet.Empty;
        var steps = new List<KeyValuePair<string, JsonValue>>();
        if (owned == Ownership.ByMember)
        {
            var members = (JsonObject)value;
            foreach (KeyValuePair<string, JsonValue> member in members.Members)
                Add(TypedPlace.StepTo(member.Key), Mentioned(place.Of(member.Key), member.Value, !place.Has(member.Key)));
            return FieldSet.Tree(holds || members.Count == 0, steps);
        }

        foreach (IGrouping<string, JsonValue> items in ((JsonArray)value).Items.GroupBy(item => place.StepTo(item)!))
            Add(items.Key, items.Count() > 1 ? FieldSet.Empty : Mentioned(place.Item, items.First(), holds: true));
        return FieldSet.Tree(holds, steps);

        void Add(string step, JsonObject? below)
        {
            if (below is not null)
                steps.Add(new(step, below));
        }
    }

    private static JsonValue Without(TypedPlace place, JsonValue value, JsonObject fields)
    {
        switch (place.Owned(value), value)
        {
            case (Ownership.ByMember, JsonObject members):
                KeyValuePair<string, JsonValue>[] kept =
                [
                    .. members.Members.ToArray()
                        .Select(member => (member.Key, Value: Kept(TypedPlace.StepTo(member.Key), place.Of(member.Key), member.Value)))
                        .Where(member => member.Value is not null)
                        .Select(member => KeyValuePair.Create(member.Key, member.Value!)),
                ];
                return kept.Length == 0 ? JsonNull.Value : JsonObject.Of(kept);
            case (Ownership.ByItem, JsonArray list):
                JsonValue[] items =
                    [.. list.Items.Select(item => Kept(place.StepTo(item)!, place.Item, item)).OfType<JsonValue>()];
                return items.Length == 0 ? JsonNull.Value : new JsonArray(items);
            default:
                return value;
        }

        JsonValue? Kept(string step, TypedPlace below, JsonValue at) =>
            fields[step] is not JsonObject tree ? at : FieldSet.Holds(tree) ? null : Without(below, at, tree);
    }

    private static JsonValue? Merge(TypedPlace place, JsonValue? into, JsonValue? partial)
    {
        if (partial is null || ReferenceEquals(into, partial))
            return into;
        if (into is null or JsonNull)
            return partial;
        switch (place.Owned(into, partial))
        {
            case Ownership.ByMember when into is JsonObject { Count: > 0 } members:
                JsonObject merged = members;
                if (partial is JsonObject changes)
                {
                    foreach (KeyValuePair<string, JsonValue> change in changes.Members)
                        merged = merged.With(change.Key, Merge(place.Of(change.Key), members[change.Key], change.Value)!);
                }

                return merged;
            case Ownership.ByItem when into is JsonArray { Items.Count: > 0 } list:
                return partial is JsonArray { Items.Count: > 0 } items ? new JsonArray(Items(place, list.Items, items.Items)) : list;
            default:
                return partial.Equals(into) ? into : partial;
        }
    }

    private static List<JsonValue> Items(TypedPlace place, IReadOnlyList<JsonValue> into, IReadOnlyList<JsonValue> partial)
    {
        string[] steps = [.. partial.Select(item => place.StepTo(item)!)];
        ILookup<string, JsonValue> present = into.ToLookup(item => place.StepTo(item)!);
        var named = steps.ToHashSet(StringComparer.Ordinal);
        var merged = new List<JsonValue>(into.Count + partial.Count);
        int next = 0; // the first of the partial list that is not taken yet
        int shared = NextShared();
        foreach (JsonValue item in into)
        {
            string step = place.StepTo(item)!;
            if (!named.Contains(step))
                merged.Add(item);
            else if (shared >= 0 && steps[shared] == step)
                Take(shared + 1);
        }

        Take(steps.Length);
        return merged;

        void Take(int end)
        {
            for (; next < end; next++)
            {
                // An item that stands twice is replaced by the one that is applied.
                JsonValue? before = present[steps[next]].Count() == 1 ? present[steps[next]].First() : null;
                merged.Add(Merge(place.Item, before, partial[next])!);
            }

            shared = NextShared();
        }

        int NextShared() => Array.FindIndex(steps, next, present.Contains);
    }
}
