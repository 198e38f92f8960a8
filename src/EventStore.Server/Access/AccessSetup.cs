using EventStore.Server.Access.Cluster;
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
/// <param name="Oidc">The OpenID Connect issuer whose bearer tokens are taken; null for none.</param>
internal sealed record AccessSources(
    Followed<TokenFile> Tokens, Followed<RoleBindings>? Rules = null, Followed<ClientAuthorities>? Authorities = null,
    OidcSettings? Oidc = null)
{
    /// <summary>The certificate authorities of front proxies; null when no proxy is believed.</summary>
    public Followed<ClientAuthorities>? ProxyAuthorities { get; init; }

    /// <summary>What a front proxy says of the user, and where.</summary>
    public RequestHeaderSettings ProxyHeaders { get; init; } = new();

    /// <summary>The front proxies and client authorities a cluster publishes; null when no cluster is asked.</summary>
    public ClusterProxies? Cluster { get; init; }

    /// <summary>The cluster that knows tokens; null for none.</summary>
    public ClusterReviews? Authenticator { get; init; }

    /// <summary>The cluster that decides what users may do; null when the rules of files decide.</summary>
    public ClusterReviews? Authorizer { get; init; }

    /// <summary>The cluster in whose namespaces jobs are created; null where namespaces need not be created.</summary>
    public ClusterNamespaces? Namespaces { get; init; }

    /// <summary>Whether clients are asked for certificates.</summary>
    public bool AsksForCertificates => Authorities is not null || ProxyAuthorities is not null || Cluster is not null;

    /// <summary>The user whom a front proxy vouches for; the headers it would name the user in are taken out of the request.</summary>
    public Caller? OfProxy(HttpContext http)
    {
        FrontProxy? named = ProxyAuthorities is { } authorities ? new FrontProxy(authorities.Current, ProxyHeaders) : null;
        FrontProxy?[] proxies = [named, Cluster?.Proxy];
        return FrontProxy.Take(
            proxies.OfType<FrontProxy>(), http.Request.Headers, http.Connection.ClientCertificate, Now(http));
    }

    /// <summary>The user whom a client certificate names.</summary>
    public Caller? OfCertificate(HttpContext http)
    {
        (DateTimeOffset now, var certificate) = (Now(http), http.Connection.ClientCertificate);
        return Authorities?.Current.Find(certificate, now) ?? Cluster?.Clients?.Find(certificate, now);
    }

    private static DateTimeOffset Now(HttpContext http) => http.RequestServices.GetRequiredService<TimeProvider>().GetUtcNow();
}

/// <summary>Puts authentication and authorization together.</summary>
internal static class AccessSetup
{
    /// <summary>Adds them, and what keeps them up to date. Each source that follows files has a health check of its name.</summary>
    public static void AddAccess(this IServiceCollection services, AccessSources sources, AccessAnswers answers)
    {
        services.AddSingleton(answers);
        services.AddSingleton(new Authorization(
            () => sources.Rules?.Current ?? RoleBindings.Empty, sources.Authorizer is { } cluster ? cluster.Allows : null));
        services.AddSingleton(new NamespaceLookup(sources.Namespaces is { } known ? known.Find : null));
        if (sources.Namespaces is { } namespaces)
            services.AddHealthChecks().Add(new HealthCheckRegistration(ClusterNamespaces.Name, namespaces, HealthStatus.Degraded, null));
        services.AddReviews(sources.Authenticator);
        services.AddReviews(sources.Authorizer);
        if (sources.Cluster is { } proxies)
        {
            services.AddSingleton<IHostedService>(proxies);
            services.AddHealthChecks().Add(new HealthCheckRegistration(ClusterProxies.Name, proxies, HealthStatus.Unhealthy, null));
        }

        services.AddFollowed(sources.Tokens);
        services.AddFollowed(sources.Rules);
        services.AddFollowed(sources.Authorities);
        services.AddFollowed(sources.ProxyAuthorities);

        // Not AddAuthentication: it adds data protection, which would create keys for cookies at the first start and keep them in
        // the home folder, with a warning that they are not encrypted. The API uses no cookie; PageSetup adds data protection for the page.
        services.TryAddSingleton(TimeProvider.System);
        services.AddAuthenticationCore(options => options.DefaultScheme = CallerAuthentication.SchemeName).AddWebEncoders();
        var authentication = new AuthenticationBuilder(services);
        authentication.AddScheme<CallerAuthenticationOptions, CallerAuthentication>(CallerAuthentication.SchemeName, options =>
        {
            options.OfToken = token => sources.Tokens.Current.Find(token);
            options.Answers = answers;
            options.IssuerScheme = sources.Oidc is null ? null : Oidc.Scheme;
            options.OfReviewedToken = sources.Authenticator is { } authenticator ? authenticator.Authenticate : null;
            options.OfCertificate = sources.AsksForCertificates ? sources.OfCertificate : null;
            options.OfProxy = sources.ProxyAuthorities is not null || sources.Cluster is not null ? sources.OfProxy : null;
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
    /// Lets clients present a certificate wherever Kestrel serves TLS. It is verified with the request and not in the handshake: a
    /// failed handshake gives no readable error, and a client with a token needs no certificate.
    /// </summary>
    public static void AskForCertificates(this KestrelServerOptions kestrel, AccessSources sources)
    {
        if (!sources.AsksForCertificates)
            return;
        kestrel.ConfigureHttpsDefaults(https =>
        {
            https.ClientCertificateMode = ClientCertificateMode.AllowCertificate;
            https.ClientCertificateValidation = (_, _, _) => true;
        });
    }

    private static void AddReviews(this IServiceCollection services, ClusterReviews? reviews)
    {
        if (reviews is not null)
            services.AddHealthChecks().Add(new HealthCheckRegistration(reviews.Name, reviews, HealthStatus.Unhealthy, null));
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
