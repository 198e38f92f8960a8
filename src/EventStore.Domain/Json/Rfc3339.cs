using System.Globalization;
using System.Text.RegularExpressions;

namespace EventStore.Domain.Json;

/// <summary>Moments as texts: RFC 3339, written in UTC and read with any offset.</summary>
public static partial class Rfc3339
{
    /// <summary>To the second, as Kubernetes writes times (<c>metav1.Time</c>); a part of a second is left out.</summary>
    public static string Of(DateTimeOffset time) => Cut(time, "yyyy-MM-ddTHH:mm:ss".Length);

    /// <summary>The form of <see cref="Exact"/>, of a time in UTC.</summary>
    public const string ExactFormat = "yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'";

    /// <summary>To the microsecond, which is as exact as PostgreSQL keeps it and as <c>metav1.MicroTime</c> is.</summary>
    public static string Exact(DateTimeOffset time) => Cut(time, "yyyy-MM-ddTHH:mm:ss.ffffff".Length);

    /// <summary>Reads a time to the microsecond.</summary>
    /// <param name="text">The text.</param>
    /// <param name="time">The time; what is below a microsecond is cut off.</param>
    /// <param name="hasMoreDigits">Whether anything was: the text names a later moment than the time, before the next microsecond.</param>
    /// <returns>Whether the text is one of RFC 3339.</returns>
    public static bool TryRead(string text, out DateTimeOffset time, out bool hasMoreDigits)
    {
        Match match = Form().Match(text);
        string exact = $"{match.Groups["time"].Value}{match.Groups["fraction"].Value}{match.Groups["zone"].Value}".ToUpperInvariant();
        hasMoreDigits = match.Groups["more"].ValueSpan.ContainsAnyExcept('0');
        const string format = "yyyy-MM-dd'T'HH:mm:ss.FFFFFFK";
        return DateTimeOffset.TryParseExact(exact, format, CultureInfo.InvariantCulture, DateTimeStyles.None, out time);
    }

    // The round-trip format, which .NET prints without reading a pattern: a page of the history has two hundred times.
    private static string Cut(DateTimeOffset time, int length)
    {
        Span<char> text = stackalloc char["yyyy-MM-ddTHH:mm:ss.fffffffZ".Length];
        time.UtcDateTime.TryFormat(text, out _, "O", CultureInfo.InvariantCulture);
        text[length] = 'Z';
        return new string(text[..(length + 1)]);
    }

    [GeneratedRegex(@"\A(?<time>[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2})"
        + @"((?<fraction>\.[0-9]{1,6})(?<more>[0-9]*))?(?<zone>[Zz]|[+-][0-9]{2}:[0-9]{2})\z")]
    private static partial Regex Form();
}
