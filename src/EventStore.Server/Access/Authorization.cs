using System.Security.Claims;

namespace EventStore.Server.Access;

/// <summary>
/// The one place that says who may do what. It is asked at every request, and by whoever wants to know his rights beforehand
/// (<c>kubectl auth can-i</c>): the same rules answer both. Rights of others than administrators will come here.
/// </summary>
public static class Authorization
{
    private static readonly string[] Read = ["get", "head"];

    /// <summary>Health, version and the documentation: needed before anybody has a credential.</summary>
    private static readonly AccessRule[] OfEverybody =
    [
        new(Read) { Paths = ["/livez", "/readyz", "/healthz", "/version", "/openapi/v1.json", "/docs", "/docs/*"] },
    ];

    /// <summary>
    /// What there is and what it looks like, and questions about oneself (upstream's roles <c>system:discovery</c> and
    /// <c>system:basic-user</c>).
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

    /// <summary>Whether the caller may do that. What is not allowed here is forbidden.</summary>
    public static bool Allows(ClaimsPrincipal caller, AccessRequest request)
    {
        foreach (AccessRule rule in RulesOf(caller))
        {
            if (rule.Allows(request))
                return true;
        }

        return false;
    }

    /// <summary>All that the caller may do, in every namespace alike.</summary>
    public static IReadOnlyList<AccessRule> RulesOf(ClaimsPrincipal caller) => caller.Identity is not { IsAuthenticated: true }
        ? OfEverybody
        : caller.IsInRole(Caller.Masters) ? OfAdministrators : OfTheKnown;
}
