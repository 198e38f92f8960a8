using System.Buffers;
using System.Globalization;
using System.Numerics;
using EventStore.Domain.Json;

namespace EventStore.Domain.Manifests;

/// <summary>
/// Kubernetes quantities (apimachinery <c>resource.Quantity</c>): <c>2</c>, <c>1500m</c>, <c>4Gi</c>, <c>1e3</c>. They are compared
/// by value in whole nanos, because Go rounds anything finer up, away from zero.
/// </summary>
internal static class Quantity
{
    /// <summary>The longest text that counts as a quantity, in characters, so that nobody can make the arithmetic expensive.</summary>
    private const int LengthMax = 256;

    /// <summary>The pattern by which the definition of a custom resource checks the text of a quantity.</summary>
    public const string Pattern =
        @"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$";

    private const int ExponentMax = 400;
    private const int NanoDigits = 9;

    private static readonly SearchValues<char> NumberLetters = SearchValues.Create("0123456789.");

    /// <summary>Whether both are quantities of the same value. A number and a text may be equal.</summary>
    public static bool AreEqual(JsonValue one, JsonValue other) => Nanos(one) is { } left && left == Nanos(other);

    /// <summary>Whether the value is a quantity.</summary>
    public static bool IsQuantity(JsonValue value) => Nanos(value) is not null;

    /// <summary>Whether the value is a quantity of nothing: <c>0</c>, <c>"0m"</c>.</summary>
    public static bool IsZero(JsonValue value) => Nanos(value) is { IsZero: true };

    private static BigInteger? Nanos(JsonValue value) => value switch
    {
        JsonNumber number => Nanos(number.Text),
        JsonText text => Nanos(text.Value),
        _ => null,
    };

    private static BigInteger? Nanos(string text)
    {
        ReadOnlySpan<char> rest = text;
        if (rest.Length is 0 or > LengthMax)
            return null;
        bool negative = rest[0] == '-';
        if (rest[0] is '-' or '+')
            rest = rest[1..];
        int numberLength = rest.IndexOfAnyExcept(NumberLetters);
        ReadOnlySpan<char> number = numberLength < 0 ? rest : rest[..numberLength];
        if (Suffix(numberLength < 0 ? [] : rest[numberLength..]) is not var (exponent, binary) || Digits(number) is not var (digits,
            fraction))
            return null;
        BigInteger scaled = digits << binary;
        int power = exponent - fraction + NanoDigits;
        BigInteger nanos = power >= 0
            ? scaled * BigInteger.Pow(10, power)
            : (scaled + BigInteger.Pow(10, -power) - 1) / BigInteger.Pow(10, -power);
        return negative ? -nanos : nanos;
    }

    /// <summary>The digits as a whole number, and how many of them stand behind the point: <c>1.50</c> is 150 and 2.</summary>
    private static (BigInteger Digits, int Fraction)? Digits(ReadOnlySpan<char> number)
    {
        int point = number.IndexOf('.');
        if (point >= 0 && number[(point + 1)..].Contains('.'))
            return null;
        string digits = point < 0 ? number.ToString() : string.Concat(number[..point], number[(point + 1)..]);
        if (digits.Length == 0)
            return null;
        return (BigInteger.Parse(digits, NumberStyles.None, CultureInfo.InvariantCulture), point < 0 ? 0 : number.Length - point - 1);
    }

    /// <summary>The power of ten and the power of two a suffix stands for; null for a suffix there is not.</summary>
    private static (int Exponent, int Binary)? Suffix(ReadOnlySpan<char> suffix) => suffix switch
    {
        "" => (0, 0),
        "n" => (-9, 0),
        "u" => (-6, 0),
        "m" => (-3, 0),
        "k" => (3, 0),
        "M" => (6, 0),
        "G" => (9, 0),
        "T" => (12, 0),
        "P" => (15, 0),
        "E" => (18, 0),
        "Ki" => (0, 10),
        "Mi" => (0, 20),
        "Gi" => (0, 30),
        "Ti" => (0, 40),
        "Pi" => (0, 50),
        "Ei" => (0, 60),
        ['e' or 'E', .. var power] when int.TryParse(power, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int exponent)
            && Math.Abs((long)exponent) <= ExponentMax => (exponent, 0),
        _ => null,
    };
}
