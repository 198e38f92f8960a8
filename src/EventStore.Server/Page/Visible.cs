using System.Buffers;
using System.Globalization;
using System.Text;

namespace EventStore.Server.Page;

/// <summary>
/// Texts of others made harmless to read. That no text becomes markup is the business of the components, which encode all they are given;
/// here characters that are not seen, or that change how their neighbours are seen, are written out: <c>\u202e</c>.
/// </summary>
internal static class Visible
{
    // Controls, formats (all that steer the direction of writing are among them), separators of lines, halves of pairs,
    // what nobody assigned.
    private static readonly SearchValues<char> Plain =
        SearchValues.Create([.. Enumerable.Range(' ', '~' - ' ' + 1).Select(code => (char)code)]);

    /// <summary>The text, every character of it to be seen.</summary>
    public static string Of(string? text)
    {
        if (string.IsNullOrEmpty(text) || !text.AsSpan().ContainsAnyExcept(Plain))
            return text ?? string.Empty;
        var shown = new StringBuilder(text.Length);
        for (int i = 0; i < text.Length; i++)
        {
            bool isPair = char.IsSurrogatePair(text, i);
            if (IsSeen(CharUnicodeInfo.GetUnicodeCategory(text, i)))
                shown.Append(text, i, isPair ? 2 : 1);
            else
                shown.Append(CultureInfo.InvariantCulture, $"\\u{(int)text[i]:x4}").Append(
                    isPair ? $"\\u{(int)text[i + 1]:x4}" : string.Empty);
            i += isPair ? 1 : 0;
        }

        return shown.ToString();
    }

    private static bool IsSeen(UnicodeCategory category) => category is not (UnicodeCategory.Control or UnicodeCategory.Format
        or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.Surrogate
        or UnicodeCategory.OtherNotAssigned or UnicodeCategory.PrivateUse);
}
