using System.Globalization;

namespace EventStore.Domain.Json;

/// <summary>Moments as texts: RFC 3339, in UTC.</summary>
public static class Rfc3339
{
    /// <summary>To the second, as Kubernetes writes times (<c>metav1.Time</c>); a part of a second is left out.</summary>
    public static string Of(DateTimeOffset time) => Cut(time, "yyyy-MM-ddTHH:mm:ss".Length);

    /// <summary>The form of <see cref="Exact"/>, of a time in UTC.</summary>
    public const string ExactFormat = "yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'";

    /// <summary>To the microsecond, which is as exact as PostgreSQL keeps it and as <c>metav1.MicroTime</c> is.</summary>
    public static string Exact(DateTimeOffset time) => Cut(time, "yyyy-MM-ddTHH:mm:ss.ffffff".Length);

    // The round-trip format, which .NET prints without reading a pattern: a page of the history has two hundred times.
    private static string Cut(DateTimeOffset time, int length)
    {
        Span<char> text = stackalloc char["yyyy-MM-ddTHH:mm:ss.fffffffZ".Length];
        time.UtcDateTime.TryFormat(text, out _, "O", CultureInfo.InvariantCulture);
        text[length] = 'Z';
        return new string(text[..(length + 1)]);
    }
}
