using System.Security.Cryptography.X509Certificates;
using EventStore.Server.Access;
using EventStore.Server.Access.Credentials;
using EventStore.Server.Activities;
using EventStore.Server.Audit;
using EventStore.Server.Jobs;
using EventStore.Server.Kubernetes;
using EventStore.Server.Kubernetes.Documents;
using EventStore.Server.Limits;
using EventStore.Server.Page;
using EventStore.Server.Store.Feed;
using EventStore.Server.Store.History;
using EventStore.Server.Store.Hosts;
using EventStore.Server.Store.Lane;
using EventStore.Server.Store.Reads;
using EventStore.Server.Telemetry;
using EventStore.Server.Watch;
using Microsoft.OpenApi;

namespace EventStore.Server.Hosting;

/// <summary>What is served, and to whom.</summary>
/// <param name="Settings">The settings.</param>
/// <param name="Database">The database.</param>
/// <param name="Credentials">The sources of callers and rights.</param>
/// <param name="Limits">The limits.</param>
/// <param name="Certificate">A certificate for serving HTTPS beside HTTP; null to serve as Kestrel is configured.</param>
/// <param name="PageKeysFolder">The folder for the keys of the page's cookies; null to keep them in memory.</param>
internal sealed record Served(
    Settings Settings, Database Database, CredentialSources Credentials, ServerLimits Limits, X509Certificate2? Certificate,
    string? PageKeysFolder)
{
    /// <summary>The resources of the two groups that are the server's own, as all documents describe them.</summary>
    public IReadOnlyList<ServedResource> Described { get; } =
    [
        .. JobEndpoints.Served(Settings.Profile), .. RevisionEndpoints.Served, .. CheckpointEndpoints.Served,
        .. Settings.CountsActivity ? ActivityEndpoints.Served : [],
    ];
}

/// <summary>The services of the web application.</summary>
internal static class WebSetup
{
    /// <summary>Adds the web server: its limits, its sockets and its certificate.</summary>
    public static void AddWebServer(this WebApplicationBuilder builder, Served served)
    {
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            ConnectionLimits.Narrow(kestrel.Limits, served.Limits.Requests);
            kestrel.AskForCertificates(served.Credentials.Sources);
            if (served.Certificate is { } certificate)
                kestrel.ConfigureEndpointDefaults(listen => OwnCertificate.ServeBoth(listen, certificate));
        });
        builder.WebHost.UseSockets(sockets =>
        {
            // Requests are read, handled and answered on one thread: no endpoint blocks it for long. The option is called unsafe
            // because a blocking endpoint would delay the reading of other requests until the runtime adds a thread.
            sockets.UnsafePreferInlineScheduling = true;
            sockets.CreateBoundListenSocket = Addresses.Listen;
        });
        StopLimits stop = served.Limits.Stop;
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = stop.ForRequests);
        builder.Services.AddSingleton(stop).AddSingleton<GracefulStop>()
            .AddSingleton<IHostLifetime>(services => services.GetRequiredService<GracefulStop>());
    }

    /// <summary>Adds the services that every request uses: limits, access, telemetry and readiness.</summary>
    public static void AddRequests(this IServiceCollection services, Served served, AccessAnswers answers, IConfiguration configuration)
    {
        services.AddSingleton(TimeProvider.System).AddSingleton(served.Settings.Profile);
        services.AddSingleton(new RequiredReasons(served.Settings.ReasonsRequired));
        services.AddSingleton(served.Limits.Requests).AddSingleton(served.Limits.Lists);
        services.AddRequestTime(served.Limits.Requests);
        services.AddFairShare(served.Limits.Requests);
        services.AddBodyBudget(served.Limits.Requests);
        services.AddReadiness(served.Database); // before access: /readyz?verbose names the checks in this order
        if (served.Settings.HasPage)
            services.AddPage(served.PageKeysFolder, served.Credentials.Sources.Oidc);
        services.AddAccess(served.Credentials.Sources, answers);
        services.AddExporting(configuration);
        services.AddApiDocument(
            Documentation, () => ApiSchema.Of(served.Described).Append(JobDocumentation.PatchSchema(served.Settings.Profile)));
    }

    /// <summary>Adds the store: connections, the commit lane, the reads and the feed.</summary>
    public static void AddStore(this IServiceCollection services, Served served)
    {
        services.AddPrimary(served.Database, served.Settings);
        services.AddSingleton(served.Limits.Lane).AddSingleton<CommitLane>().AddSingleton<WholeBatches>();
        services.AddSingleton<JobReads>();
        services.AddSingleton<RevisionReads>().AddSingleton<BlameReads>().AddSingleton<RestorePoints>();
        services.AddSingleton(provider => new TimelineReads(
            provider.GetRequiredService<Primary>(), () => provider.GetRequiredService<Notifications>().Rebuilds));
        services.AddSingleton<ServerPresence>();
        services.AddHostedService(provider => provider.GetRequiredService<ServerPresence>());
        services.AddSingleton(served.Limits.Feed).AddSingleton<JobFeed>().AddSingleton<Notifications>();
        services.AddSingleton(_ => new CatchUps(served.Limits.Feed.CatchUpsAtOnce)).AddSingleton<WatchStarts>();
        services.AddHostedService(provider => provider.GetRequiredService<Notifications>());
        services.AddHostedService(provider => provider.GetRequiredService<JobFeed>());
        if (served.Settings.CountsActivity)
            services.AddActivity();
        if (served.Settings.Controllers.Count > 0)
            services.AddLifetimes(served.Settings.Controllers);
    }

    private static OpenApiInfo Documentation() => new()
    {
        Title = "PyTorchJob event store",
        Version = typeof(Web).Assembly.GetName().Version!.ToString(3),
        Description = """
            PyTorchJobs of `kubeflow.org/v1` through Kubernetes' API, every change kept for ever as an event in PostgreSQL. `kubectl` and
            every Kubernetes client work against it, and the revisions say who changed what, and when.

            Every refusal is a Kubernetes `Status`: clients decide by `reason` and `code`, people read `message`, and `details.causes` names
            each field at fault. Every answer carries an `Audit-Id`, which is also in the server's log and in the history.
            """,
    };
}
