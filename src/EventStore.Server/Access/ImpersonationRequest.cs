using EventStore.Domain.Manifests;
using Microsoft.Extensions.Primitives;

namespace EventStore.Server.Access;

/// <summary>
/// What the <c>Impersonate-*</c> headers of a request ask for (upstream <c>filters/impersonation</c>): to act as another user, and
/// the right to each part of that.
/// </summary>
/// <param name="As">The user to act as.</param>
/// <param name="Rights">What the sender must be allowed, one for each part: the verb <c>impersonate</c> on a user, a group, …</param>
internal sealed record ImpersonationRequest(Caller As, IReadOnlyList<AccessRequest> Rights)
{
    private const string Prefix = "Impersonate-", User = "Impersonate-User", Group = "Impersonate-Group", Uid = "Impersonate-Uid";
    private const string Extra = "Impersonate-Extra-", AuthenticationGroup = "authentication.k8s.io", Account = "system:serviceaccount:";

    /// <summary>Takes the headers out of a request, so that each is either honoured or refused.</summary>
    /// <param name="headers">The request's headers.</param>
    /// <param name="asked">What they ask for; null when there are none, or they are wrong.</param>
    /// <param name="wrong">Why they cannot be honoured, for the client.</param>
    public static void Take(IHeaderDictionary headers, out ImpersonationRequest? asked, out string? wrong)
    {
        (asked, wrong) = (null, null);
        KeyValuePair<string, StringValues>[] given = [.. headers.Where(header => IsPrefix(Prefix, header.Key))];
        if (given.Length == 0)
            return;
        foreach ((string name, _) in given)
            headers.Remove(name);
        (asked, wrong) = Read(given);
        if (asked?.As.Fault() is { } fault)
            (asked, wrong) = (null, $"cannot impersonate: {fault}");
    }

    private static (ImpersonationRequest? Asked, string? Wrong) Read(KeyValuePair<string, StringValues>[] headers)
    {
        string? name = null, uid = null;
        string[] groups = [];
        var extra = new Dictionary<string, IReadOnlyList<string>>();
        foreach ((string header, StringValues values) in headers)
        {
            string[] texts = [.. values.Select(value => value ?? "")];
            if (Is(header, User) && texts is [var one])
                name = one;
            else if (Is(header, Uid) && texts is [var id])
                uid = id;
            else if (Is(header, Group) && !texts.Contains(""))
                groups = texts;
            else if (IsPrefix(Extra, header) && header.Length > Extra.Length)
                AddExtra(extra, ExtraKey.Of(header[Extra.Length..]), texts);
            else
                return (null, $"cannot impersonate: the header {header} is unknown, empty or given twice");
        }

        return string.IsNullOrEmpty(name)
            ? (null, $"requested {References(groups, extra, uid)} without impersonating a user")
            : (Of(name, uid ?? "", groups, extra), null);
    }

    private static ImpersonationRequest Of(string name, string uid, string[] groups, Dictionary<string, IReadOnlyList<string>> extra)
    {
        (string? @namespace, string account) = SplitAccount(name);
        var rights = new List<AccessRequest>
        {
            @namespace is null ? Right("", "users", "", null, name) : Right("", "serviceaccounts", "", @namespace, account),
        };
        rights.AddRange(groups.Select(group => Right("", "groups", "", null, group)));
        rights.AddRange(
            extra.SelectMany(pair => pair.Value.Select(value => Right(AuthenticationGroup, "userextras", pair.Key, null, value))));
        if (uid.Length > 0)
            rights.Add(Right(AuthenticationGroup, "uids", "", null, uid));
        var groupsOfUser = new List<string>(groups.Length > 0 || @namespace is null
            ? groups
            : ["system:serviceaccounts", $"system:serviceaccounts:{@namespace}"]);
        if (name == Caller.AnonymousName ? !groupsOfUser.Contains(Caller.Unauthenticated)
            : !groupsOfUser.Contains(Caller.Authenticated) && !groupsOfUser.Contains(Caller.Unauthenticated))
            groupsOfUser.Add(name == Caller.AnonymousName ? Caller.Unauthenticated : Caller.Authenticated);
        return new ImpersonationRequest(new Caller(name, uid, groupsOfUser) { Extra = extra }, rights);
    }

    private static AccessRequest Right(string group, string resource, string subresource, string? @namespace, string name) =>
        new("impersonate", group, resource, subresource, @namespace, name);

    /// <summary>The namespace and name of a service account; a null namespace for every other user.</summary>
    private static (string? Namespace, string Name) SplitAccount(string user) =>
        user.StartsWith(Account, StringComparison.Ordinal) && user[Account.Length..].Split(':') is [var @namespace, var name]
            && NameRules.OfLabel(@namespace).Count == 0 && NameRules.OfSubdomain(name).Length == 0
            ? (@namespace, name)
            : (null, user);

    /// <summary>
    /// As Go prints a list of <c>ObjectReference</c>: kind, namespace, name, uid, apiVersion, resourceVersion, fieldPath.
    /// </summary>
    private static string References(string[] groups, Dictionary<string, IReadOnlyList<string>> extra, string? uid)
    {
        const string version = AuthenticationGroup + "/v1";
        IEnumerable<string> references = groups.Select(group => $"{{Group  {group}    }}")
            .Concat(extra.SelectMany(pair => pair.Value.Select(value => $"{{UserExtra  {value}  {version}  {pair.Key}}}")));
        return $"[{string.Join(' ', string.IsNullOrEmpty(uid) ? references : references.Append($"{{UID  {uid}  {version}  }}"))}]";
    }

    private static void AddExtra(Dictionary<string, IReadOnlyList<string>> extra, string key, string[] values) =>
        extra[key] = [.. extra.GetValueOrDefault(key) ?? [], .. values];

    private static bool Is(string header, string name) => header.Equals(name, StringComparison.OrdinalIgnoreCase);

    private static bool IsPrefix(string prefix, string header) => header.StartsWith(prefix, StringComparison.OrdinalIgnoreCase);
}
