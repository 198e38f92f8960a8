using System.Text;
using System.Text.Json;
using EventStore.Domain.Manifests;

namespace EventStore.Server.Kubernetes.Requests;

/// <summary>
/// Explains a JSON syntax error. The commonest errors are worded as by Go's encoding/json, because Kubernetes passes those messages
/// on and people search for them: an unexpected end, a wrong character in place of a value, a name or a comma, a misspelt literal.
/// Others are reported by offset. It runs only after a text has been refused.
/// </summary>
internal static class GoSyntax
{
    // As deep as the text goes: nesting too deep is the caller's to refuse, and in other words.
    private static readonly JsonReaderOptions AnyDepth = new() { MaxDepth = int.MaxValue };

    /// <summary>What Go would say, or null where Go finds nothing wrong (bad Unicode, nesting too deep).</summary>
    public static string? Explain(ReadOnlySpan<byte> text)
    {
        var reader = new Utf8JsonReader(text, AnyDepth);
        var open = new Stack<JsonTokenType>();
        (int read, JsonTokenType last) = (0, JsonTokenType.None);
        try
        {
            while (reader.Read())
            {
                (read, last) = ((int)reader.BytesConsumed, reader.TokenType);
                if (last is JsonTokenType.StartObject or JsonTokenType.StartArray)
                    open.Push(last);
                else if (last is JsonTokenType.EndObject or JsonTokenType.EndArray)
                    open.Pop();
            }

            return null;
        }
        catch (JsonException e)
        {
            int at = OffsetOf(e, text);
            if (at >= text.Length)
                return "unexpected end of JSON input";
            JsonTokenType within = open.TryPeek(out JsonTokenType innermost) ? innermost : last;
            return $"invalid character {QuoteByte(text[at])} {Place(text[read..at].Trim(" \t\r\n"u8), last, within, at)}";
        }
    }

    /// <param name="begun">What stands between the last whole token and the fault.</param>
    /// <param name="last">The last whole token.</param>
    /// <param name="within">The object or array the fault is in.</param>
    /// <param name="at">The offset of the fault.</param>
    private static string Place(ReadOnlySpan<byte> begun, JsonTokenType last, JsonTokenType within, int at)
    {
        bool follows = last is not (
            JsonTokenType.None or JsonTokenType.StartObject or JsonTokenType.StartArray or JsonTokenType.PropertyName);
        bool comma = follows && begun is [(byte)',', ..];
        begun = comma ? begun[1..].TrimStart(" \t\r\n"u8) : begun;
        bool wantsName = within == JsonTokenType.StartObject && (comma || last == JsonTokenType.StartObject);
        if (begun is [(byte)'t' or (byte)'f' or (byte)'n', ..] && Word(begun[0]) is var word && begun.Length < word.Length)
            return $"in literal {word} (expecting '{word[begun.Length]}')";
        if (wantsName && begun is [(byte)'"', .., (byte)'"'])
            return "after object key";
        if (!begun.IsEmpty)
            return $"at offset {at}";
        if (wantsName)
            return "looking for beginning of object key string";
        if (comma || !follows)
            return "looking for beginning of value";
        return within switch
        {
            JsonTokenType.StartObject => "after object key:value pair",
            JsonTokenType.StartArray => "after array element",
            _ => "after top-level value",
        };
    }

    private static string Word(byte first) => first switch { (byte)'t' => "true", (byte)'f' => "false", _ => "null" };

    /// <summary>The reader counts lines, and bytes within the line.</summary>
    private static int OffsetOf(JsonException e, ReadOnlySpan<byte> text)
    {
        int line = 0;
        for (long lines = e.LineNumber ?? 0; lines > 0; lines--)
            line += text[line..].IndexOf((byte)'\n') + 1;
        return line + (int)(e.BytePositionInLine ?? 0);
    }

    /// <summary>Go shows the byte as if it were a code point.</summary>
    private static string QuoteByte(byte value) => value switch
    {
        (byte)'\'' => "'\\''",
        (byte)'"' => "'\"'",
        _ => $"'{FieldError.Quote(new Rune(value).ToString())[1..^1]}'",
    };
}
