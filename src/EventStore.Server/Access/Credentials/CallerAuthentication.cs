using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;

namespace EventStore.Server.Access.Credentials;

/// <summary>Writes the refusals. Access decides that a request is refused; the form of the answer is the Kubernetes room's.</summary>
/// <param name="BadRequest">Writes a 400 with this message.</param>
/// <param name="Unauthorized">Writes a 401.</param>
/// <param name="Forbidden">Writes a 403.</param>
public sealed record AccessAnswers(
    Func<HttpContext, string, Task> BadRequest, Func<HttpContext, Task> Unauthorized, Func<HttpContext, AccessRequest, Task> Forbidden);

/// <summary>What <see cref="CallerAuthentication"/> needs.</summary>
public sealed class CallerAuthenticationOptions : AuthenticationSchemeOptions
{
    /// <summary>Who a token of the file belongs to. A function, so that a file read anew counts from the next request on.</summary>
    public Func<string, ClaimsPrincipal?> OfToken { get; set; } = _ => null;

    /// <summary>Who a client certificate belongs to; null when none is asked for.</summary>
    public Func<HttpContext, ClaimsPrincipal?>? OfCertificate { get; set; }

    /// <summary>The scheme that knows an issuer's tokens; null when there is no issuer.</summary>
    public string? IssuerScheme { get; set; }

    /// <summary>Writes the refusals.</summary>
    public AccessAnswers? Answers { get; set; }
}

/// <summary>A credential was shown, and nobody knows it: the caller is not even anonymous.</summary>
internal sealed class WrongCredential
{
    /// <summary>The only one there is.</summary>
    public static readonly WrongCredential Shown = new();
}

/// <summary>
/// Knows callers, by a certificate or by a token. One that says yes is enough, whatever is wrong with the other (upstream's union of
/// authenticators); who shows something and is known by none of it is refused.
/// </summary>
public sealed class CallerAuthentication(IOptionsMonitor<CallerAuthenticationOptions> options, ILoggerFactory log, UrlEncoder encoder)
    : AuthenticationHandler<CallerAuthenticationOptions>(options, log, encoder)
{
    /// <summary>The scheme's name.</summary>
    public const string SchemeName = "Caller";

    /// <inheritdoc/>
    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        ClaimsPrincipal? known = IsOfAnotherPage(Request) ? null : Options.OfCertificate?.Invoke(Context);
        string? token = PresentedToken.Of(Request);
        if (known is null && token is { Length: > 0 })
        {
            known = Options.OfToken(token);
            if (known is null && Options.IssuerScheme is { } issuer)
                known = (await Context.AuthenticateAsync(issuer)).Principal;
        }

        if (known is not null)
            return AuthenticateResult.Success(new AuthenticationTicket(known, Scheme.Name));
        bool hasShown = token is not null || (Options.OfCertificate is not null && Context.Connection.ClientCertificate is not null);
        if (!hasShown)
            return AuthenticateResult.NoResult();
        Context.Features.Set(WrongCredential.Shown);
        return AuthenticateResult.Fail("The credential is not known.");
    }

    /// <summary>
    /// A browser shows its user's certificate for whatever page asks, and lets every page read a WebSocket. One from a page of another origin
    /// needs a token, which only a page that knows it can show.
    /// </summary>
    private static bool IsOfAnotherPage(HttpRequest request) =>
        request.Headers.Upgrade.Count > 0
        && request.Headers.Upgrade.Contains("websocket", StringComparer.OrdinalIgnoreCase)
        && request.Headers.Origin is [{ Length: > 0 } origin, ..]
        && !(Uri.TryCreate(origin, UriKind.Absolute, out Uri? page) && request.Host.Value == page.Authority);

    /// <inheritdoc/>
    protected override Task HandleChallengeAsync(AuthenticationProperties properties) =>
        Options.Answers is { } answers ? answers.Unauthorized(Context) : base.HandleChallengeAsync(properties);

    /// <inheritdoc/>
    protected override Task HandleForbiddenAsync(AuthenticationProperties properties) =>
        Options.Answers is { } answers ? answers.Forbidden(Context, RequestInfo.Of(Context).Access) : base.HandleForbiddenAsync(properties);
}
