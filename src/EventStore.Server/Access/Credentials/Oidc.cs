using System.Buffers.Text;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace EventStore.Server.Access.Credentials;

/// <summary>
/// Bearer tokens of an OpenID Connect issuer. ASP.NET's handler fetches the issuer's keys and verifies signatures; it is configured
/// to accept what kube-apiserver accepts.
/// </summary>
internal static partial class Oidc
{
    /// <summary>The authentication scheme its principals carry.</summary>
    public const string Scheme = "Oidc";

    /// <summary>
    /// The shortest time between two refreshes of the issuer's keys. A token with an unknown key triggers one, and anybody can
    /// send such tokens.
    /// </summary>
    internal static readonly TimeSpan AskAgainAfter = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan IssuerPatience = TimeSpan.FromSeconds(10);

    /// <summary>How far the issuer's clock may be ahead; as upstream has it, a token's end is its end.</summary>
    private static readonly TimeSpan ClockAhead = TimeSpan.FromMinutes(5);

    public static void AddOidc(this AuthenticationBuilder authentication, OidcSettings settings)
    {
        // Not AddJwtBearer, which wants the services of AddAuthentication: see where that is not called.
        authentication.AddScheme<JwtBearerOptions, JwtBearerHandler>(Scheme, options => Configure(options, settings));
        authentication.Services.TryAddEnumerable(
            ServiceDescriptor.Singleton<IPostConfigureOptions<JwtBearerOptions>, JwtBearerPostConfigureOptions>());
    }

    private static void Configure(JwtBearerOptions options, OidcSettings settings)
    {
        options.MetadataAddress = settings.IssuerUrl.TrimEnd('/') + "/.well-known/openid-configuration";
        options.BackchannelHttpHandler = Backchannel(settings.Authorities);
        options.BackchannelTimeout = IssuerPatience;
        options.RefreshInterval = AskAgainAfter;
        options.MapInboundClaims = false;
        options.SaveToken = false;
        options.TokenValidationParameters = new TokenValidationParameters
        {
            // A function, or what the issuer's document calls itself would count as well.
            IssuerValidator = (issuer, _, _) =>
                issuer == settings.IssuerUrl ? issuer : throw new SecurityTokenInvalidIssuerException("another issuer"),
            ValidAudiences = settings.PageClient is { } page ? [settings.ClientId, page.Id] : [settings.ClientId],
            IgnoreTrailingSlashWhenValidatingAudience = false,
            ValidAlgorithms = settings.SigningAlgorithms,
            LifetimeValidator = (from, until, _, _) =>
            {
                DateTime now = (options.TimeProvider ?? TimeProvider.System).GetUtcNow().UtcDateTime;
                return until > now && !(from > now + ClockAhead);
            },
        };
        options.Events = new JwtBearerEvents
        {
            OnMessageReceived = message =>
            {
                message.Token = PresentedToken.Of(message.Request);
                if (!MayBeTaken(message.Token, settings.IssuerUrl))
                    message.NoResult(); // a token of another issuer causes no request to this one
                return Task.CompletedTask;
            },
            OnTokenValidated = validated => Task.FromResult(Accept(validated, settings)),
            OnAuthenticationFailed = failed => Task.FromResult(Refuse(failed)),
        };
    }

    /// <summary>Checks an ID token that did not come with a request, as one that did is checked.</summary>
    /// <returns>The token; null and why, when it is not taken.</returns>
    /// <exception cref="InvalidOperationException">The issuer's keys cannot be fetched.</exception>
    public static async Task<(JsonWebToken? Token, string? Wrong)> Check(JwtBearerOptions options, OidcSettings settings, string token)
    {
        if (!MayBeTaken(token, settings.IssuerUrl))
            return (null, "the ID token is none of the issuer's");
        TokenValidationParameters checks = options.TokenValidationParameters.Clone();
        checks.ConfigurationManager = (BaseConfigurationManager)options.ConfigurationManager!;
        TokenValidationResult result = await options.TokenHandlers[0].ValidateTokenAsync(token, checks);
        if (!result.IsValid)
            return (null, Wrong(result.Exception));
        var read = (JsonWebToken)result.SecurityToken;
        (Caller? caller, string? wrong) = CallerOf(read, settings, isOfPage: true);
        return (wrong ?? caller!.Fault()) is { } fault ? (null, fault) : (read, null);
    }

    private static string Wrong(Exception e) => e switch
    {
        SecurityTokenInvalidLifetimeException => "the ID token has expired, or is not good yet",
        SecurityTokenInvalidAudienceException => "the ID token is for another client",
        _ => "the ID token is not valid",
    };

    private static bool Accept(TokenValidatedContext validated, OidcSettings settings)
    {
        var token = (JsonWebToken)validated.SecurityToken;
        (Caller? caller, string? wrong) = CallerOf(token, settings, SignInCookie.Governs(validated.Request.Path));
        if (caller is null)
        {
            validated.Fail(wrong!);
            NotTaken(LogOf(validated.HttpContext), wrong!);
            return false;
        }

        validated.Principal = caller.ToPrincipal(Scheme);
        return true;
    }

    /// <summary>The caller a valid token names. A token for the page's client (its audience) is refused by the API.</summary>
    private static (Caller? Caller, string? Wrong) CallerOf(JsonWebToken token, OidcSettings settings, bool isOfPage)
    {
        if (!isOfPage && !token.Audiences.Contains(settings.ClientId))
            return (null, "it is for the page alone");
        byte[] payload = Base64Url.DecodeFromChars(token.EncodedPayload);
        using var claims = JsonDocument.Parse(payload);
        return OidcClaims.Read(claims.RootElement, settings);
    }

    /// <summary>A token that is wrong is the client's affair; an issuer that does not answer is the operator's.</summary>
    private static bool Refuse(AuthenticationFailedContext failed)
    {
        failed.Fail(failed.Exception);
        if (failed.Exception is SecurityTokenException or ArgumentException)
            NotTaken(LogOf(failed.HttpContext), failed.Exception.GetType().Name);
        else
            NoAnswer(LogOf(failed.HttpContext), (failed.Exception.InnerException ?? failed.Exception).Message.ReplaceLineEndings(" "));
        return false;
    }

    /// <summary>
    /// Whether the token says it is of that issuer, and needs no extension of the format: <c>crit</c> names what a recipient must
    /// understand (RFC 7515, section 4.1.11), and this one understands none. Nothing is believed of the token yet.
    /// </summary>
    private static bool MayBeTaken(string? token, string issuer)
    {
        try
        {
            var read = new JsonWebToken(token);
            return read.Issuer == issuer && !read.TryGetHeaderValue("crit", out object? _);
        }
        catch (Exception e) when (e is ArgumentException or JsonException or FormatException)
        {
            return false;
        }
    }

    private static SocketsHttpHandler Backchannel(X509Certificate2Collection? authorities)
    {
        var handler = new SocketsHttpHandler
        {
            AutomaticDecompression = DecompressionMethods.None,
            PooledConnectionLifetime = TimeSpan.FromMinutes(5)
        };
        if (authorities is null)
            return handler;
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.AddRange(authorities);
        handler.SslOptions.CertificateChainPolicy = policy;
        return handler;
    }

    private static ILogger LogOf(HttpContext http) =>
        http.RequestServices.GetRequiredService<ILoggerFactory>().CreateLogger(typeof(Oidc).FullName!);

    [LoggerMessage(11, LogLevel.Debug, "A token of the issuer is not taken: {Reason}")]
    private static partial void NotTaken(ILogger log, string reason);

    [LoggerMessage(12, LogLevel.Warning, "A token of the issuer cannot be checked, for the issuer does not answer: {Reason}")]
    private static partial void NoAnswer(ILogger log, string reason);
}
