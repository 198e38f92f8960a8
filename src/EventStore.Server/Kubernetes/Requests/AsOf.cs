using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.RegularExpressions;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;

namespace EventStore.Server.Kubernetes.Requests;

/// <summary>
/// The query parameter <c>asOf</c> of a GET and a list: a time, instead of a revision. Upstream has no such parameter, so
/// contradictory uses are refused, not ignored.
/// </summary>
public static partial class AsOf
{
    public const string Parameter = "asOf";

    private const int FractionDigitsMax = 7;

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
        else if (Parse(text) is { } parsed)
            moment = parsed;
        else
            refusal = Refuse(text, "must be a moment as RFC 3339 writes it, such as 2026-11-23T07:58:24Z or 2026-11-23T08:58:24.5%2B01:00");
        return refusal is null;
    }

    /// <summary>400 for a moment that is wrong.</summary>
    public static Status Refuse(string text, string why) =>
        Status.BadRequest($"invalid {Parameter}: {FieldError.Invalid(FieldPath.Of(Parameter), text, why)}");

    /// <summary>Parses an RFC 3339 time. Digits beyond .NET's 100 ns are cut off; event times have microseconds.</summary>
    private static DateTimeOffset? Parse(string text)
    {
        Match match = Rfc3339().Match(text);
        if (!match.Success)
            return null;
        string fraction = match.Groups["fraction"].Value;
        string cut = fraction[..Math.Min(fraction.Length, FractionDigitsMax + 1)];
        string exact = (match.Groups["time"].Value + cut + match.Groups["zone"].Value).ToUpperInvariant();
        const string Format = "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK";
        return DateTimeOffset.TryParseExact(exact, Format, CultureInfo.InvariantCulture, DateTimeStyles.None, out DateTimeOffset moment)
            ? moment
            : null;
    }

    [GeneratedRegex(@"^(?<time>[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2})"
        + @"(?<fraction>\.[0-9]+)?(?<zone>[Zz]|[+-][0-9]{2}:[0-9]{2})\z")]
    private static partial Regex Rfc3339();
}
