using System.Diagnostics.CodeAnalysis;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;

namespace EventStore.Server.Kubernetes.Requests;

/// <summary>
/// The query parameter <c>asOf</c> of a GET and a list: a time, instead of a revision. Upstream has no such parameter, so
/// contradictory uses are refused, not ignored.
/// </summary>
public static class AsOf
{
    public const string Parameter = "asOf";

    /// <summary>Parses the time. 400 if it cannot be parsed, or is given together with another revision or a watch.</summary>
    /// <param name="query">The query.</param>
    /// <param name="moment">The moment; null when none was given.</param>
    /// <param name="refusal">Why it is refused, or null.</param>
    public static bool TryRead(IQueryCollection query, out DateTimeOffset? moment, [NotNullWhen(false)] out Status? refusal)
    {
        (moment, refusal) = (null, null);
        if (GoParsing.First(query[Parameter]) is not { } text)
            return true;
        if (query["resourceVersion"] is [{ Length: > 0 }, ..] || query["resourceVersionMatch"] is [{ Length: > 0 }, ..])
            refusal = Refuse(text, "is a moment, and resourceVersion names a revision: give one of them");
        else if (GoParsing.Flag(query["watch"]) ?? false)
            refusal = Refuse(text, "cannot be watched from: a watch begins at a resourceVersion, which a list as of the moment tells");
        else if (Rfc3339.TryRead(text, out DateTimeOffset time, out _))
            moment = time;
        else
            refusal = Refuse(text, "must be a moment as RFC 3339 writes it, such as 2026-11-23T07:58:24Z or 2026-11-23T08:58:24.5%2B01:00");
        return refusal is null;
    }

    /// <summary>400 for a moment that is wrong.</summary>
    public static Status Refuse(string text, string why) =>
        Status.BadRequest($"invalid {Parameter}: {FieldError.Invalid(FieldPath.Of(Parameter), text, why)}");
}
