using System.Globalization;
using EventStore.Domain.Jobs;
using EventStore.Domain.Json;

namespace EventStore.Server.Store.Format;

/// <summary>One event with its place in the log, its time and its origin.</summary>
/// <param name="Number">Its revision.</param>
/// <param name="Previous">The revision of the same incarnation before it; null for a creation.</param>
/// <param name="Key">The job.</param>
/// <param name="Uid">The incarnation.</param>
/// <param name="Version">Its place in the incarnation's stream, from 1.</param>
/// <param name="Event">What happened.</param>
/// <param name="Time">When it was committed, to the microsecond.</param>
/// <param name="Origin">Who asked for it, and from where.</param>
public sealed record Revision(
    long Number, long? Previous, JobKey Key, Guid Uid, long Version, JobEvent Event, DateTimeOffset Time, Origin Origin)
{
    /// <summary>Its name in the API: the job's, and the revision.</summary>
    public string Name => string.Create(CultureInfo.InvariantCulture, $"{Key.Name}.{Number}");

    /// <summary>Parses a name into job and revision, whether that revision exists or not. A job's name may contain dots.</summary>
    public static bool TryParseName(string name, out string job, out long number)
    {
        int dot = name.LastIndexOf('.');
        job = name[..Math.Max(dot, 0)];
        return long.TryParse(name.AsSpan(dot + 1), NumberStyles.None, CultureInfo.InvariantCulture, out number)
            && name == string.Create(CultureInfo.InvariantCulture, $"{job}.{number}");
    }
}

/// <summary>Who asked for an event, as it is stored: read only when somebody wants to know.</summary>
/// <param name="User">The user.</param>
/// <param name="Headers">Groups, user agent, source address, impersonator and reason as JSON; empty for an event that has none.</param>
/// <param name="RequestId">The request's id.</param>
public sealed record StoredOrigin(string User, byte[] Headers, string RequestId)
{
    public Origin Read()
    {
        JsonValue from = Headers.Length == 0 ? JsonObject.Empty : JsonReading.Parse(Headers);
        JsonValue? by = from.Member("impersonatedBy");
        return new Origin(User, Groups(from), Text(from, "userAgent"), Text(from, "sourceAddress"), RequestId)
        {
            ImpersonatedBy = by is null ? null : new Impersonator(Text(by, "name"), Groups(by)),
            Reason = (from.Member("reason") as JsonText)?.Value,
        };
    }

    private static string[] Groups(JsonValue of) =>
        [.. ((of.Member("groups") as JsonArray)?.Items ?? []).OfType<JsonText>().Select(group => group.Value)];

    private static string Text(JsonValue of, string name) => (of.Member(name) as JsonText)?.Value ?? string.Empty;
}
