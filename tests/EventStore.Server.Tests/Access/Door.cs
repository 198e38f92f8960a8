using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;
using EventStore.Server.Access;
using EventStore.Server.Access.Credentials;
using EventStore.Server.Kubernetes;
using EventStore.Server.Kubernetes.Reviews;
using EventStore.Server.Kubernetes.Selectors;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace EventStore.Server.Tests.Access;

/// <summary>
/// The layers as the server wires them, with the real reviews and the routes of the real resources, whose stand-ins say <c>ok</c>: 403
/// and 401 are the door's, everything else got through.
/// </summary>
internal sealed class Door : IAsyncDisposable
{
    public static readonly AccessAnswers Answers = new(
        (http, wrong) => Status.BadRequest(wrong).ExecuteAsync(http),
        http => Status.Unauthorized().ExecuteAsync(http),
        (http, request) => Refusal(http, request).ExecuteAsync(http));

    private const string Jobs = "/apis/kubeflow.org/v1/namespaces/{namespace}/pytorchjobs";

    private readonly WebApplication app;

    private Door(WebApplication app) => this.app = app;

    public Uri Url => new(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());

    public static async Task<Door> Open(AccessSources sources, X509Certificate2? certificate = null)
    {
        WebApplicationBuilder builder = Builder();
        builder.WebHost.UseKestrelHttpsConfiguration().UseUrls(certificate is null ? "http://127.0.0.1:0" : "https://127.0.0.1:0");
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AskForCertificates(sources);
            if (certificate is not null)
                kestrel.ConfigureEndpointDefaults(listen => listen.UseHttps(certificate));
        });
        builder.Logging.ClearProviders();
        builder.Services.AddAccess(sources, Answers);
        WebApplication app = builder.Build();
        app.UseMiddleware<Fallback>();
        app.UseRouting();
        app.Use(Routes.RequireExactCase);
        app.UseAccess();
        app.MapSelfReviews();
        Map(app);
        await app.StartAsync();
        return new Door(app);
    }

    /// <summary>A builder that watches no settings files: a machine has few watchers, and a test run has many hosts.</summary>
    public static WebApplicationBuilder Builder() =>
        WebApplication.CreateSlimBuilder(new WebApplicationOptions { Args = ["--hostBuilder:reloadConfigOnChange=false"] });

    public HttpClient Client(string? token = null)
    {
        var client = new HttpClient { BaseAddress = Url };
        if (token is not null)
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return client;
    }

    /// <summary>
    /// Stops first: a watcher whose folder is deleted before it is given up keeps its place among the few the system has.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        await app.StopAsync();
        await app.DisposeAsync();
    }

    private static void Map(WebApplication app)
    {
        var jobs = new RequiresAccess("kubeflow.org", "pytorchjobs") { SelectedName = FieldSelector.SelectedName };
        foreach (string path in (string[])["/apis/kubeflow.org/v1/pytorchjobs", Jobs, Jobs + "/{name}"])
            app.Map(path, () => "ok").WithMetadata(jobs);
        app.Map(Jobs + "/{name}/status", () => "ok").WithMetadata(jobs with { Subresource = "status" });
        app.Map(Jobs + "/{name}/{subresource}", () => "ok").WithMetadata(jobs);
        app.Map("/apis/audit.eventstore.io/v1/namespaces/{namespace}/pytorchjobrevisions", () => "ok").WithMetadata(new RequiresAccess(
            "audit.eventstore.io", "pytorchjobrevisions"));
        app.Map("/api/v1/namespaces/{name}", () => "ok").WithMetadata(new RequiresAccess("", "namespaces"));
        foreach (string path in (string[])["/metrics", "/logs/{**rest}", "/version"])
            app.Map(path, () => "ok").WithMetadata(RequiresAccess.ByPath);
        app.Map("/who", (HttpContext http) => Caller.Of(http.User)).WithMetadata(RequiresAccess.ByPath);
    }

    private static Status Refusal(HttpContext http, AccessRequest request)
    {
        string user = RequestInfo.Of(http).User.Name;
        return request.IsResource
            ? Status.Forbidden(
                user, request.Verb, request.Group, request.Resource, request.Subresource, request.Name ?? "", request.Namespace ?? "")
            : Status.ForbiddenPath(user, request.Verb, request.Path);
    }
}
