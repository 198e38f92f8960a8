using System.Diagnostics.CodeAnalysis;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;

namespace EventStore.Server.Kubernetes.Requests;

/// <summary>
/// The query of reading one object: <c>resourceVersion</c> as upstream has it, and <c>resourceVersionMatch</c>, which upstream has for
/// lists only and which here asks for the object as it stood.
/// </summary>
/// <param name="ResourceVersion">Null when it was not given: the latest. 0: any.</param>
/// <param name="Match">How the resourceVersion is meant.</param>
public sealed record GetOptions(long? ResourceVersion, RevisionMatch Match)
{
    private static readonly GetOptions Latest = new(null, RevisionMatch.Unset);

    /// <summary>Reads the options: 400 for a resourceVersion that is no number, 422 for what does not go together.</summary>
    public static bool TryRead(HttpRequest request, [NotNullWhen(true)] out GetOptions? options, [NotNullWhen(false)] out Status? refusal)
    {
        (options, refusal) = (Latest, null);
        if (!request.QueryString.HasValue)
            return true;
        options = null;
        string match = GoParsing.First(request.Query["resourceVersionMatch"]) ?? "";
        var errors = new List<FieldError>();
        if (match.Length > 0)
            CheckMatch(match, GoParsing.First(request.Query["resourceVersion"]) ?? "", errors);
        if (errors.Count > 0)
            refusal = Status.InvalidOptions("GetOptions", errors);
        else if (TryReadRevision(request.Query, out long? revision, out refusal))
            options = new GetOptions(revision, MatchOf(match));
        return options is not null;
    }

    internal static RevisionMatch MatchOf(string match) => match switch
    {
        "Exact" => RevisionMatch.Exact,
        "NotOlderThan" => RevisionMatch.NotOlderThan,
        _ => RevisionMatch.Unset,
    };

    internal static bool TryReadRevision(IQueryCollection query, out long? revision, [NotNullWhen(false)] out Status? refusal)
    {
        (revision, refusal) = (null, null);
        string text = GoParsing.First(query["resourceVersion"]) ?? "";
        if (text.Length == 0)
            return true;
        if (GoParsing.Revision(text, out long number) is { } wrong)
            refusal = Status.BadRequest($"invalid resource version: {FieldError.Invalid(FieldPath.Of("resourceVersion"), text, wrong)}");
        else
            revision = number;
        return refusal is null;
    }

    /// <summary>What a <c>resourceVersionMatch</c> that was given must be, and be with (<c>ValidateListOptions</c>).</summary>
    internal static void CheckMatch(string match, string revision, List<FieldError> errors)
    {
        FieldPath field = FieldPath.Of("resourceVersionMatch");
        if (revision.Length == 0)
            errors.Add(FieldError.Forbidden(field, "resourceVersionMatch is forbidden unless resourceVersion is provided"));
        if (MatchOf(match) == RevisionMatch.Unset)
            errors.Add(FieldError.NotSupported(field, match, "Exact", "NotOlderThan", ""));
        if (match == "Exact" && revision == "0")
            errors.Add(FieldError.Forbidden(field, "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\""));
    }
}
