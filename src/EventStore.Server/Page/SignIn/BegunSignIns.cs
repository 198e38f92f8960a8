using System.Security.Cryptography;
using System.Text.Json;
using EventStore.Server.Access.Credentials;
using Microsoft.AspNetCore.DataProtection;

namespace EventStore.Server.Page.SignIn;

/// <summary>
/// The cookie in which a browser keeps a sign-in that was begun at the issuer, encrypted, for ten minutes. It is <c>SameSite=Lax</c>,
/// because the browser comes back from another site. A browser has one at a time, and it is good once.
/// </summary>
internal sealed class BegunSignIns(IDataProtectionProvider protection)
{
    private const string Name = "eventstore-signing-in";

    private static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(10);

    private readonly ITimeLimitedDataProtector protector = protection.CreateProtector(Name).ToTimeLimitedDataProtector();

    /// <summary>Gives it to the browser.</summary>
    public void Keep(HttpContext http, BegunSignIn begun) =>
        http.Response.Cookies.Append(Name, protector.Protect(JsonSerializer.Serialize(begun), Lifetime), Options(http, Lifetime));

    /// <summary>Takes it back; null when the browser has none, its time is over or it is not this server's.</summary>
    public BegunSignIn? Take(HttpContext http)
    {
        if (http.Request.Cookies[Name] is not { } kept)
            return null;
        http.Response.Cookies.Delete(Name, Options(http, null));
        try
        {
            return JsonSerializer.Deserialize<BegunSignIn>(protector.Unprotect(kept));
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    private static CookieOptions Options(HttpContext http, TimeSpan? age) => new()
    {
        Path = SignInEndpoints.Path,
        HttpOnly = true,
        Secure = http.Request.IsHttps,
        SameSite = SameSiteMode.Lax,
        IsEssential = true,
        MaxAge = age,
    };
}
