using System.Globalization;
using EventStore.Domain.Manifests;
using Microsoft.Extensions.Primitives;

namespace EventStore.Server.Kubernetes;

/// <summary>Values of query parameters as Go's <c>strconv</c> and apimachinery's <c>runtime/conversion.go</c> understand them.</summary>
internal static class GoParsing
{
    /// <summary>A whole number; the text says what is wrong, as <c>strconv.ParseInt</c> does, and is null when nothing is.</summary>
    public static string? Int64(string text, out long value) =>
        long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value)
            ? null
            : Explain("ParseInt", text, text.AsSpan(text.StartsWith('-') || text.StartsWith('+') ? 1 : 0));

    /// <summary>
    /// A revision: a whole number without a sign. One beyond int64 counts as the largest there is: it lies in the future either way.
    /// </summary>
    public static string? Revision(string text, out long value)
    {
        bool valid = ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong revision);
        value = revision > long.MaxValue ? long.MaxValue : (long)revision;
        return valid ? null : Explain("ParseUint", text, text);
    }

    /// <summary>Null when absent; otherwise only <c>0</c> and <c>false</c> are false, and an empty value is true.</summary>
    public static bool? Flag(StringValues values)
    {
        if (values.Count == 0)
            return null;
        return values[0] is not "0" && !string.Equals(values[0], "false", StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>The first value, or null when there is none.</summary>
    public static string? First(StringValues values) => values.Count == 0 ? null : values[0] ?? "";

    private static string Explain(string function, string text, ReadOnlySpan<char> digits)
    {
        bool isNumber = !digits.IsEmpty && digits.IndexOfAnyExceptInRange('0', '9') < 0;
        return $"strconv.{function}: parsing {FieldError.Quote(text)}: {(isNumber ? "value out of range" : "invalid syntax")}";
    }
}
