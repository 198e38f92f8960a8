using System.Text.Json;

namespace EventStore.Domain.Json;

/// <summary>What is wrong with bytes that were meant to be JSON.</summary>
/// <param name="Unprocessable">
/// False: the text is not JSON, not valid Unicode, or nested too deep (400). True: it is JSON that PostgreSQL's jsonb cannot hold,
/// a number of too many digits or U+0000 in a string (422).
/// </param>
/// <param name="Message">What is wrong, for the person who sent it.</param>
/// <param name="Field">The path of the value at fault, where there is one.</param>
public sealed record JsonFault(bool Unprocessable, string Message, string Field);

/// <summary>Reads UTF-8 bytes into a <see cref="Json"/> value.</summary>
public static class JsonReading
{
    /// <summary>How deep objects and arrays may be nested. A pod template needs about fifteen levels.</summary>
    public const int DepthMax = 100;

    /// <summary>How deep a manifest, or a part of one, stands within what is stored and shown, with room to spare.</summary>
    public const int EnvelopeDepth = 8;

    /// <summary>
    /// The most duplicates that are reported: reporting all of a body with 100,000 of them below a name of one megabyte took five minutes.
    /// </summary>
    public const int DuplicatesMax = 100;

    /// <summary>Reads the whole of <paramref name="utf8"/> as one JSON value.</summary>
    /// <param name="utf8">The bytes; white space around the value is fine, anything else is not.</param>
    /// <param name="value">The value, or null when there is a fault.</param>
    /// <param name="fault">What is wrong, or null.</param>
    /// <param name="duplicates">
    /// When given, receives the paths of the members that stand more than once in their object, <see cref="DuplicatesMax"/> of them at
    /// most; the last one counts.
    /// </param>
    /// <param name="nesting">How deep it may be nested, at most <see cref="DepthMax"/>.</param>
    public static bool TryParse(
        ReadOnlySpan<byte> utf8, out JsonValue? value, out JsonFault? fault, ICollection<FieldPath>? duplicates =
            null, int nesting = DepthMax)
    {
        (value, fault) = (null, null);
        using var builder = JsonBuilder.Take(duplicates);
        try
        {
            var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = nesting });
            reader.Read();
            value = builder.Read(ref reader);
            fault = builder.Fault;
            if (fault is null)
                reader.Read(); // anything but white space behind the value throws here
        }
        catch (JsonException e)
        {
            fault = new JsonFault(false, Explain(e, utf8, nesting), string.Empty);
        }
        catch (InvalidOperationException)
        {
            // What Utf8JsonReader.GetString throws for bytes that are no UTF-8 and for an escape that is half of a surrogate pair.
            fault = new JsonFault(false, "the text is not valid Unicode", builder.Path.ToString());
        }

        if (fault is not null)
            value = null;
        return fault is null;
    }

    /// <summary>Reads JSON this program wrote itself.</summary>
    /// <exception cref="FormatException">The text is no JSON: the stored data were damaged.</exception>
    public static JsonValue Parse(ReadOnlySpan<byte> utf8) =>
        TryParse(utf8, out JsonValue? value, out JsonFault? fault, nesting: DepthMax + EnvelopeDepth)
            ? value!
            : throw new FormatException(fault!.Message);

    /// <summary>Reads the value the reader stands at, of JSON this program wrote itself, and leaves it at the value's end.</summary>
    /// <exception cref="FormatException">It holds what cannot have been stored.</exception>
    public static JsonValue Parse(ref Utf8JsonReader reader)
    {
        using var builder = JsonBuilder.Take();
        JsonValue value = builder.Read(ref reader);
        return builder.Fault is null ? value : throw new FormatException(builder.Fault.Message);
    }

    /// <summary>The parser's own words, less its advice to programmers; for an empty text what Go's parser says.</summary>
    private static string Explain(JsonException e, ReadOnlySpan<byte> utf8, int nesting)
    {
        if (utf8.Trim(" \t\r\n"u8).IsEmpty)
            return "unexpected end of JSON input";
        if (e.Message.Contains("maximum configured depth", StringComparison.Ordinal))
            return $"exceeded max depth: objects and arrays may be nested {nesting} levels deep";
        string text = e.Message;
        int advice = text.IndexOf(" Change the reader options", StringComparison.Ordinal);
        return advice < 0 ? text : text[..advice];
    }
}
