using System.Globalization;
using System.Numerics;
using System.Text.RegularExpressions;

namespace EventStore.Domain.Json;

/// <summary>
/// What a plain scalar of YAML, one without quotes and tag, stands for in version 1.1, which is kubectl's. Decimal numbers keep their
/// digits.
/// </summary>
public static partial class YamlScalar
{
    /// <summary>Whether the scalar is null.</summary>
    public static bool IsNull(string text) => text is "" or "~" or "null" or "Null" or "NULL";

    /// <summary>Whether the scalar is infinite or not a number, which JSON cannot say.</summary>
    public static bool IsEndless(string text) => Endless().IsMatch(text);

    /// <summary>Whether the scalar is a text.</summary>
    public static bool IsText(string text) => !IsNull(text) && Flag(text) is null && Number(text) is null && !IsEndless(text);

    /// <summary>The boolean the scalar stands for; null if it is none.</summary>
    public static bool? Flag(string text) => text switch
    {
        "true" or "True" or "TRUE" or "yes" or "Yes" or "YES" or "on" or "On" or "ON" or "y" or "Y" => true,
        "false" or "False" or "FALSE" or "no" or "No" or "NO" or "off" or "Off" or "OFF" or "n" or "N" => false,
        _ => null,
    };

    /// <summary>The number the scalar stands for, as JSON writes it; null if it is none.</summary>
    public static string? Number(string text)
    {
        if (!MaybeNumber().IsMatch(text))
            return null;
        string plain = text.Replace("_", "", StringComparison.Ordinal);
        string sign = plain.StartsWith('-') ? "-" : "";
        string digits = plain.TrimStart('+', '-');
        if (digits.Length > 2 && digits[0] == '0' && Base(digits[1]) is var (radix, start) && OfBase(digits[start..], radix) is { } value)
            return sign + value;
        if (!Decimal().IsMatch(digits))
            return null;
        digits = digits.StartsWith('.') ? "0" + digits : digits;
        int point = digits.IndexOf('.', StringComparison.Ordinal);
        if (point >= 0 && (point + 1 == digits.Length || !char.IsAsciiDigit(digits[point + 1])))
            digits = digits.Insert(point + 1, "0");
        return sign + (
            digits.Length > 1 && digits[0] == '0' && char.IsAsciiDigit(digits[1]) ? digits.TrimStart('0').PadLeft(1, '0') : digits);
    }

    private static (int Radix, int Start) Base(char c) => c switch
    {
        'x' or 'X' => (16, 2),
        'b' or 'B' => (2, 2),
        'o' or 'O' => (8, 2),
        _ => (8, 1), // 0644, as file modes are written
    };

    private static string? OfBase(string digits, int radix)
    {
        BigInteger value = 0;
        foreach (char c in digits)
        {
            int digit = char.IsAsciiHexDigit(c) ? Convert.ToInt32(c.ToString(), 16) : radix;
            if (digit >= radix)
                return null;
            value = (value * radix) + digit;
        }

        return value.ToString(CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(@"^[-+]?[.]?[0-9][0-9_a-fA-FxXoO.+-]{0,1000}$", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex MaybeNumber();

    [GeneratedRegex(@"^([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?$", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex Decimal();

    [GeneratedRegex(@"^([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex Endless();
}
