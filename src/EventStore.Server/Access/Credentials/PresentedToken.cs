using Microsoft.Extensions.Primitives;

namespace EventStore.Server.Access.Credentials;

/// <summary>
/// The token a request shows: <c>Authorization: Bearer …</c> as every Kubernetes client sends it, or <c>X-Auth-Token</c> as the cloud
/// service's documents have it, or a subprotocol of a WebSocket. Of several the first of these counts. For the page it is the cookie of
/// its sign-in and nothing else; everywhere else that cookie is no credential.
/// </summary>
internal static class PresentedToken
{
    /// <summary>
    /// The token; empty when it is malformed: another scheme, nothing behind it, two headers. Null when there is none.
    /// </summary>
    public static string? Of(HttpRequest request)
    {
        if (SignInCookie.Of(request) is { } cookie)
            return cookie.TokenOf(request);
        StringValues authorization = request.Headers.Authorization, token = request.Headers["X-Auth-Token"];
        return authorization.Count > 0 ? BearerToken(authorization)
            : token.Count == 1 ? token[0]?.Trim() ?? ""
            : token.Count > 1 ? ""
            : SubprotocolToken.Of(request);
    }

    private static string BearerToken(StringValues authorization)
    {
        const string scheme = "Bearer "; // in whatever case it is written
        ReadOnlySpan<char> value = authorization.Count == 1 ? authorization[0].AsSpan().Trim() : default;
        return value.StartsWith(scheme, StringComparison.OrdinalIgnoreCase) ? value[scheme.Length..].Trim().ToString() : "";
    }
}
