using EventStore.Domain.Manifests;
using EventStore.Server.Access;
using EventStore.Server.Access.Credentials;
using EventStore.Server.Activities;
using EventStore.Server.Audit;
using EventStore.Server.Jobs;
using EventStore.Server.Kubernetes;
using EventStore.Server.Kubernetes.Documents;
using EventStore.Server.Kubernetes.Reviews;
using EventStore.Server.Limits;
using EventStore.Server.Page;
using EventStore.Server.Resources;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Lane;
using EventStore.Server.Telemetry;
using Npgsql;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Hosting;

/// <summary>The web application: its services, its pipeline and its routes.</summary>
internal static class Web
{
    private const int AuditIdLengthMax = 64;

    /// <summary>Builds it.</summary>
    /// <param name="builder">The host's builder, with the settings read.</param>
    /// <param name="served">What is served, and to whom.</param>
    public static WebApplication Build(WebApplicationBuilder builder, Served served)
    {
        builder.AddWebServer(served);
        builder.Services.AddStore(served);
        var answers = new AccessAnswers(
            (http, wrong) => Status.BadRequest(wrong).ExecuteAsync(http), http => Status.Unauthorized().ExecuteAsync(http), Forbidden);
        builder.Services.AddRequests(served, answers, builder.Configuration);
        WebApplication app = builder.Build();
        app.Services.GetRequiredService<CommitLane>(); // it starts with the server, not with the first write
        app.UsePipeline(served);
        app.MapRoutes(served);
        return app;
    }

    /// <summary>The middleware that every request passes through, in this order.</summary>
    private static void UsePipeline(this WebApplication app, Served served)
    {
        app.Use(RequestId);
        app.Use(app.Services.GetRequiredService<GracefulStop>().LetGo);
        app.UseMiddleware<RequestLog>();
        if (served.Settings.HasPage)
            app.UsePage();
        app.UseMiddleware<Fallback>();
        var outage = new Outage(app.Services.GetRequiredService<ILogger<Database>>(), "Reads");
        app.Use((HttpContext http, RequestDelegate next) => AnswerDatabaseAway(http, next, outage));
        TimeSpan ping = served.Limits.Feed.PingEvery;
        app.UseWebSockets(new WebSocketOptions { KeepAliveInterval = ping, KeepAliveTimeout = ping });
        app.Use(OldWatchPaths.Rewrite);
        app.UseRouting();
        app.UseRequestTimeouts();
        app.Use(Routes.RequireExactCase);
        app.UseAccess();
        app.Use(RequestedTimeout.Bound);
        app.UseFairShare(served.Limits.Requests);
        app.Use(UnreadableEvents.Answer);
        app.Use(RetriedRead.OnAFreshConnection);
    }

    private static void MapRoutes(this WebApplication app, Served served)
    {
        bool withActivity = served.Settings.CountsActivity;
        Profile profile = served.Settings.Profile;
        bool Has(ApiResource resource) => served.Settings.Groups?.Contains(resource.Group) ?? true;
        ServedResource[] resources = [.. ((ServedResource[])
        [
            .. served.Described, .. NamespaceEndpoints.Served, ResourceDefinitions.Served, .. SelfReviews.Served,
        ]).Where(each => Has(each.Resource))];
        if (Has(JobResource.Names))
            app.MapJobs(profile);
        if (Has(JobResource.Revisions))
        {
            app.MapRevisions();
            app.MapCheckpoint();
            if (withActivity)
                app.MapActivity();
        }

        if (served.Settings.Groups is null)
        {
            app.MapNamespaces();
            app.MapSelfReviews();
            app.MapDefinitions(resources);
        }

        app.MapVersion();
        app.MapDiscovery(resources);
        app.MapOpenApiV3(resources);
        app.MapOpenApiV2(resources);
        app.MapHealth();
        app.MapMetrics();
        app.MapApiDocument();
        if (served.Settings.HasPage)
            app.MapPage();
        app.MapRoot(served.Settings.HasPage ? PageSetup.Root + "/" : ApiDocument.Page, PageSetup.Root);
    }

    /// <summary>
    /// Gives every request an id: in the reply, in the log, in its trace and in its events. As upstream does (apiserver
    /// <c>WithAuditInit</c>), the client's own id is used if it is valid, because it is stored for ever.
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

    private static async Task AnswerDatabaseAway(HttpContext http, RequestDelegate next, Outage outage)
    {
        try
        {
            await next(http);
            if (outage.IsOn && http.Response.StatusCode < 300 && RequestInfo.Of(http).Class is RequestClass.Read or RequestClass.List)
                outage.End();
        }
        catch (Exception e) when (DatabaseAway.Is(e) && !http.Response.HasStarted && !http.RequestAborted.IsCancellationRequested)
        {
            outage.Note(1, e); // the request itself has its line in the request log
            await DatabaseAnswers.Away(DatabaseAway.Why(e)).ExecuteAsync(http);
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.CharacterNotInRepertoire && !http.Response.HasStarted)
        {
            await Status.BadRequest("a value of the request has U+0000 in it, which nothing stored can have").ExecuteAsync(http);
        }
    }

    private static Task Forbidden(HttpContext http, AccessRequest asked)
    {
        Signals.CountDenied(asked);
        Caller user = RequestInfo.Of(http).User;
        string reason = http.RequestServices.GetRequiredService<Authorization>().MissingRoles(user, asked.Namespace);
        Status status = asked.IsResource
            ? Status.Forbidden(user.Name, asked.Verb, asked.Group, asked.Resource, asked.Subresource, asked.Name ?? string.Empty,
                asked.Namespace ?? string.Empty, reason)
            : Status.ForbiddenPath(user.Name, asked.Verb, asked.Path, reason);
        return status.ExecuteAsync(http);
    }
}
