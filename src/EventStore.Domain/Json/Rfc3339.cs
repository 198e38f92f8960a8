using System.Globalization;

namespace EventStore.Domain.Json;

/// <summary>Moments as Kubernetes writes them: RFC 3339, in UTC, to the second.</summary>
public static class Rfc3339
{
    /// <summary>The moment; a part of a second is left out.</summary>
    public static string Of(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
