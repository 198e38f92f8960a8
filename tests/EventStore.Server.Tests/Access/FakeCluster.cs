using System.Collections.Concurrent;
using System.Diagnostics;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace EventStore.Server.Tests.Access;

/// <summary>
/// An API server as far as delegation needs one, over TLS: TokenReview, SubjectAccessReview, SelfSubjectAccessReview, and the ConfigMap
/// with a watch; and secrets. It answers only who shows its own client's token.
/// </summary>
internal sealed class FakeCluster : IAsyncDisposable
{
    private const string Token = "the-delegator";
    private readonly TestAuthority authority = new("cluster");
    private readonly List<Channel<JsonObject>> watches = [];
    private X509Certificate2 certificate = null!;
    private WebApplication app = null!;
    private int version = 1;

    /// <summary>What was asked, as <c>tokenreviews TOKEN</c> or <c>subjectaccessreviews USER VERB RESOURCE</c>.</summary>
    public ConcurrentQueue<string> Asked { get; } = new();

    /// <summary>The users of tokens: <c>userInfo</c>.</summary>
    public ConcurrentDictionary<string, JsonObject> Users { get; } = new();

    /// <summary>Decides an access review by its spec.</summary>
    public Func<JsonNode, bool> Allows { get; set; } = _ => false;

    /// <summary>What the answer to an access review waits for, by its spec.</summary>
    public Func<JsonNode, Task> Awaits { get; set; } = _ => Task.CompletedTask;

    /// <summary>The namespaces there are, each with its phase; <c>forbidden</c> for one that the client may not get.</summary>
    public ConcurrentDictionary<string, string> Namespaces { get; } = new();

    /// <summary>The secrets, by namespace and name.</summary>
    public ConcurrentDictionary<string, JsonNode> Secrets { get; } = new();

    /// <summary>Whether the client may create reviews.</summary>
    public bool MayReview { get; set; } = true;

    /// <summary>Everything is answered with this code; 0 when all is well.</summary>
    public int Failing { get; set; }

    /// <summary>Whether each watch ends after one frame.</summary>
    public bool EndsWatches { get; set; }

    /// <summary>When each watch began (<see cref="Stopwatch.GetTimestamp"/>).</summary>
    public ConcurrentQueue<long> Watched { get; } = new();

    /// <summary>The ConfigMap's data; null when there is none.</summary>
    public JsonObject? Published { get; private set; }

    private string Address => app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();

    /// <summary>A kubeconfig for a client that may ask.</summary>
    public string Kubeconfig => $$"""
        apiVersion: v1
        kind: Config
        clusters: [{name: c, cluster: {server: "{{Address}}", certificate-authority-data: {{Convert.ToBase64String(Encoding.ASCII.GetBytes(authority.Pem))}} } }]
        users: [{name: u, user: {token: {{Token}} } }]
        contexts: [{name: x, context: {cluster: c, user: u, namespace: eventstore} }]
        current-context: x

        """;

    public static async Task<FakeCluster> Start()
    {
        var cluster = new FakeCluster();
        cluster.certificate = cluster.authority.ForServer();
        await cluster.Listen("https://127.0.0.1:0");
        return cluster;
    }

    /// <summary>Goes away, as a control plane does.</summary>
    public async Task<string> Stop()
    {
        string address = Address;
        await app.DisposeAsync();
        return address;
    }

    /// <summary>Comes back at the same address.</summary>
    public Task Return(string address) => Listen(address);

    /// <summary>Changes the ConfigMap and tells the watches.</summary>
    public void Publish(JsonObject? data)
    {
        lock (watches)
        {
            (Published, version) = (data, version + 1);
            foreach (Channel<JsonObject> watch in watches)
                watch.Writer.TryWrite(new JsonObject { ["type"] = "MODIFIED", ["object"] = ConfigMap() });
        }
    }

    public async ValueTask DisposeAsync()
    {
        await app.DisposeAsync();
        certificate.Dispose();
        authority.Dispose();
    }

    private async Task Listen(string url)
    {
        WebApplicationBuilder builder = Door.Builder();
        builder.WebHost.UseKestrelHttpsConfiguration().UseUrls(url)
            .ConfigureKestrel(kestrel => kestrel.ConfigureEndpointDefaults(listen => listen.UseHttps(certificate)));
        builder.Logging.ClearProviders();
        app = builder.Build();
        app.Use(async (http, next) =>
        {
            int code = http.Request.Headers.Authorization != $"Bearer {Token}" ? 401 : Failing;
            if (code == 0)
                await next(http);
            else
                http.Response.StatusCode = code;
        });
        app.MapPost("/apis/authentication.k8s.io/v1/tokenreviews", (Delegate)ReviewToken);
        app.MapPost("/apis/authorization.k8s.io/v1/subjectaccessreviews", (Delegate)ReviewAccess);
        app.MapPost("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", (Delegate)ReviewSelf);
        app.MapGet("/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication", () =>
            Published is null ? Results.StatusCode(404) : Results.Text(ConfigMap().ToJsonString(), "application/json"));
        app.MapGet("/api/v1/namespaces/kube-system/configmaps", (Delegate)Watch);
        app.MapPost("/api/v1/namespaces/{space}/secrets", (Delegate)CreateSecret);
        app.MapGet("/api/v1/namespaces/{space}/secrets/{name}", (string space, string name) => Secrets.TryGetValue(
            $"{space}/{name}", out JsonNode? found)
            ? Results.Text(found.ToJsonString(), "application/json")
            : Results.StatusCode(404));
        app.MapGet("/api/v1/namespaces/{name}", (string name) => GetNamespace(name));
        await app.StartAsync();
    }

    private async Task<IResult> ReviewToken(HttpContext http)
    {
        JsonNode review = (await JsonNode.ParseAsync(http.Request.Body))!;
        string token = (string)review["spec"]!["token"]!;
        Asked.Enqueue($"tokenreviews {token}");
        if (!MayReview)
            return Results.StatusCode(403);
        review["status"] = Users.TryGetValue(token, out JsonObject? user)
            ? new JsonObject { ["authenticated"] = true, ["user"] = user.DeepClone() }
            : new JsonObject { ["authenticated"] = false, ["error"] = "invalid bearer token" };
        return Results.Text(review.ToJsonString(), "application/json", statusCode: 201);
    }

    private async Task<IResult> ReviewAccess(HttpContext http)
    {
        JsonNode review = (await JsonNode.ParseAsync(http.Request.Body))!;
        JsonNode spec = review["spec"]!, asked = spec["resourceAttributes"] ?? spec["nonResourceAttributes"]!;
        Asked.Enqueue($"subjectaccessreviews {spec["user"]} {asked["verb"]} {asked["resource"] ?? asked["path"]}");
        if (!MayReview)
            return Results.StatusCode(403);
        await Awaits(spec);
        review["status"] = new JsonObject { ["allowed"] = Allows(spec) };
        return Results.Text(review.ToJsonString(), "application/json", statusCode: 201);
    }

    private async Task<IResult> ReviewSelf(HttpContext http)
    {
        JsonNode review = (await JsonNode.ParseAsync(http.Request.Body))!;
        review["status"] = new JsonObject { ["allowed"] = MayReview };
        return Results.Text(review.ToJsonString(), "application/json", statusCode: 201);
    }

    private async Task<IResult> CreateSecret(HttpContext http, string space)
    {
        JsonNode secret = (await JsonNode.ParseAsync(http.Request.Body))!;
        return Secrets.TryAdd($"{space}/{(string)secret["metadata"]!["name"]!}", secret)
            ? Results.Text(secret.ToJsonString(), "application/json", statusCode: 201)
            : Results.StatusCode(409);
    }

    private IResult GetNamespace(string name)
    {
        Asked.Enqueue($"namespaces {name}");
        if (!Namespaces.TryGetValue(name, out string? phase))
            return Results.StatusCode(404);
        return phase == "forbidden"
            ? Results.StatusCode(403)
            : Results.Text(
                $$$"""{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"{{{name}}}"},"status":{"phase":"{{{phase}}}"}}""",
                "application/json");
    }

    private async Task Watch(HttpContext http)
    {
        var watch = Channel.CreateUnbounded<JsonObject>();
        lock (watches)
        {
            watches.Add(watch);
            if (http.Request.Query["resourceVersion"] != $"{version}")
                watch.Writer.TryWrite(new JsonObject { ["type"] = "MODIFIED", ["object"] = ConfigMap() });
        }

        Watched.Enqueue(Stopwatch.GetTimestamp());
        http.Response.ContentType = "application/json";
        await http.Response.Body.FlushAsync();
        if (EndsWatches) // after a frame: the client takes a watch without any for a fault
        {
            await http.Response.WriteAsync(new JsonObject { ["type"] = "MODIFIED", ["object"] = ConfigMap() }.ToJsonString() + "\n");
            return;
        }

        await foreach (JsonObject change in watch.Reader.ReadAllAsync(http.RequestAborted))
        {
            await http.Response.WriteAsync(change.ToJsonString() + "\n");
            await http.Response.Body.FlushAsync();
        }
    }

    private JsonObject ConfigMap() => new()
    {
        ["apiVersion"] = "v1",
        ["kind"] = "ConfigMap",
        ["metadata"] = new JsonObject
        {
            ["name"] = "extension-apiserver-authentication",
            ["namespace"] = "kube-system",
            ["resourceVersion"] = $"{version}",
        },
        ["data"] = Published?.DeepClone(),
    };
}
