using System.Diagnostics.CodeAnalysis;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using EventStore.Server.Kubernetes.Selectors;

namespace EventStore.Server.Kubernetes.Requests;

/// <summary>How the revision that was asked for is meant.</summary>
public enum RevisionMatch
{
    /// <summary>Not said: <c>0</c> means any, another one means not older than.</summary>
    Unset,

    /// <summary>As of that very revision.</summary>
    Exact,

    /// <summary>As of that revision or a later one.</summary>
    NotOlderThan,
}

/// <summary>
/// The query of a list, a watch or a deletion of a collection (API-conventions' <c>ListOptions</c>; apimachinery
/// <c>ValidateListOptions</c>, apiserver <c>listOpts</c> and <c>etcd3/store.go</c> for the order of the checks).
/// </summary>
/// <param name="Labels">What labels the objects have.</param>
/// <param name="Fields">What fields the objects have.</param>
/// <param name="Limit">The most objects on a page; null for all. A limit below one is none.</param>
/// <param name="Continue">Where the page begins; null for the first.</param>
/// <param name="ResourceVersion">Null when it was not given: the latest. 0: any.</param>
/// <param name="Match">How the resourceVersion is meant.</param>
public sealed record ListOptions(
    LabelSelector Labels,
    FieldSelector Fields,
    long? Limit,
    ContinueToken? Continue,
    long? ResourceVersion,
    RevisionMatch Match)
{
    /// <summary>Whether it is a watch.</summary>
    public bool Watch { get; init; }

    /// <summary>How long a watch may last; null when it was not said.</summary>
    public long? TimeoutSeconds { get; init; }

    /// <summary>Whether the watcher understands BOOKMARK frames.</summary>
    public bool AllowWatchBookmarks { get; init; }

    /// <summary>Whether a watch begins with what there is; null when it was not said.</summary>
    public bool? SendInitialEvents { get; init; }

    /// <summary>
    /// Whether a list is read at a revision the client named: by a continue token, by <c>resourceVersionMatch=Exact</c>, or, as
    /// upstream, by a resourceVersion together with a limit.
    /// </summary>
    public bool IsExact => Continue is { Revision: > 0 }
        || (ResourceVersion > 0 && (Match == RevisionMatch.Exact || (Match == RevisionMatch.Unset && Limit is not null)));

    /// <summary>Reads the options.</summary>
    /// <param name="query">The query.</param>
    /// <param name="supportedFields">The fields a field selector may name.</param>
    /// <param name="options">The options, or null.</param>
    /// <param name="refusal">400 for what cannot be read, 422 for what does not go together.</param>
    /// <param name="termsMax">The most terms of a selector.</param>
    public static bool TryRead(
        IQueryCollection query,
        IReadOnlyCollection<string> supportedFields,
        [NotNullWhen(true)] out ListOptions? options,
        [NotNullWhen(false)] out Status? refusal,
        int termsMax = LabelSelector.TermsMax)
    {
        options = null;
        if (!LabelSelector.TryParse(Text(query, "labelSelector"), out LabelSelector labels, out refusal, termsMax)
            || !TryInt64(query, "limit", out long? limit, out refusal)
            || !TryInt64(query, "timeoutSeconds", out long? timeoutSeconds, out refusal))
            return false;
        bool? sendInitialEvents = GoParsing.Flag(query["sendInitialEvents"]);
        bool watch = GoParsing.Flag(query["watch"]) ?? false;
        if (RefuseCombination(query, watch, sendInitialEvents) is { } wrong)
        {
            refusal = wrong;
            return false;
        }

        string token = Text(query, "continue");
        ContinueToken? start = null;
        if (!FieldSelector.TryParse(Text(query, "fieldSelector"), supportedFields, out FieldSelector fields, out refusal, termsMax)
            || !GetOptions.TryReadRevision(query, out long? revision, out refusal)
            || (token.Length > 0 && !watch && !ContinueToken.TryParse(token, out start, out refusal)))
            return false;
        if (start is not null && revision is not (null or 0))
        {
            refusal = Status.BadRequest("specifying resource version is not allowed when using continue");
            return false;
        }

        options = new ListOptions(
            labels, fields, limit > 0 ? limit : null, start, revision, GetOptions.MatchOf(Text(query, "resourceVersionMatch")))
        {
            Watch = watch,
            TimeoutSeconds = timeoutSeconds,
            AllowWatchBookmarks = GoParsing.Flag(query["allowWatchBookmarks"]) ?? false,
            SendInitialEvents = sendInitialEvents,
        };
        refusal = null;
        return true;
    }

    private static Status? RefuseCombination(IQueryCollection query, bool watch, bool? sendInitialEvents)
    {
        string match = Text(query, "resourceVersionMatch");
        if (match.Length == 0 && sendInitialEvents is null)
            return null;
        var errors = new List<FieldError>();
        if (watch)
            CheckWatch(match, sendInitialEvents, Text(query, "continue").Length > 0, errors);
        else
            CheckList(match, sendInitialEvents, Text(query, "continue").Length > 0, Text(query, "resourceVersion"), errors);
        return errors.Count == 0 ? null : Status.InvalidOptions("ListOptions", errors);
    }

    private static void CheckList(string match, bool? sendInitialEvents, bool continues, string revision, List<FieldError> errors)
    {
        if (match.Length > 0)
        {
            GetOptions.CheckMatch(match, revision, errors);
            if (continues)
                errors.Insert(revision.Length == 0 ? 1 : 0, Forbidden("resourceVersionMatch is forbidden when continue is provided"));
        }

        if (sendInitialEvents is not null)
            errors.Add(FieldError.Forbidden(FieldPath.Of("sendInitialEvents"), "sendInitialEvents is forbidden for list"));
    }

    private static void CheckWatch(string match, bool? sendInitialEvents, bool continues, List<FieldError> errors)
    {
        const string required = "NotOlderThan";
        if (sendInitialEvents is not null && match != required)
            errors.Add(Forbidden($"sendInitialEvents requires setting resourceVersionMatch to {required}"));
        if (match.Length == 0)
            return;
        if (sendInitialEvents is null)
            errors.Add(Forbidden("resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"));
        if (match != required)
            errors.Add(FieldError.NotSupported(FieldPath.Of("resourceVersionMatch"), match, required));
        if (continues)
            errors.Add(Forbidden("resourceVersionMatch is forbidden when continue is provided"));
    }

    private static FieldError Forbidden(string detail) => FieldError.Forbidden(FieldPath.Of("resourceVersionMatch"), detail);

    private static string Text(IQueryCollection query, string name) => GoParsing.First(query[name]) ?? "";

    private static bool TryInt64(IQueryCollection query, string name, out long? value, [NotNullWhen(false)] out Status? refusal)
    {
        (value, refusal) = (null, null);
        if (GoParsing.First(query[name]) is not { } text)
            return true;
        if (GoParsing.Int64(text, out long number) is { } wrong)
            refusal = Status.BadRequest(wrong);
        else
            value = number;
        return refusal is null;
    }
}
