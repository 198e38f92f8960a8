using System.Globalization;

namespace EventStore.Domain.Json;

/// <summary>
/// JSON Patch (RFC 6902), over values that keep every digit. Where the RFC leaves room it does as Kubernetes does (evanphx/json-patch v4):
/// an index may be negative and then counts from the end, and <c>test</c> for null holds where there is no member.
/// </summary>
public sealed class JsonPatch
{
    /// <summary>How many operations a patch may have: upstream's limit.</summary>
    public const int OperationsMax = 10_000;

    /// <summary>How many bytes all <c>copy</c> operations of a patch may copy, as compact JSON: upstream's limit.</summary>
    public const int CopiedBytesMax = 3 * 1024 * 1024;

    /// <summary>
    /// How much work a patch may be: each value that is walked and each place of a list or object that is copied counts one. It bounds
    /// what one patch costs the thread that decides it; upstream has no such limit.
    /// </summary>
    public const int WorkMax = 10_000_000;

    private readonly IReadOnlyList<JsonValue> operations;

    /// <summary>A patch of these operations. What is wrong with one is found when it is applied.</summary>
    public JsonPatch(JsonArray operations) => this.operations = operations.Items;

    /// <summary>
    /// The patch without the operations that add or replace a text at that JSON pointer, and the last such text; the same patch if there
    /// are none.
    /// </summary>
    public (JsonPatch Patch, JsonText? Added) WithoutAdded(string at)
    {
        JsonValue[] added = [.. operations.Where(operation => operation.Member("path") is JsonText path && path.Value == at
            && operation.Member("op") is JsonText { Value: "add" or "replace" } && operation.Member("value") is JsonText)];
        return added.Length == 0
            ? (this, null)
            : (new JsonPatch(new JsonArray([.. operations.Except(added, ReferenceEqualityComparer.Instance).Cast<JsonValue>()])),
                (JsonText)added[^1].Member("value")!);
    }

    /// <summary>The document after all operations; null when one does not apply or they are too much work: then none does.</summary>
    public JsonValue? Apply(JsonValue document)
    {
        JsonValue? after = document;
        var budget = new Budget();
        foreach (JsonValue operation in operations)
        {
            after = after is null ? null : ApplyOne(after, operation, budget);
            if (after is null)
                return null;
        }

        return after;
    }

    private static JsonValue? ApplyOne(JsonValue document, JsonValue operation, Budget budget)
    {
        if (Pointer(operation, "path") is not { } path)
            return null;
        JsonValue value = operation.Member("value") ?? JsonNull.Value;
        switch ((operation.Member("op") as JsonText)?.Value)
        {
            case "add":
                return path.Length == 0 || !Fits(value, path, budget)
                    ? null
                    : Edit(document, path, budget, (parent, key) => Add(parent, key, value));
            case "replace":
                return !Fits(value, path, budget)
                    ? null
                    : path.Length == 0
                    ? (value is JsonObject or JsonArray ? value : null)
                    : Edit(document, path, budget, (parent, key) => Replace(parent, key, value));
            case "remove":
                return path.Length == 0 ? null : Edit(document, path, budget, Remove);
            case "test":
                return Holds(document, path, value) ? document : null;
            case "move":
                return Pointer(operation, "from") is { Length: > 0 } moved
                    && path.Length > 0
                    && At(document, moved) is { } taken
                    && (path.Length <= moved.Length || Fits(taken, path, budget))
                    && Edit(document, moved, budget, Remove) is { } without
                    ? Edit(without, path, budget, (parent, key) => Add(parent, key, taken))
                    : null;
            case "copy":
                return Pointer(operation, "from") is { Length: > 0 } source
                    && path.Length > 0
                    && At(document, source) is { } found
                    && Fits(found, path, budget)
                    && budget.Copy(found.ToUtf8().Length)
                    ? Edit(document, path, budget, (parent, key) => Add(parent, key, found))
                    : null;
            default:
                return null;
        }
    }

    // No document becomes deeper than one that can be read: what is stored must be read again.
    private static bool Fits(JsonValue value, string[] path, Budget budget) => Fits(value, JsonReading.DepthMax - path.Length, budget);

    private static bool Fits(JsonValue value, int levels, Budget budget)
    {
        if (!budget.Work(1))
            return false;
        switch (value)
        {
            case JsonObject members:
                foreach (KeyValuePair<string, JsonValue> member in members.Members)
                {
                    if (!Fits(member.Value, levels - 1, budget))
                        return false;
                }

                return levels > 0;
            case JsonArray list:
                for (int i = 0; i < list.Items.Count; i++)
                {
                    if (!Fits(list.Items[i], levels - 1, budget))
                        return false;
                }

                return levels > 0;
            default:
                return levels >= 0;
        }
    }

    private static bool Holds(JsonValue document, string[] path, JsonValue value)
    {
        if (path.Length == 0)
            return document.Equals(value);
        if (At(document, path.AsSpan(..^1)) is not { } parent || (parent is JsonArray list && Index(path[^1], list.Items.Count) is null))
            return false;
        return At(parent, path.AsSpan(^1..)) is { } present ? present.Equals(value) : parent is JsonObject && value is JsonNull;
    }

    /// <summary>The steps of a JSON Pointer (RFC 6901); null when there is none. The empty pointer is the document itself.</summary>
    private static string[]? Pointer(JsonValue operation, string member)
    {
        if (operation.Member(member) is not JsonText { Value: var text })
            return null;
        if (text.Length == 0)
            return [];
        return text[0] != '/' ? null : [.. text[1..].Split('/').Select(Unescape)];
    }

    private static string Unescape(string step) =>
        step.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);

    private static JsonValue? At(JsonValue document, ReadOnlySpan<string> path)
    {
        JsonValue? at = document;
        foreach (string step in path)
        {
            at = at switch
            {
                JsonObject members => members[step],
                JsonArray list when Index(step, list.Items.Count) is { } index => list.Items[index],
                _ => null,
            };
        }

        return at;
    }

    /// <summary>
    /// The document with the value the path's parent becomes by the edit; null when there is no parent or the edit does not apply.
    /// </summary>
    private static JsonValue? Edit(JsonValue document, ReadOnlySpan<string> path, Budget budget, Func<JsonValue, string, JsonValue?> edit)
    {
        if (!budget.Work(document switch { JsonObject members => members.Count, JsonArray list => list.Items.Count, _ => 0 }))
            return null;
        if (path.Length == 1)
            return edit(document, path[0]);
        string step = path[0];
        switch (document)
        {
            case JsonObject members when members[step] is { } member:
                return Edit(member, path[1..], budget, edit) is { } changed ? members.With(step, changed) : null;
            case JsonArray list when Index(step, list.Items.Count) is { } index:
                return Edit(list.Items[index], path[1..], budget, edit) is { } item ? Splice(list, index, 1, item) : null;
            default:
                return null;
        }
    }

    private static JsonValue? Add(JsonValue parent, string key, JsonValue value) => parent switch
    {
        JsonObject members => members.With(key, value),
        JsonArray list when key == "-" => Splice(list, list.Items.Count, 0, value),
        JsonArray list when Index(key, list.Items.Count + 1) is { } index => Splice(list, index, 0, value),
        _ => null,
    };

    private static JsonValue? Replace(JsonValue parent, string key, JsonValue value) => parent switch
    {
        JsonObject members => members[key] is null ? null : members.With(key, value),
        JsonArray list when Index(key, list.Items.Count) is { } index => Splice(list, index, 1, value),
        _ => null,
    };

    private static JsonValue? Remove(JsonValue parent, string key) => parent switch
    {
        JsonObject members => members[key] is null ? null : members.Without(key),
        JsonArray list when Index(key, list.Items.Count) is { } index => Splice(list, index, 1),
        _ => null,
    };

    /// <summary>The list with the inserted items in place of the removed ones.</summary>
    private static JsonArray Splice(JsonArray list, int index, int removed, params ReadOnlySpan<JsonValue> inserted)
    {
        var items = new List<JsonValue>(list.Items.Count + inserted.Length);
        items.AddRange(list.Items);
        items.RemoveRange(index, removed);
        items.InsertRange(index, inserted);
        return new JsonArray(items);
    }

    /// <summary>The place an index names in a list of that many places; null when there is none.</summary>
    private static int? Index(string text, int places)
    {
        if (!int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int index))
            return null;
        index = index < 0 ? index + places : index;
        return index >= 0 && index < places ? index : null;
    }

    /// <summary>What the operations of one patch have cost so far.</summary>
    private sealed class Budget
    {
        private int copiedBytes;
        private int work;

        public bool Copy(int bytes) => (copiedBytes += bytes) <= CopiedBytesMax;

        public bool Work(int count) => (work += count) <= WorkMax;
    }
}
