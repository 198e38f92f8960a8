using EventStore.Server.Access.Credentials;
using EventStore.Server.Access.Files;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace EventStore.Server.Access;

/// <summary>Where the server knows callers and their rights from.</summary>
/// <param name="Tokens">The token file.</param>
/// <param name="Rules">The folder of RBAC objects; null when only members of <c>system:masters</c> have rights.</param>
/// <param name="Authorities">Who vouches for client certificates; null when none is asked for.</param>
/// <param name="Oidc">Whose bearer tokens are taken; null when no issuer's.</param>
internal sealed record AccessSources(
    Followed<TokenFile> Tokens, Followed<AccessPolicy>? Rules = null, Followed<ClientAuthorities>? Authorities = null, OidcSettings? Oidc = null);

/// <summary>Puts authentication and authorization together.</summary>
internal static class AccessSetup
{
    /// <summary>Adds them, and what keeps them up to date. Each source that follows files has a health check of its name.</summary>
    public static void AddAccess(this IServiceCollection services, AccessSources sources, AccessAnswers answers)
    {
        services.AddSingleton(answers);
        services.AddSingleton(new Authorization(() => sources.Rules?.Current ?? AccessPolicy.Empty));
        services.AddFollowed(sources.Tokens);
        services.AddFollowed(sources.Rules);
        services.AddFollowed(sources.Authorities);

        // Not AddAuthentication: it brings data protection along, whose keys for cookies nobody needs here would be made at the first start,
        // and kept in the home folder with a warning that they are not encrypted.
        services.TryAddSingleton(TimeProvider.System);
        services.AddAuthenticationCore(options => options.DefaultScheme = CallerAuthentication.SchemeName).AddWebEncoders();
        var authentication = new AuthenticationBuilder(services);
        authentication.AddScheme<CallerAuthenticationOptions, CallerAuthentication>(CallerAuthentication.SchemeName, options =>
        {
            options.OfToken = token => sources.Tokens.Current.Find(token);
            options.Answers = answers;
            options.IssuerScheme = sources.Oidc is null ? null : Oidc.Scheme;
            if (sources.Authorities is { } authorities)
            {
                options.OfCertificate = http => http.Connection.ClientCertificate is { } certificate
                    ? authorities.Current.Find(certificate, TimeProvider.System.GetUtcNow())
                    : null;
            }
        });
        if (sources.Oidc is { } oidc)
            authentication.AddOidc(oidc);
    }

    /// <summary>Puts the layers that every request passes in their order: who sends it, on whose behalf, and may that user do it.</summary>
    public static void UseAccess(this IApplicationBuilder app)
    {
        app.UseAuthentication();
        app.UseMiddleware<Impersonation>();
        app.UseMiddleware<AccessCheck>();
    }

    /// <summary>
    /// Lets clients show a certificate wherever Kestrel serves TLS. Whose it is is found out with the request: a handshake that fails
    /// tells a person nothing, and who also has a token needs no certificate.
    /// </summary>
    public static void AskForCertificates(this KestrelServerOptions kestrel, AccessSources sources)
    {
        if (sources.Authorities is null)
            return;
        kestrel.ConfigureHttpsDefaults(https =>
        {
            https.ClientCertificateMode = ClientCertificateMode.AllowCertificate;
            https.ClientCertificateValidation = (_, _, _) => true;
        });
    }

    private static void AddFollowed<T>(this IServiceCollection services, Followed<T>? followed)
        where T : class
    {
        if (followed is null)
            return;
        services.AddSingleton<IHostedService>(followed);
        services.AddHealthChecks().Add(new HealthCheckRegistration(followed.Name, followed, HealthStatus.Degraded, null));
    }
}
