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

    /// <summary>The document after all operations, or null when one of them does not apply: then none does.</summary>
    public JsonValue? Apply(JsonValue document)
    {
        JsonValue? after = document;
        int copied = 0;
        foreach (JsonValue operation in operations)
        {
            after = after is null ? null : ApplyOne(after, operation, ref copied);
            if (after is null)
                return null;
        }

        return after;
    }

    private static JsonValue? ApplyOne(JsonValue document, JsonValue operation, ref int copied)
    {
        if (Pointer(operation, "path") is not { } path)
            return null;
        JsonValue value = operation.Member("value") ?? JsonNull.Value;
        switch ((operation.Member("op") as JsonText)?.Value)
        {
            case "add":
                return path.Length == 0 || !Fits(path, value) ? null : Edit(document, path, (parent, key) => Add(parent, key, value));
            case "replace":
                return !Fits(path, value)
                    ? null
                    : path.Length == 0
                    ? (value is JsonObject or JsonArray ? value : null)
                    : Edit(document, path, (parent, key) => Replace(parent, key, value));
            case "remove":
                return path.Length == 0 ? null : Edit(document, path, Remove);
            case "test":
                return Holds(document, path, value) ? document : null;
            case "move":
                return Pointer(operation, "from") is { Length: > 0 } moved
                    && path.Length > 0
                    && At(document, moved) is { } taken
                    && Fits(path, taken)
                    && Edit(document, moved, Remove) is { } without
                    ? Edit(without, path, (parent, key) => Add(parent, key, taken))
                    : null;
            case "copy":
                if (Pointer(operation, "from") is not { Length: > 0 } source || path.Length == 0 || At(document,
                    source) is not { } found || !Fits(path, found))
                    return null;
                copied += found.ToUtf8().Length;
                return copied > CopiedBytesMax ? null : Edit(document, path, (parent, key) => Add(parent, key, found));
            default:
                return null;
        }
    }

    // No document becomes deeper than one that can be read: what is stored must be read again.
    private static bool Fits(string[] path, JsonValue value) => path.Length + Depth(value) <= JsonReading.DepthMax;

    private static int Depth(JsonValue value) => value switch
    {
        JsonObject members => 1 + members.Members.ToArray().Select(member => Depth(member.Value)).DefaultIfEmpty(0).Max(),
        JsonArray list => 1 + list.Items.Select(Depth).DefaultIfEmpty(0).Max(),
        _ => 0,
    };

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
    private static JsonValue? Edit(JsonValue document, ReadOnlySpan<string> path, Func<JsonValue, string, JsonValue?> edit)
    {
        if (path.Length == 1)
            return edit(document, path[0]);
        string step = path[0];
        switch (document)
        {
            case JsonObject members when members[step] is { } member:
                return Edit(member, path[1..], edit) is { } changed ? members.With(step, changed) : null;
            case JsonArray list when Index(step, list.Items.Count) is { } index:
                return Edit(list.Items[index], path[1..], edit) is { } item
                    ? new JsonArray([.. list.Items.Take(index), item, .. list.Items.Skip(index + 1)])
                    : null;
            default:
                return null;
        }
    }

    private static JsonValue? Add(JsonValue parent, string key, JsonValue value) => parent switch
    {
        JsonObject members => members.With(key, value),
        JsonArray list when key == "-" => new JsonArray([.. list.Items, value]),
        JsonArray list when Index(key, list.Items.Count + 1) is { } index =>
            new JsonArray([.. list.Items.Take(index), value, .. list.Items.Skip(index)]),
        _ => null,
    };

    private static JsonValue? Replace(JsonValue parent, string key, JsonValue value) => parent switch
    {
        JsonObject members => members[key] is null ? null : members.With(key, value),
        JsonArray list when Index(key, list.Items.Count) is { } index =>
            new JsonArray([.. list.Items.Take(index), value, .. list.Items.Skip(index + 1)]),
        _ => null,
    };

    private static JsonValue? Remove(JsonValue parent, string key) => parent switch
    {
        JsonObject members => members[key] is null ? null : members.Without(key),
        JsonArray list when Index(key, list.Items.Count) is { } index =>
            new JsonArray([.. list.Items.Take(index), .. list.Items.Skip(index + 1)]),
        _ => null,
    };

    /// <summary>The place an index names in a list of that many places; null when there is none.</summary>
    private static int? Index(string text, int places)
    {
        if (!int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int index))
            return null;
        index = index < 0 ? index + places : index;
        return index >= 0 && index < places ? index : null;
    }
}
