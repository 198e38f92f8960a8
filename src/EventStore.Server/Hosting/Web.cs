using System.Security.Cryptography.X509Certificates;
using EventStore.Server.Access;
using EventStore.Server.Access.Credentials;
using EventStore.Server.Audit;
using EventStore.Server.Jobs;
using EventStore.Server.Kubernetes;
using EventStore.Server.Kubernetes.Documents;
using EventStore.Server.Kubernetes.Reviews;
using EventStore.Server.Limits;
using EventStore.Server.Resources;
using EventStore.Server.Store.Feed;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.History;
using EventStore.Server.Store.Lane;
using EventStore.Server.Store.Reads;
using EventStore.Server.Telemetry;
using Microsoft.OpenApi;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Hosting;

/// <summary>The web application: its services, what every request passes through, and the route tables.</summary>
internal static partial class Web
{
    private const int AuditIdLengthMax = 64;

    /// <summary>Builds it.</summary>
    /// <param name="builder">The host's builder, with the settings read.</param>
    /// <param name="database">The database to serve.</param>
    /// <param name="credentials">Who may log in.</param>
    /// <param name="certificate">A certificate for serving HTTPS beside HTTP; null to serve as Kestrel is configured.</param>
    public static WebApplication Build(WebApplicationBuilder builder, Database database, CredentialSources credentials, X509Certificate2? certificate)
    {
        RequestLimits limits = LimitSettings.Read<RequestLimits>(builder.Configuration, "Limits");
        builder.Services.AddSingleton(limits);
        builder.Services.AddRequestTime(limits);
        builder.Services.AddFairShare(limits);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            ConnectionLimits.Narrow(kestrel.Limits, limits);
            kestrel.AskForCertificates(credentials.Sources);
            if (certificate is not null)
                kestrel.ConfigureEndpointDefaults(listen => OwnCertificate.ServeBoth(listen, certificate));
        });
        // A request is read, carried out and answered without changing threads in between: nothing here keeps one for long. What is called
        // unsafe is that an endpoint which did would hold up the reading of others' requests; the runtime reads on with another thread then.
        builder.WebHost.UseSockets(sockets => sockets.UnsafePreferInlineScheduling = true);
        StopLimits stop = LimitSettings.Read<StopLimits>(builder.Configuration, "Stop");
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = stop.ForRequests);
        builder.Services.AddSingleton(stop).AddSingleton<GracefulStop>().AddSingleton<IHostLifetime>(services => services.GetRequiredService<GracefulStop>());
        builder.Services.AddExporting(builder.Configuration);

        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(_ => database.Serving());
        builder.Services.AddSingleton(LimitSettings.Read<LaneLimits>(builder.Configuration, "Lane") with { StopTime = StopLimits.LaneTime });
        builder.Services.AddSingleton<CommitLane>();
        builder.Services.AddSingleton<JobReads>();
        builder.Services.AddSingleton<RevisionReads>();
        builder.Services.AddSingleton<ServerPresence>();
        builder.Services.AddHostedService(services => services.GetRequiredService<ServerPresence>());
        builder.Services.AddSingleton(LimitSettings.Read<FeedLimits>(builder.Configuration, "Feed"));
        builder.Services.AddSingleton(LimitSettings.Read<ListLimits>(builder.Configuration, "Lists"));
        builder.Services.AddSingleton<JobFeed>();
        builder.Services.AddHostedService(services => services.GetRequiredService<JobFeed>());
        builder.Services.AddReadiness(database);

        var answers = new AccessAnswers(
            (http, wrong) => Status.BadRequest(wrong).ExecuteAsync(http), http => Status.Unauthorized().ExecuteAsync(http), Forbidden);
        builder.Services.AddAccess(credentials.Sources, answers);

        builder.Services.AddApiDocument(Documentation, () => JobDocumentation.Schemas().Concat(PastDocumentation.Schemas()).Concat(RevisionDocumentation.Schemas()).Concat(CheckpointDocumentation.Schemas()));

        WebApplication app = builder.Build();
        app.Services.GetRequiredService<CommitLane>(); // it starts with the server, not with the first write
        app.Use(RequestId);
        app.Use(app.Services.GetRequiredService<GracefulStop>().LetGo);
        app.UseMiddleware<RequestLog>();
        app.UseMiddleware<Fallback>();
        app.Use(AnswerDatabaseAway);
        app.UseRouting();
        app.UseRequestTimeouts();
        app.Use(Routes.RequireExactCase);
        app.UseAccess();
        app.UseFairShare(limits);
        app.Use(RetriedRead.OnAFreshConnection);
        app.MapJobs();
        app.MapRevisions();
        app.MapCheckpoint();
        app.MapNamespaces();
        app.MapSelfReviews();
        ServedResource[] served = [.. JobEndpoints.Served, .. RevisionEndpoints.Served, .. CheckpointEndpoints.Served, .. NamespaceEndpoints.Served, .. SelfReviews.Served];
        app.MapDiscovery(served);
        app.MapOpenApiV3(served);
        app.MapOpenApiV2(served);
        app.MapHealth();
        app.MapMetrics();
        app.MapApiDocument();
        return app;
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

    /// <summary>
    /// Every request has an id: in the reply, in the log, in its trace and in the events it leads to. As upstream does, the client's own is
    /// taken (apiserver <c>WithAuditInit</c>), if it is one: it is kept for ever.
    /// </summary>
    private static Task RequestId(HttpContext http, RequestDelegate next)
    {
        http.TraceIdentifier = http.Request.Headers["Audit-Id"] is [{ Length: > 0 and <= AuditIdLengthMax } given] && given.All(IsOfAnId)
            ? given
            : Guid.CreateVersion7().ToString();
        http.Response.Headers["Audit-Id"] = http.TraceIdentifier;
        return next(http);
    }

    private static bool IsOfAnId(char c) => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.';

    private static async Task AnswerDatabaseAway(HttpContext http, RequestDelegate next)
    {
        try
        {
            await next(http);
        }
        catch (Exception e) when (DatabaseAway.Is(e) && !http.Response.HasStarted && !http.RequestAborted.IsCancellationRequested)
        {
            DatabaseIsAway(http.RequestServices.GetRequiredService<ILogger<Database>>(), http.TraceIdentifier, e.Message);
            await DatabaseAnswers.Away(DatabaseAway.Why(e)).ExecuteAsync(http);
        }
    }

    private static Task Forbidden(HttpContext http, AccessRequest asked)
    {
        Signals.CountDenied(asked);
        Caller user = RequestInfo.Of(http).User;
        string reason = http.RequestServices.GetRequiredService<Authorization>().MissingRoles(user, asked.Namespace);
        Status status = asked.IsResource
            ? Status.Forbidden(user.Name, asked.Verb, asked.Group, asked.Resource, asked.Subresource, asked.Name ?? string.Empty, asked.Namespace ?? string.Empty, reason)
            : Status.ForbiddenPath(user.Name, asked.Verb, asked.Path, reason);
        return status.ExecuteAsync(http);
    }

    [LoggerMessage(LogLevel.Warning, "Request {Id}: the database is away: {Reason}")]
    private static partial void DatabaseIsAway(ILogger log, string id, string reason);
}
