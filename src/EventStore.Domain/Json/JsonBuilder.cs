using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace EventStore.Domain.Json;

/// <summary>
/// Builds the value a reader stands at. Each thread keeps one with its stacks, so that reading allocates the value and nothing else.
/// Dispose gives it back.
/// </summary>
internal sealed class JsonBuilder : IDisposable
{
    private const int KeptMax = 1024;

    [ThreadStatic]
    private static JsonBuilder? idle;

    // The members and items read so far of all objects and arrays around the reader, the innermost last. Items have no name.
    private readonly List<KeyValuePair<string, JsonValue>> parts = new(64);
    private readonly Stack<Step> path = new(16); // a pod template's depth
    private ICollection<FieldPath>? duplicates;

    private JsonBuilder()
    {
    }

    /// <summary>The first fault; null for none.</summary>
    public JsonFault? Fault { get; private set; }

    /// <summary>Where the reader stands.</summary>
    public FieldPath Path =>
        path.Reverse().Aggregate(FieldPath.Root, (at, step) => step.Name is { } name ? at.Member(name) : at.Item(step.Index));

    /// <summary>Takes the one of this thread, or makes one while that is in use.</summary>
    /// <param name="duplicates">Receives the paths of the members that stand more than once in their object; null for nobody asks.</param>
    public static JsonBuilder Take(ICollection<FieldPath>? duplicates = null)
    {
        JsonBuilder taken = idle ?? new JsonBuilder();
        (idle, taken.duplicates) = (null, duplicates);
        return taken;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (parts.Capacity > KeptMax)
            return;
        parts.Clear();
        path.Clear();
        (Fault, duplicates, idle) = (null, null, this);
    }

    /// <summary>Reads the value, and leaves the reader at its end.</summary>
    public JsonValue Read(ref Utf8JsonReader reader)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.StartObject:
                return ReadObject(ref reader);
            case JsonTokenType.StartArray:
                return ReadArray(ref reader);
            case JsonTokenType.String:
                return new JsonText(Text(ref reader));
            case JsonTokenType.Number:
                if (reader.ValueSpan is [var digit])
                    return JsonNumber.OfDigit(digit);
                if (JsonNumber.Parse(Encoding.ASCII.GetString(reader.ValueSpan)) is { } number)
                    return number;
                Fault ??= new JsonFault(true, $"a number may have at most {JsonNumber.DigitsMax} digits written out", Path.ToString());
                return JsonNull.Value;
            case JsonTokenType.True:
                return JsonBoolean.True;
            case JsonTokenType.False:
                return JsonBoolean.False;
            default:
                return JsonNull.Value;
        }
    }

    private JsonObject ReadObject(ref Utf8JsonReader reader)
    {
        int begin = parts.Count;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            string name = Text(ref reader);
            path.Push(new Step(name, 0));
            reader.Read();
            parts.Add(new(name, Read(ref reader)));
            path.Pop();
        }

        KeyValuePair<string, JsonValue>[] members = CollectionsMarshal.AsSpan(parts)[begin..].ToArray();
        parts.RemoveRange(begin, members.Length);
        if (duplicates is null || duplicates.Count >= JsonReading.DuplicatesMax)
            return JsonObject.FromUnsorted(members, null);
        var twice = new List<string>();
        var value = JsonObject.FromUnsorted(members, twice);
        foreach (string name in twice.Take(JsonReading.DuplicatesMax - duplicates.Count))
            duplicates.Add(Path.Member(name));
        return value;
    }

    private JsonArray ReadArray(ref Utf8JsonReader reader)
    {
        int begin = parts.Count;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            path.Push(new Step(null, parts.Count - begin));
            parts.Add(new(string.Empty, Read(ref reader)));
            path.Pop();
        }

        var items = new JsonValue[parts.Count - begin];
        for (int i = 0; i < items.Length; i++)
            items[i] = parts[begin + i].Value;
        parts.RemoveRange(begin, items.Length);
        return new JsonArray(items);
    }

    private string Text(ref Utf8JsonReader reader)
    {
        string text = reader.GetString()!;
        if (text.Contains('\0', StringComparison.Ordinal))
            Fault ??= new JsonFault(true, "U+0000 cannot be stored", Path.ToString());
        return text;
    }

    /// <summary>A member of an object, or an item of an array.</summary>
    private readonly record struct Step(string? Name, int Index);
}
