namespace EventStore.Domain.Json;

/// <summary>
/// JSON merge patch (RFC 7396; Kubernetes still calls it by its first number, 7386): members are merged, null takes a member away,
/// anything else replaces. What an array holds is taken word for word, nulls inside it included.
/// </summary>
/// <remarks>
/// Upstream's library (evanphx/json-patch v4.12) prunes nulls inside a new array's objects in some cases and not in others; the RFC
/// keeps them always, and so does this.
/// </remarks>
public static class MergePatch
{
    /// <summary>
    /// The target after the patch. Untouched subtrees are shared with the target, and where nothing changes the answer is the target
    /// itself, so "has anything changed?" is a comparison of references.
    /// </summary>
    /// <param name="target">The value to change; null when there is none.</param>
    /// <param name="patch">The merge patch.</param>
    public static JsonValue Apply(JsonValue? target, JsonValue patch)
    {
        if (patch is JsonObject changes)
            return target is JsonObject present ? Merge(present, changes) : WithoutNulls(changes);
        return patch.Equals(target) ? target! : patch;
    }

    /// <summary>
    /// The smallest patch that takes <paramref name="from"/> to <paramref name="to"/>; the empty object when they are equal. A patch
    /// cannot set a member to null, so a null member of <paramref name="to"/> is lost: the caller stores such a value whole.
    /// </summary>
    public static JsonObject Between(JsonObject from, JsonObject to)
    {
        var changes = new List<KeyValuePair<string, JsonValue>>();
        foreach ((string name, JsonValue? before, JsonValue? after) in JsonObject.Pair(from, to))
        {
            if (Change(before, after) is { } change)
                changes.Add(new(name, change));
        }

        return JsonObject.Of(changes);
    }

    private static JsonObject Merge(JsonObject target, JsonObject changes)
    {
        var merged = new List<KeyValuePair<string, JsonValue>>(target.Count + changes.Count);
        bool changed = false;
        foreach ((string name, JsonValue? before, JsonValue? change) in JsonObject.Pair(target, changes))
        {
            JsonValue? after = change switch
            {
                null => before,
                JsonNull => null,
                _ => Apply(before, change),
            };
            changed |= !ReferenceEquals(before, after);
            if (after is not null)
                merged.Add(new(name, after));
        }

        return changed ? JsonObject.Of(merged) : target;
    }

    // What a patch makes of nothing. Parts without a null are shared with the patch.
    private static JsonObject WithoutNulls(JsonObject patch)
    {
        List<KeyValuePair<string, JsonValue>>? kept = null;
        ReadOnlySpan<KeyValuePair<string, JsonValue>> members = patch.Members;
        for (int i = 0; i < members.Length; i++)
        {
            (string name, JsonValue value) = members[i];
            JsonValue? after = value is JsonObject below ? WithoutNulls(below) : value is JsonNull ? null : value;
            if (kept is null && !ReferenceEquals(after, value))
                kept = [.. members[..i]];
            if (kept is not null && after is not null)
                kept.Add(new(name, after));
        }

        return kept is null ? patch : JsonObject.Of(kept);
    }

    private static JsonValue? Change(JsonValue? before, JsonValue? after)
    {
        if (ReferenceEquals(before, after))
            return null;
        if (before is JsonObject from && after is JsonObject to)
            return Between(from, to) is { Count: > 0 } changes ? changes : null;
        return after is null ? JsonNull.Value : after.Equals(before) ? null : after;
    }
}
