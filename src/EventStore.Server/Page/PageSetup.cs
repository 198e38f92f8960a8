using EventStore.Server.Access;
using EventStore.Server.Access.Credentials;
using EventStore.Server.Kubernetes;
using EventStore.Server.Page.Changes;
using EventStore.Server.Page.List;
using EventStore.Server.Page.OneJob;
using EventStore.Server.Page.SignIn;
using EventStore.Server.Page.State;
using Microsoft.AspNetCore.DataProtection;

namespace EventStore.Server.Page;

/// <summary>
/// The page for people, below <c>/ui</c>: HTML made by the server. Every page asks the code that answers the API, and says in its
/// <see cref="RequiresAccess"/> which right of the API it needs; so it shows what its reader may see, and nothing else.
/// </summary>
internal static class PageSetup
{
    /// <summary>Below which path everything lies.</summary>
    public const string Root = SignInCookie.Path;

    private const string ApplicationName = "pytorchjob-eventstore";

    /// <summary>Adds what it needs.</summary>
    /// <param name="services">The services.</param>
    /// <param name="keysFolder">
    /// Where the keys of its cookies are kept; null to make them anew at every start, which signs everybody out.
    /// </param>
    /// <param name="oidc">The OpenID Connect issuer; null for none.</param>
    public static void AddPage(this IServiceCollection services, string? keysFolder, OidcSettings? oidc)
    {
        IDataProtectionBuilder keys = services.AddDataProtection().SetApplicationName(ApplicationName);
        if (keysFolder is null)
            keys.UseEphemeralDataProtectionProvider();
        else
            keys.PersistKeysToFileSystem(new DirectoryInfo(keysFolder));
        services.AddAntiforgery(options =>
        {
            (options.Cookie.Name, options.Cookie.Path, options.FormFieldName) = ("eventstore-form", Root, "form-token");
            options.Cookie.SecurePolicy = CookieSecurePolicy.SameAsRequest;
            options.SuppressXFrameOptionsHeader = true; // the policy of PageAnswers says it
        });
        services.AddRazorComponents();
        services.AddResponseCompression(compression => compression.EnableForHttps = true);
        services.AddSingleton<SignInCookie>().AddSingleton<LiveFragments>();
        services.AddSingleton<LiveViews>().AddHostedService(provider => provider.GetRequiredService<LiveViews>());
        services.AddIssuerSignIn(oidc);
        services.AddSingleton<ServerSamples>().AddHostedService(provider => provider.GetRequiredService<ServerSamples>());
    }

    /// <summary>Puts what every request of the page passes through before all else that may answer it.</summary>
    public static void UsePage(this IApplicationBuilder app)
    {
        app.Use(PageAnswers.Prepare);
        app.UseWhen(http => SignInCookie.Governs(http.Request.Path), page => page.UseResponseCompression());
    }

    /// <summary>Maps it.</summary>
    public static void MapPage(this IEndpointRouteBuilder app)
    {
        RouteGroupBuilder page = app.MapGroup(Root);
        page.ExcludeFromDescription();
        page.MapAssets();
        page.MapPlugin();
        page.MapSignIn();
        page.MapJobList();
        page.MapChanges();
        page.MapState();
        page.MapJobPages();
        RouteGroupBuilder open = page.MapGroup(string.Empty);
        open.MapRead("/", () => Results.Redirect(JobListEndpoints.Path));
        open.MapFallback("/{**rest}", Status.NoSuchPage);
        open.WithMetadata(RequiresAccess.Open);
    }
}
