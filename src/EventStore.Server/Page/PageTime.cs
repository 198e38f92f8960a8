using System.Globalization;
using System.Text.RegularExpressions;
using EventStore.Domain.Json;

namespace EventStore.Server.Page;

/// <summary>Moments in links, forms and sentences: always UTC, always to the microsecond where something hangs on it.</summary>
internal static partial class PageTime
{
    private const string UtcFormat = "yyyy-MM-dd HH:mm:ss 'UTC'";

    /// <summary>As RFC 3339 has it, to the microsecond.</summary>
    public static string Exact(DateTimeOffset time) => Rfc3339.Exact(time);

    /// <summary>For people.</summary>
    public static string Utc(DateTimeOffset time) => time.UtcDateTime.ToString(UtcFormat, CultureInfo.InvariantCulture);

    /// <summary>As a form's date and time field takes it.</summary>
    public static string Field(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss", CultureInfo.InvariantCulture);

    /// <summary>The first such moment that is not before it.</summary>
    public static string FieldAfter(DateTimeOffset time) => Field(time.AddTicks(TimeSpan.TicksPerSecond - 1));

    /// <summary>A text, taken apart where moments stand in it that <see cref="Utc"/> wrote.</summary>
    public static IEnumerable<(string Text, DateTimeOffset? Time)> Parts(string text) => Written().Split(text).Select(part =>
        DateTimeOffset.TryParseExact(
            part, UtcFormat, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time)
            ? (part, (DateTimeOffset?)time)
            : (part, null));

    /// <summary>What a form's field or a link holds: RFC 3339, or the same without a zone, which is UTC. Null for anything else.</summary>
    public static DateTimeOffset? Read(string? text) =>
        text is not null && Moment().IsMatch(text)
        && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset read)
            ? read.ToUniversalTime()
            : null;

    [GeneratedRegex(@"\A[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,7})?)?([Zz]|[+-][0-9]{2}:[0-9]{2})?)?\z")]
    private static partial Regex Moment();

    [GeneratedRegex("([0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} UTC)")]
    private static partial Regex Written();
}
