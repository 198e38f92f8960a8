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

/// <summary>The authenticators of <see cref="CallerAuthentication"/>, in the order they are asked in.</summary>
public sealed class CallerAuthenticationOptions : AuthenticationSchemeOptions
{
    /// <summary>The user named by a front proxy. The proxy's headers are removed from the request, whether it is trusted or not.</summary>
    internal Func<HttpContext, Caller?>? OfProxy { get; set; }

    /// <summary>The user a client certificate names; null when no certificate is asked for.</summary>
    internal Func<HttpContext, Caller?>? OfCertificate { get; set; }

    /// <summary>The owner of a token of the file. A function, so that a file read anew counts from the next request on.</summary>
    internal Func<string, ClaimsPrincipal?> OfToken { get; set; } = _ => null;

    /// <summary>The scheme that checks an OpenID Connect issuer's tokens; null when there is no issuer.</summary>
    internal string? IssuerScheme { get; set; }

    /// <summary>
    /// The owner of a token by a cluster's TokenReview, which also knows service accounts; null if no cluster is configured.
    /// </summary>
    internal Func<string, CancellationToken, ValueTask<Caller?>>? OfReviewedToken { get; set; }

    internal AccessAnswers? Answers { get; set; }
}

/// <summary>A credential was shown, and no authenticator knows it: the caller is not even anonymous.</summary>
internal sealed class WrongCredential
{
    public static readonly WrongCredential Shown = new();
}

/// <summary>
/// Authenticates a request by front proxy, certificate or token. The first authenticator that knows the caller decides, whatever is wrong
/// with the other credentials (upstream's union of authenticators). Credentials that no authenticator knows are refused.
/// </summary>
public sealed partial class CallerAuthentication(
    IOptionsMonitor<CallerAuthenticationOptions> options, ILoggerFactory log, UrlEncoder encoder)
    : AuthenticationHandler<CallerAuthenticationOptions>(options, log, encoder)
{
    public const string SchemeName = "Caller";

    /// <inheritdoc/>
    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        Caller? ofConnection = Options.OfProxy?.Invoke(Context)
            ?? (IsOfAnotherPage(Request) ? null : Options.OfCertificate?.Invoke(Context));
        string? token = PresentedToken.Of(Request);
        ClaimsPrincipal? known = ofConnection?.ToPrincipal(SchemeName) ?? (token is { Length: > 0 } ? await OfToken(token) : null);
        if (known is not null && Caller.Of(known).Fault() is { } fault)
        {
            NotTaken(Logger, fault);
            known = null;
        }

        if (known is not null)
            return AuthenticateResult.Success(new AuthenticationTicket(known, Scheme.Name));
        bool asksForCertificates = Options.OfCertificate is not null || Options.OfProxy is not null;
        bool hasShown = token is not null || (asksForCertificates && Context.Connection.ClientCertificate is not null);
        if (!hasShown)
            return AuthenticateResult.NoResult();
        Context.Features.Set(WrongCredential.Shown);
        return AuthenticateResult.Fail("The credential is not known.");
    }

    /// <summary>
    /// CSRF: browsers attach client certificates to any site's simple POSTs and WebSockets. Cross-site ones therefore need a token. Current
    /// browsers name the site (Fetch Metadata), older ones the origin; other clients name neither.
    /// </summary>
    private static bool IsOfAnotherPage(HttpRequest request)
    {
        bool isWebSocket = request.Headers.Upgrade.Contains("websocket", StringComparer.OrdinalIgnoreCase);
        if (!isWebSocket && (HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method)))
            return false;
        if (request.Headers["Sec-Fetch-Site"] is [{ Length: > 0 } site, ..])
            return site is not ("same-origin" or "none");
        return request.Headers.Origin is [{ Length: > 0 } origin, ..]
            && !(Uri.TryCreate(origin, UriKind.Absolute, out Uri? page) && request.Host.Value == page.Authority);
    }

    /// <inheritdoc/>
    protected override Task HandleChallengeAsync(AuthenticationProperties properties) =>
        Options.Answers is { } answers ? answers.Unauthorized(Context) : base.HandleChallengeAsync(properties);

    /// <inheritdoc/>
    protected override Task HandleForbiddenAsync(AuthenticationProperties properties) =>
        Options.Answers is { } answers ? answers.Forbidden(Context, RequestInfo.Of(Context).Access) : base.HandleForbiddenAsync(properties);

    private async ValueTask<ClaimsPrincipal?> OfToken(string token)
    {
        ClaimsPrincipal? known = Options.OfToken(token);
        if (known is null && Options.IssuerScheme is { } issuer)
            known = (await Context.AuthenticateAsync(issuer)).Principal;
        if (known is null && Options.OfReviewedToken is { } review)
            known = (await review(token, Context.RequestAborted))?.ToPrincipal(SchemeName);
        return known;
    }

    [LoggerMessage(63, LogLevel.Information, "A valid credential is not taken: {Fault}")]
    private static partial void NotTaken(ILogger log, string fault);
}
