namespace EventStore.Domain.Json;

/// <summary>A character outside Unicode's basic plane is two UTF-16 code units, and half of one is no text.</summary>
public static class SurrogatePairs
{
    /// <summary>The beginning of the text, at most so long; the text itself when it is no longer.</summary>
    public static string CutTo(this string text, int lengthMax) =>
        text.Length <= lengthMax ? text
        : char.IsHighSurrogate(text[lengthMax - 1]) ? text[..(lengthMax - 1)]
        : text[..lengthMax];
}
