using System.Text;
using System.Text.Json;

namespace EventStore.Domain.Manifests;

/// <summary>
/// One copy of the short texts that jobs have in common: the names of their members, their kinds, images and policies. Of the documentation's
/// example, 1 KB as text, these were more than half of the 9 KB it took as objects.
/// </summary>
/// <remarks>
/// Each text has one place, and the last one read stands there: whatever is sent, the table grows no further, and a text that was pushed
/// out is shared again from its next reading on. Readers and writers need no lock, for a text is as good as its equal.
/// </remarks>
internal static class SharedText
{
    private const int Places = 2048; // a power of two
    private const int LengthMax = 64;

    private static readonly JsonText?[] Known = new JsonText?[Places];

    /// <summary>The string or the member's name the reader stands at.</summary>
    /// <exception cref="InvalidOperationException">It is not valid Unicode.</exception>
    public static JsonText Read(ref Utf8JsonReader reader)
    {
        if (reader.ValueIsEscaped || reader.ValueSpan.Length > LengthMax)
            return new JsonText(reader.GetString()!);
        ref JsonText? place = ref Known[PlaceOf(reader.ValueSpan)];
        if (Volatile.Read(ref place) is { } known && Ascii.Equals(reader.ValueSpan, known.Value))
            return known;
        var text = new JsonText(reader.GetString()!);
        Volatile.Write(ref place, text);
        return text;
    }

    private static int PlaceOf(ReadOnlySpan<byte> utf8)
    {
        uint hash = 2166136261; // FNV-1a
        foreach (byte one in utf8)
            hash = (hash ^ one) * 16777619;
        return (int)((hash ^ (hash >> 16)) & (Places - 1));
    }
}
