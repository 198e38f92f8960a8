using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;

namespace EventStore.Server.Access;

/// <summary>How a refusal looks is for others to say; Access only finds that there is one.</summary>
/// <param name="Unauthorized">Writes a 401.</param>
/// <param name="Forbidden">Writes a 403.</param>
public sealed record AccessAnswers(Func<HttpContext, Task> Unauthorized, Func<HttpContext, AccessRequest, Task> Forbidden);

/// <summary>What <see cref="TokenAuthentication"/> needs.</summary>
public sealed class TokenAuthenticationOptions : AuthenticationSchemeOptions
{
    /// <summary>Gives the tokens in force. A function, so that a file read anew counts from the next request on.</summary>
    public Func<TokenFile> Tokens { get; set; } = () => TokenFile.Empty;

    /// <summary>Writes the refusals.</summary>
    public AccessAnswers? Answers { get; set; }
}

/// <summary>
/// Knows callers by a token: <c>Authorization: Bearer …</c> as every Kubernetes client sends it, or <c>X-Auth-Token</c> as the cloud
/// service's documents have it. With both, the first one counts.
/// </summary>
public sealed class TokenAuthentication(IOptionsMonitor<TokenAuthenticationOptions> options, ILoggerFactory log, UrlEncoder encoder)
    : AuthenticationHandler<TokenAuthenticationOptions>(options, log, encoder)
{
    private static readonly AuthenticateResult Unknown = AuthenticateResult.Fail("The token is not known.");

    /// <inheritdoc/>
    protected override Task<AuthenticateResult> HandleAuthenticateAsync() => Task.FromResult(Authenticate());

    /// <inheritdoc/>
    protected override Task HandleChallengeAsync(AuthenticationProperties properties) =>
        Options.Answers is { } answers ? answers.Unauthorized(Context) : base.HandleChallengeAsync(properties);

    /// <inheritdoc/>
    protected override Task HandleForbiddenAsync(AuthenticationProperties properties) =>
        Options.Answers is { } answers ? answers.Forbidden(Context, AccessRequest.Of(Context)) : base.HandleForbiddenAsync(properties);

    private AuthenticateResult Authenticate()
    {
        StringValues authorization = Request.Headers.Authorization;
        StringValues token = Request.Headers["X-Auth-Token"];
        if (authorization.Count + token.Count == 0)
            return AuthenticateResult.NoResult();
        ReadOnlySpan<char> presented = authorization.Count > 0 ? BearerToken(authorization) : token.Count == 1 ? token[0].AsSpan().Trim() : default;
        return Options.Tokens().Find(presented) is { } principal
            ? AuthenticateResult.Success(new AuthenticationTicket(principal, Scheme.Name))
            : Unknown;
    }

    /// <summary>The token behind the scheme's name, in whatever case that is; nothing for another scheme or for two headers.</summary>
    private static ReadOnlySpan<char> BearerToken(StringValues authorization)
    {
        const string scheme = "Bearer ";
        ReadOnlySpan<char> value = authorization.Count == 1 ? authorization[0].AsSpan().Trim() : default;
        return value.StartsWith(scheme, StringComparison.OrdinalIgnoreCase) ? value[scheme.Length..].Trim() : default;
    }
}
