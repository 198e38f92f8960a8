using System.Globalization;
using System.Text.Json;

namespace EventStore.Domain.Json;

/// <summary>
/// A JSON number, kept as the text that PostgreSQL's jsonb prints for it: every digit as written (<c>1.10</c>,
/// <c>9007199254740993</c>), exponents expanded (<c>1e2</c> is <c>100</c>), no minus before zero. Numbers are normalized when they
/// are read, so that the reply, the event, the stored row and the hash agree.
/// </summary>
public sealed class JsonNumber : JsonValue
{
    /// <summary>The most digits a number may have when written out; <c>1e100000</c> must cost nothing.</summary>
    public const int DigitsMax = 400;

    private static readonly JsonNumber[] Digits = [.. Enumerable.Range(0, 10).Select(digit => Of(digit))];

    private JsonNumber(string text, bool hadExponent = false) => (Text, HadExponent) = (text, hadExponent);

    /// <summary>Whether it came in written with an exponent. It is no part of the value and is not kept.</summary>
    internal bool HadExponent { get; }

    /// <summary>The number as jsonb prints it.</summary>
    public string Text { get; }

    /// <inheritdoc/>
    public override string Kind => "number";

    /// <summary>A whole number.</summary>
    public static JsonNumber Of(long value) => new(value.ToString(CultureInfo.InvariantCulture));

    /// <summary>The number of one digit, which is given as its character.</summary>
    internal static JsonNumber OfDigit(byte digit) => Digits[digit - (byte)'0'];

    /// <summary>
    /// Reads a number that is well-formed by RFC 8259; null when it has more than <see cref="DigitsMax"/> digits written out.
    /// </summary>
    public static JsonNumber? Parse(string text)
    {
        bool negative = text[0] == '-';
        int exponentAt = text.AsSpan().IndexOfAny('e', 'E');
        ReadOnlySpan<char> mantissa = text.AsSpan(negative ? 1 : 0, (exponentAt < 0 ? text.Length : exponentAt) - (negative ? 1 : 0));
        if (mantissa.Length > DigitsMax + 1)
            return null;
        int point = mantissa.IndexOf('.');
        int fraction = point < 0 ? 0 : mantissa.Length - point - 1;
        bool zero = mantissa.IndexOfAnyExcept('0', '.') < 0;
        if (exponentAt < 0)
        {
            if (mantissa.Length - (point < 0 ? 0 : 1) > DigitsMax)
                return null;
            return new JsonNumber(zero && negative ? mantissa.ToString() : text);
        }

        // Zero keeps its scale (0.00e1 is 0.0) but takes no digit from its exponent: 0e100000 is 0.
        if (zero && text[exponentAt + 1] != '-' && LeavesNoFraction(text.AsSpan(exponentAt + 1), fraction))
            return new JsonNumber("0", hadExponent: true);

        // An exponent beyond int is far beyond DigitsMax either way.
        if (!int.TryParse(text.AsSpan(exponentAt + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int exponent)
            || Math.Abs((long)exponent) > 2 * DigitsMax)
            return null;
        string digits = point < 0 ? mantissa.ToString() : string.Concat(mantissa[..point], mantissa[(point + 1)..]);
        string written = WriteOut(digits, fraction - exponent);
        if (written.Length - (written.Contains('.', StringComparison.Ordinal) ? 1 : 0) > DigitsMax)
            return null;
        return new JsonNumber(negative && !zero ? "-" + written : written, hadExponent: true);
    }

    /// <summary>The number as an int64 when it is written as one, without a point.</summary>
    public bool TryGetInt64(out long value) =>
        long.TryParse(Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value);

    /// <summary>The number without a fraction of zeros, <c>60</c> for <c>60.00</c>; the same object when it has none or another.</summary>
    public JsonNumber WithoutZeroFraction()
    {
        int point = Text.IndexOf('.', StringComparison.Ordinal);
        return point < 0 || Text.AsSpan(point + 1).ContainsAnyExcept('0')
            ? this
            : new JsonNumber(Text is ['-', '0', '.', ..] ? "0" : Text[..point]);
    }

    /// <inheritdoc/>
    public override void WriteTo(Utf8JsonWriter writer) => writer.WriteRawValue(Text, skipInputValidation: true);

    /// <inheritdoc/>
    public override bool Equals(JsonValue? other) => other is JsonNumber number && number.Text == Text;

    /// <inheritdoc/>
    public override int GetHashCode() => string.GetHashCode(Text, StringComparison.Ordinal);

    private static bool LeavesNoFraction(ReadOnlySpan<char> exponent, int fraction) =>
        !int.TryParse(exponent, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int power) || power >= fraction;

    /// <summary>The digits with <paramref name="scale"/> of them behind the point (zeros are appended for a negative scale).</summary>
    private static string WriteOut(string digits, int scale)
    {
        if (scale < 0)
            (digits, scale) = (digits + new string('0', -scale), 0);
        if (digits.Length <= scale)
            digits = new string('0', scale - digits.Length + 1) + digits;
        string whole = digits[..^scale].TrimStart('0');
        whole = whole.Length == 0 ? "0" : whole;
        return scale == 0 ? whole : $"{whole}.{digits[^scale..]}";
    }
}
