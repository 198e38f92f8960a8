using System.Security.Claims;

namespace EventStore.Server.Access;

/// <summary>The one place that says who may do what. Rights of others than administrators will come here.</summary>
public static class Authorization
{
    /// <summary>Whether the caller may do that. What is not allowed here is forbidden.</summary>
    public static bool Allows(ClaimsPrincipal caller, AccessRequest request)
    {
        if (IsOpen(request))
            return true;
        if (caller.Identity is not { IsAuthenticated: true })
            return false;
        return caller.IsInRole(Caller.Masters) || IsDiscovery(request) || IsSelfReview(request);
    }

    /// <summary>Health, version and the documentation: needed before anybody has a credential.</summary>
    private static bool IsOpen(AccessRequest request) => IsRead(request)
        && (request.Path is "/livez" or "/readyz" or "/healthz" or "/version" or "/openapi/v1.json"
            || IsOrIsBelow(request.Path, "/docs"));

    /// <summary>What there is, and what it looks like (upstream's role <c>system:discovery</c>).</summary>
    private static bool IsDiscovery(AccessRequest request) => IsRead(request)
        && (IsOrIsBelow(request.Path, "/api") || IsOrIsBelow(request.Path, "/apis") || IsOrIsBelow(request.Path, "/openapi"));

    /// <summary>Asking about oneself (upstream's role <c>system:basic-user</c>).</summary>
    private static bool IsSelfReview(AccessRequest request) => request is { Verb: "create", Subresource: "" }
        && (request.Group, request.Resource) is ("authorization.k8s.io", "selfsubjectaccessreviews" or "selfsubjectrulesreviews")
            or ("authentication.k8s.io", "selfsubjectreviews");

    private static bool IsRead(AccessRequest request) => !request.IsResource && request.Verb is "get" or "head";

    private static bool IsOrIsBelow(string path, string root) =>
        path.StartsWith(root, StringComparison.Ordinal) && (path.Length == root.Length || path[root.Length] == '/');
}
