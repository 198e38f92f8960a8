using System.Security.Cryptography;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.DataProtection;

namespace EventStore.Server.Access.Credentials;

/// <summary>
/// The cookie that keeps a person signed in to the page: the token that was pasted, encrypted. It is a credential below <c>/ui</c>
/// and nowhere else, and below <c>/ui</c> no other token is one. So a page of another site gets a browser to do nothing here, and
/// the API never acts on what a browser sends by itself. The token is checked at every request: one that is taken out of its file
/// ends the sign-in.
/// </summary>
internal sealed class SignInCookie(IDataProtectionProvider protection)
{
    public const string Path = "/ui";

    /// <summary>The longest token that is kept; a browser keeps about 4 KiB in a cookie, and a few of them for one site.</summary>
    public const int TokenLengthMax = 12 * 1024;

    /// <summary>How long a sign-in lasts.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromHours(8);

    private const string Name = "eventstore-sign-in";

    private readonly ITimeLimitedDataProtector protector = protection.CreateProtector(Name).ToTimeLimitedDataProtector();
    private readonly ChunkingCookieManager chunks = new();

    /// <summary>What the request's token is read with; null for a request that is not the page's, or where there is no page.</summary>
    public static SignInCookie? Of(HttpRequest request) =>
        Governs(request.Path) ? request.HttpContext.RequestServices?.GetService<SignInCookie>() : null;

    /// <summary>Whether the cookie is good for a path.</summary>
    public static bool Governs(PathString path) => path.StartsWithSegments(Path, StringComparison.Ordinal);

    /// <summary>The token of the request's cookie; null when there is none, its time is over or it is not this server's.</summary>
    public string? TokenOf(HttpRequest request)
    {
        try
        {
            return chunks.GetRequestCookie(request.HttpContext, Name) is { } kept ? protector.Unprotect(kept) : null;
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    public void Set(HttpContext http, string token) =>
        chunks.AppendResponseCookie(http, Name, protector.Protect(token, Lifetime), Options(http));

    public void Remove(HttpContext http) => chunks.DeleteCookie(http, Name, Options(http));

    // No lifetime of its own: it also ends with the browser.
    private static CookieOptions Options(HttpContext http) =>
        new() { Path = Path, HttpOnly = true, Secure = http.Request.IsHttps, SameSite = SameSiteMode.Strict, IsEssential = true };
}
