namespace EventStore.Server.Access;

/// <summary>
/// Decides who may do what, both for requests and for questions about rights (<c>kubectl auth can-i</c>). What no rule allows is forbidden.
/// </summary>
/// <param name="bindings">Gives the rules in force. A function, so that files read anew count from the next request on.</param>
/// <param name="delegated">Asks a cluster in place of the rules; null when the rules decide.</param>
public sealed class Authorization(
    Func<RoleBindings> bindings, Func<Caller, AccessRequest, CancellationToken, ValueTask<bool>>? delegated = null)
{
    private static readonly string[] Read = ["get", "head"];

    /// <summary>Health, version and the documentation: needed before anybody has a credential.</summary>
    private static readonly AccessRule[] OfEverybody =
    [
        new(Read) { Paths = ["/", "/livez", "/readyz", "/healthz", "/version", "/openapi/v1.json", "/docs", "/docs/*"] },
    ];

    /// <summary>
    /// Open to every authenticated user: discovery, schemas, and questions about one's own rights (upstream's roles
    /// <c>system:discovery</c> and <c>system:basic-user</c>).
    /// </summary>
    private static readonly AccessRule[] OfTheKnown =
    [
        .. OfEverybody,
        new(Read) { Paths = ["/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*"] },
        new(["create"]) { Groups = ["authorization.k8s.io"], Resources = ["selfsubjectaccessreviews", "selfsubjectrulesreviews"] },
        new(["create"]) { Groups = ["authentication.k8s.io"], Resources = ["selfsubjectreviews"] },
    ];

    private static readonly AccessRule[] OfAdministrators =
    [
        new(["*"]) { Groups = ["*"], Resources = ["*"] },
        new(["*"]) { Paths = ["*"] },
    ];

    /// <summary>Whether that is open to everybody, a caller whose credential is wrong included.</summary>
    public static bool IsOpen(AccessRequest request) => Any(OfEverybody, request);

    /// <summary>
    /// Whether a cluster decides (webhook mode). Open paths stay open, and for members of <c>system:masters</c> the cluster is not
    /// asked, as upstream does.
    /// </summary>
    public bool IsDelegated => delegated is not null;

    /// <summary>Whether the caller may do that, by the cluster if one decides.</summary>
    public ValueTask<bool> AllowsAsync(Caller caller, AccessRequest request, CancellationToken stop) =>
        delegated is null ? new(AllowsByRules(caller, request))
        : caller.IsMaster || IsOpen(request) ? new(true)
        : !caller.IsKnown ? new(false) // unauthenticated callers cause no requests to the cluster
        : delegated(caller, request, stop);

    /// <summary>Whether the rules of the files let the caller do that, even where a cluster decides in their place.</summary>
    internal bool AllowsByRules(Caller caller, AccessRequest request)
    {
        if (Any(OwnRules(caller), request))
            return true;
        foreach (AccessRule rule in bindings().RulesOf(caller, request.IsResource ? request.Namespace : null))
        {
            if (rule.Allows(request))
                return true;
        }

        return false;
    }

    /// <summary>All that the caller may do in the namespace, and on paths.</summary>
    public IReadOnlyList<AccessRule> RulesOf(Caller caller, string @namespace) =>
        [.. OwnRules(caller), .. bindings().RulesOf(caller, @namespace)];

    /// <summary>
    /// Errors in the caller's bindings: roles that they name and that do not exist, in upstream's words. Empty if there are none.
    /// </summary>
    /// <param name="caller">Who asks.</param>
    /// <param name="namespace">Where; null at the cluster scope and for paths.</param>
    public string MissingRoles(Caller caller, string? @namespace)
    {
        string[] missing = [.. bindings().MissingRolesOf(caller, @namespace).Distinct()];
        return missing.Length > 1 ? $"[{string.Join(", ", missing)}]" : string.Concat(missing);
    }

    /// <summary>By group, as upstream's default bindings are, and not by credential: an impersonated user may be anonymous.</summary>
    private static AccessRule[] OwnRules(Caller caller) => caller.IsMaster
        ? OfAdministrators
        : caller.Groups.Contains(Caller.Authenticated) ? OfTheKnown : OfEverybody;

    private static bool Any(AccessRule[] rules, AccessRequest request)
    {
        foreach (AccessRule rule in rules)
        {
            if (rule.Allows(request))
                return true;
        }

        return false;
    }
}
