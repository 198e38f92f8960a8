using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace EventStore.Domain.Json;

/// <summary>A JSON object: members with distinct names in the order of the names' UTF-8 bytes.</summary>
public sealed class JsonObject : JsonValue
{
    /// <summary>The object without members.</summary>
    public static readonly JsonObject Empty = new([]);

    private const int KeptTextBytesMax = 16 << 10;
    private static readonly byte[] TooLong = [];

    private readonly KeyValuePair<string, JsonValue>[] members;
    private byte[]? text; // only where KeepText asked for it

    private JsonObject(KeyValuePair<string, JsonValue>[] sorted) => members = sorted;

    /// <inheritdoc/>
    public override string Kind => "object";

    /// <inheritdoc/>
    public override bool IsVoid => members.Length == 0;

    /// <summary>How many members there are.</summary>
    public int Count => members.Length;

    /// <summary>The members in order.</summary>
    public ReadOnlySpan<KeyValuePair<string, JsonValue>> Members => members;

    /// <summary>The names in order.</summary>
    public IEnumerable<string> Names => members.Select(member => member.Key);

    /// <summary>The member's value, or null when there is none.</summary>
    public JsonValue? this[string name] => Find(name) is var at and >= 0 ? members[at].Value : null;

    /// <summary>An object of these members; of members with one name the last counts, as in Go's and JavaScript's parsers.</summary>
    public static JsonObject Of(IEnumerable<KeyValuePair<string, JsonValue>> members) => FromUnsorted([.. members], null);

    /// <summary>An object of these members.</summary>
    public static JsonObject Of(params ReadOnlySpan<(string Name, JsonValue Value)> members)
    {
        var unsorted = new KeyValuePair<string, JsonValue>[members.Length];
        for (int i = 0; i < members.Length; i++)
            unsorted[i] = new(members[i].Name, members[i].Value);
        return FromUnsorted(unsorted, null);
    }

    /// <summary>Whether there is such a member, and its value.</summary>
    public bool TryGet(string name, [NotNullWhen(true)] out JsonValue? value)
    {
        value = this[name];
        return value is not null;
    }

    /// <summary>This object with the member set; the same object when nothing changes.</summary>
    public JsonObject With(string name, JsonValue value)
    {
        int at = Find(name);
        if (at >= 0)
        {
            if (ReferenceEquals(members[at].Value, value))
                return this;
            var replaced = (KeyValuePair<string, JsonValue>[])members.Clone();
            replaced[at] = new(name, value);
            return new JsonObject(replaced);
        }

        var grown = new KeyValuePair<string, JsonValue>[members.Length + 1];
        members.AsSpan(0, ~at).CopyTo(grown);
        grown[~at] = new(name, value);
        members.AsSpan(~at).CopyTo(grown.AsSpan(~at + 1));
        return new JsonObject(grown);
    }

    /// <summary>This object without the member; the same object when there is none.</summary>
    public JsonObject Without(string name)
    {
        int at = Find(name);
        return at < 0 ? this : new JsonObject([.. members.AsSpan(0, at), .. members.AsSpan(at + 1)]);
    }

    /// <summary>With the member set, or without it when the value is null.</summary>
    public JsonObject WithOrWithout(string name, JsonValue? value) => value is null ? Without(name) : With(name, value);

    /// <summary>How many bytes of text are kept with the object.</summary>
    public int KeptTextBytes => text?.Length ?? 0;

    /// <summary>
    /// Caches the object's text, which is then copied wherever the object is printed: for a part that rarely changes, such as the
    /// <c>spec</c> of a job whose labels are patched. A text of more than 16 KiB is not kept.
    /// </summary>
    /// <returns>This object.</returns>
    public JsonObject KeepText()
    {
        text ??= ToUtf8() is { Length: <= KeptTextBytesMax } whole ? whole : TooLong;
        return this;
    }

    /// <summary>Prints the object as a member's value, and keeps what was printed as <see cref="KeepText"/> does.</summary>
    public void WriteAndKeep(JsonPrinter printer)
    {
        int begin = printer.WrittenBytes;
        WriteTo(printer.Writer);
        text ??= printer.WrittenBytes - begin <= KeptTextBytesMax ? printer.ToUtf8(begin) : TooLong;
    }

    /// <inheritdoc/>
    public override void WriteTo(Utf8JsonWriter writer)
    {
        if (KeptTextBytes > 0)
        {
            writer.WriteRawValue(text, skipInputValidation: true);
            return;
        }

        writer.WriteStartObject();
        foreach (KeyValuePair<string, JsonValue> member in members)
        {
            writer.WritePropertyName(member.Key);
            member.Value.WriteTo(writer);
        }

        writer.WriteEndObject();
    }

    /// <inheritdoc/>
    public override bool Equals(JsonValue? other)
    {
        if (ReferenceEquals(this, other))
            return true;
        if (other is not JsonObject that || that.members.Length != members.Length)
            return false;
        for (int i = 0; i < members.Length; i++)
        {
            if (members[i].Key != that.members[i].Key || !members[i].Value.Equals(that.members[i].Value))
                return false;
        }

        return true;
    }

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        int hash = 7;
        foreach (KeyValuePair<string, JsonValue> member in members)
            hash = HashCode.Combine(hash, member.Key, member.Value);
        return hash;
    }

    /// <summary>
    /// Both objects' members side by side, in order: each name with its value on the left and on the right, null where the object has
    /// no such member. One pass over both, so that a large map costs its length and not its square.
    /// </summary>
    internal static MemberPairs Pair(JsonObject left, JsonObject right) => new(left.members, right.members);

    /// <summary>
    /// Sorts the members in place and keeps the last of each name; the names that stood more than once go into
    /// <paramref name="duplicates"/>. The array belongs to the new object afterwards.
    /// </summary>
    internal static JsonObject FromUnsorted(KeyValuePair<string, JsonValue>[] unsorted, List<string>? duplicates)
    {
        if (unsorted.Length == 0)
            return Empty;
        for (int i = 1; i < unsorted.Length; i++)
        {
            if (CompareNames(unsorted[i - 1].Key, unsorted[i].Key) >= 0)
                return new JsonObject(SortAndDropEarlier(unsorted, duplicates));
        }

        return new JsonObject(unsorted);
    }

    private static KeyValuePair<string, JsonValue>[] SortAndDropEarlier(
        KeyValuePair<string, JsonValue>[] unsorted, List<string>? duplicates)
    {
        var sorted = unsorted.OrderBy(member => member.Key, Comparer<string>.Create(CompareNames)).ToArray(); // a stable sort
        int count = 0;
        for (int i = 0; i < sorted.Length; i++)
        {
            if (i + 1 < sorted.Length && sorted[i].Key == sorted[i + 1].Key)
            {
                if (duplicates is not null && (duplicates.Count == 0 || duplicates[^1] != sorted[i].Key))
                    duplicates.Add(sorted[i].Key);
            }
            else
            {
                sorted[count++] = sorted[i];
            }
        }

        return count == sorted.Length ? sorted : sorted[..count];
    }

    private int Find(string name)
    {
        int low = 0, high = members.Length - 1;
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            int order = CompareNames(members[middle].Key, name);
            if (order == 0)
                return middle;
            if (order < 0)
                low = middle + 1;
            else
                high = middle - 1;
        }

        return ~low;
    }

    /// <summary>
    /// The order of the names' UTF-8 bytes, which is the order of code points. It differs from the order of UTF-16 units only
    /// where a surrogate (U+D800 to U+DFFF, standing for U+10000 and above) meets U+E000 to U+FFFF.
    /// </summary>
    internal static int CompareNames(string a, string b)
    {
        int at = a.AsSpan().CommonPrefixLength(b);
        if (at == a.Length || at == b.Length)
            return a.Length - b.Length;
        return char.IsSurrogate(a[at]) == char.IsSurrogate(b[at]) ? a[at] - b[at] : char.IsSurrogate(a[at]) ? 1 : -1;
    }
}
