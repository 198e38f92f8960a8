using System.Buffers;
using System.Text.Encodings.Web;

namespace EventStore.Domain.Json;

/// <summary>
/// Escapes JSON strings as PostgreSQL prints jsonb, byte for byte: only quotes, backslashes and control characters, so that people
/// read 😀 and not <c>\ud83d\ude00</c>. .NET's encoders always escape characters beyond U+FFFF and unusual spaces.
/// </summary>
public sealed class PlainEscaping : JavaScriptEncoder
{
    /// <summary>The one instance.</summary>
    public static readonly PlainEscaping Encoder = new();

    private static readonly SearchValues<char> PlainAscii =
        SearchValues.Create([.. Enumerable.Range(' ', 0x80 - ' ').Select(c => (char)c).Where(c => c is not ('"' or '\\'))]);

    private static readonly SearchValues<byte> Escaped =
        SearchValues.Create([.. Enumerable.Range(0, ' ').Select(c => (byte)c), (byte)'"', (byte)'\\']);

    private PlainEscaping()
    {
    }

    /// <inheritdoc/>
    public override int MaxOutputCharactersPerInputCharacter => "\\u001f".Length;

    /// <inheritdoc/>
    public override bool WillEncode(int unicodeScalar) => unicodeScalar is < ' ' or '"' or '\\';

    /// <inheritdoc/>
    public override unsafe int FindFirstCharacterToEncode(char* text, int textLength)
    {
        var all = new ReadOnlySpan<char>(text, textLength);
        for (int at = 0; ; at++)
        {
            int plain = all[at..].IndexOfAnyExcept(PlainAscii);
            if (plain < 0)
                return -1;
            at += plain;
            if (char.IsHighSurrogate(all[at]) && at + 1 < textLength && char.IsLowSurrogate(all[at + 1]))
                at++; // a whole character beyond U+FFFF; half of one is no text, and must not pass
            else if (char.IsAscii(all[at]) || char.IsSurrogate(all[at]))
                return at;
        }
    }

    /// <inheritdoc/>
    public override int FindFirstCharacterToEncodeUtf8(ReadOnlySpan<byte> utf8Text) => utf8Text.IndexOfAny(Escaped);

    /// <inheritdoc/>
    public override unsafe bool TryEncodeUnicodeScalar(int unicodeScalar, char* buffer, int bufferLength, out int numberOfCharactersWritten)
    {
        string escape = unicodeScalar switch
        {
            '"' => "\\\"",
            '\\' => "\\\\",
            '\b' => "\\b",
            '\f' => "\\f",
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            < ' ' => $"\\u{unicodeScalar:x4}",
            _ => char.ConvertFromUtf32(unicodeScalar),
        };
        bool fits = escape.TryCopyTo(new Span<char>(buffer, bufferLength));
        numberOfCharactersWritten = fits ? escape.Length : 0;
        return fits;
    }
}
