using System.Diagnostics;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using EventStore.Server.Access;
using EventStore.Server.Access.Cluster;
using EventStore.Server.Tests.Fixtures;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;

namespace EventStore.Server.Tests.Access;

/// <summary>
/// A cluster's API server says whose a token is, who its front proxies are and who may do what; without its word nobody may do anything.
/// </summary>
public sealed class In_a_cluster : IAsyncLifetime, IDisposable
{
    private const string Jobs = "/apis/kubeflow.org/v1/namespaces/ml/pytorchjobs";
    private readonly AccessFolder folder = new();
    private readonly Journal journal = new();
    private readonly TestAuthority servers = new("servers"), proxies = new("proxies"), others = new("others"), clients = new("clients");
    private X509Certificate2 served = null!;
    private FakeCluster cluster = null!;
    private AccessSources sources = null!;
    private Door door = null!;

    public async Task InitializeAsync()
    {
        served = servers.ForServer();
        cluster = await FakeCluster.Start();
        cluster.Users["carols"] =
            (JsonObject)JsonNode.Parse("""{"username":"carol","uid":"7","groups":["dev"],"extra":{"scopes":["a","b"]}}""")!;
        cluster.Allows = spec =>
            (string)spec["user"]! == "carol" && (string?)spec["resourceAttributes"]?["verb"] is "get" or "list" or "impersonate";
        Publish(proxies.Pem, "front-proxy-client");
        await File.WriteAllTextAsync(folder.PathOf("kubeconfig"), cluster.Kubeconfig);
        ILogger log = LoggerFactory.Create(logging => logging.AddProvider(journal)).CreateLogger("cluster");
        k8s.IKubernetes Client() => ClusterSettings.Client(folder.PathOf("kubeconfig"));
        sources = new AccessSources(folder.Tokens("root,root,1,system:masters"))
        {
            Cluster = new ClusterProxies(Client(), log),
            Authenticator = new ClusterReviews("authentication-cluster", ClusterReviews.Tokens, Client(), new ReviewTimes(), log),
            Authorizer = new ClusterReviews(
                "authorization-cluster", ClusterReviews.Rights, Client(), new ReviewTimes { Health = TimeSpan.Zero }, log),
        };
        door = await Door.Open(sources, served);
    }

    public async Task DisposeAsync()
    {
        await door.DisposeAsync();
        await cluster.DisposeAsync();
    }

    public void Dispose()
    {
        served.Dispose();
        folder.Dispose();
        journal.Dispose();
        sources.Authenticator!.Dispose();
        sources.Authorizer!.Dispose();
        foreach (TestAuthority authority in (TestAuthority[])[servers, proxies, others, clients])
            authority.Dispose();
    }

    [Fact]
    public async Task Tokens_and_rights_are_asked_for_once_and_then_remembered()
    {
        for (int i = 0; i < 20; i++)
            Assert.Equal(200, await Code("carols", Jobs));
        int[] codes = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Code("nobodys", Jobs)));
        Assert.All(codes, code => Assert.Equal(401, code));
        Assert.Equal(
            ["subjectaccessreviews carol list pytorchjobs", "tokenreviews carols", "tokenreviews nobodys"],
            cluster.Asked.Order(StringComparer.Ordinal));
        for (int i = 0; i < 20; i++)
            Assert.Equal(403, await Code("carols", Jobs, HttpMethod.Delete));
        Assert.Single(cluster.Asked, asked => asked == "subjectaccessreviews carol deletecollection pytorchjobs");
    }

    [Fact]
    public async Task The_whole_user_and_the_whole_question_are_shown_to_the_cluster()
    {
        JsonNode? spec = null;
        cluster.Allows = asked => (spec = asked.DeepClone()) is not null;
        Assert.Equal(200, await Code("carols", Jobs + "/mnist/status"));
        Assert.True(JsonNode.DeepEquals(spec, JsonNode.Parse("""
            {"user":"carol","uid":"7","groups":["dev","system:authenticated"],"extra":{"scopes":["a","b"]},"resourceAttributes":
             {"verb":"get","group":"kubeflow.org","version":"v1","resource":"pytorchjobs","subresource":"status","namespace":"ml","name":"mnist"}}
            """)), spec!.ToJsonString());
        Assert.Equal(200, await Code("carols", "/metrics"));
        Assert.True(
            JsonNode.DeepEquals(spec["nonResourceAttributes"], JsonNode.Parse("""{"path":"/metrics","verb":"get"}""")),
            spec.ToJsonString());
    }

    [Fact]
    public async Task Masters_and_what_is_open_need_no_cluster()
    {
        await cluster.Stop();
        Assert.Equal(200, await Code("root", Jobs, HttpMethod.Delete));
        Assert.Equal(200, await Code(null, "/version"));
        Assert.Equal(401, await Code(null, Jobs));
    }

    [Fact]
    public async Task Without_the_cluster_the_answer_is_no_and_readiness_and_the_log_say_why()
    {
        Assert.Equal(HealthStatus.Healthy, await Health(sources.Authorizer!));
        string address = await cluster.Stop();
        Assert.Equal(401, await Code("carols", Jobs));
        Assert.Equal(403, await Code("root", Jobs, null, "Impersonate-User: carol"));
        Assert.Equal(
            (HealthStatus.Unhealthy, HealthStatus.Unhealthy), (await Health(sources.Authenticator!), await Health(sources.Authorizer!)));
        Assert.Contains(journal.Errors, line => line.Contains(
            "everything that needs the cluster is denied, for the cluster cannot be asked", StringComparison.Ordinal));

        await cluster.Return(address);
        Assert.Equal(
            (HealthStatus.Healthy, HealthStatus.Healthy), (await Health(sources.Authenticator!), await Health(sources.Authorizer!)));
        Assert.Equal(200, await Code("carols", Jobs)); // what could not be asked was not remembered
    }

    [Theory]
    [InlineData(500, true)]
    [InlineData(403, true)]
    [InlineData(0, false)]
    public async Task A_cluster_that_refuses_to_be_asked_is_no_cluster(int code, bool mayReview)
    {
        (cluster.Failing, cluster.MayReview) = (code, mayReview);
        Assert.Equal(401, await Code("carols", Jobs));
        Assert.Equal(HealthStatus.Unhealthy, await Health(sources.Authenticator!));
        if (!mayReview)
            Assert.Contains(
                journal.Errors, line => line.Contains("may not create tokenreviews.authentication.k8s.io", StringComparison.Ordinal));
        (cluster.Failing, cluster.MayReview) = (0, true);
        Assert.Equal(HealthStatus.Healthy, await Health(sources.Authenticator!));
        Assert.Equal(200, await Code("carols", Jobs));
    }

    [Fact]
    public async Task Can_i_asks_the_cluster_and_the_list_of_rules_says_that_it_cannot_know()
    {
        using HttpClient carol = Client("carols", null);
        cluster.Allows = spec => (string)spec["user"]! == "carol" && (string?)spec["resourceAttributes"]?["verb"] is "get" or "create";
        foreach ((string verb, bool allowed) in ((string, bool)[])[("get", true), ("delete", false)])
        {
            JsonNode answer = await Review(
                carol, "SelfSubjectAccessReview",
                new JsonObject { ["resourceAttributes"] = new JsonObject { ["verb"] = verb, ["resource"] = "pytorchjobs" } });
            Assert.Equal(allowed, (bool)answer["allowed"]!);
        }

        JsonNode rules = await Review(carol, "SelfSubjectRulesReview", new JsonObject { ["namespace"] = "ml" });
        Assert.Equal(
            (true, "webhook authorizer does not support user rule resolution"),
            ((bool)rules["incomplete"]!, (string)rules["evaluationError"]!));
    }

    [Fact]
    public async Task Front_proxies_and_client_certificates_are_those_the_cluster_publishes_and_follow_its_changes()
    {
        using X509Certificate2 first = proxies.ForClient("front-proxy-client"), second = others.ForClient("new-proxy"),
            carol = clients.ForClient("carol");
        const string user = "X-Remote-User: carol";
        await Eventually.Equal(200, () => Code(null, Jobs, null, user, first));
        Assert.Equal(401, await Code(null, Jobs, null, user, second));
        Assert.Equal(401, await Code(null, Jobs, null, user));
        Assert.Equal(401, await Code(null, Jobs, null, null, carol));

        Publish(others.Pem, "new-proxy", clients.Pem);
        await Eventually.Equal(200, () => Code(null, Jobs, null, user, second));
        Assert.Equal(401, await Code(null, Jobs, null, user, first));
        Assert.Equal(200, await Code(null, Jobs, null, null, carol));

        cluster.Publish(new JsonObject { ["requestheader-client-ca-file"] = "nonsense" });
        await Eventually.Equal(HealthStatus.Degraded, () => Health(sources.Cluster!));
        Assert.Equal(200, await Code(null, Jobs, null, user, second)); // what was read before stays in force
    }

    [Fact]
    public async Task A_cluster_that_ends_each_watch_at_once_is_not_asked_without_a_pause()
    {
        await Eventually.Holds(() => !cluster.Watched.IsEmpty, "the door's own watch has begun, which stays");
        cluster.EndsWatches = true;
        int before = cluster.Watched.Count;
        using var another = new ClusterProxies(
            ClusterSettings.Client(folder.PathOf("kubeconfig")), LoggerFactory.Create(_ => { }).CreateLogger("another"));
        await another.StartAsync(CancellationToken.None);
        await Eventually.Holds(() => cluster.Watched.Count >= before + 3, "it is asked again after each");
        long[] began = [.. cluster.Watched.Skip(before).Take(3)];
        Assert.True(
            Stopwatch.GetElapsedTime(began[0], began[2]) >= TimeSpan.FromSeconds(1.5),
            "three watches began within less than two pauses of a second");
        await another.StopAsync(CancellationToken.None);
    }

    [Theory]
    [InlineData("", null, null)]
    [InlineData("authentication-kubeconfig=f", "f", null)]
    [InlineData("authentication-kubeconfig=f authorization-mode=Webhook", "f", "f")]
    [InlineData("authorization-mode=Webhook", null, "in-cluster")]
    [InlineData("authentication-kubeconfig=f authorization-mode=Webhook authorization-kubeconfig=g", "f", "g")]
    [InlineData("authorization-kubeconfig=g", "--authorization-kubeconfig counts for nothing without --authorization-mode=Webhook", "wrong")]
    [InlineData("authorization-mode=AlwaysAllow", "--authorization-mode: 'AlwaysAllow' is neither RBAC nor Webhook", "wrong")]
    public void Settings_are_kube_apiservers(string given, string? authentication, string? authorization)
    {
        Dictionary<string, string> settings = given.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(pair => pair.Split('='))
            .ToDictionary(pair => pair[0], pair => pair[1]);
        if (authorization == "wrong")
        {
            var wrong = Assert.Throws<OperatorException>(() => ClusterSettings.Read(settings.GetValueOrDefault));
            Assert.StartsWith(authentication + "\n", wrong.Message, StringComparison.Ordinal);
            return;
        }

        var read = ClusterSettings.Read(settings.GetValueOrDefault);
        Assert.Equal((authentication, authorization), (read.Authentication, read.Authorization));
    }

    private static async Task<JsonNode> Review(HttpClient client, string kind, JsonObject spec)
    {
        var body = new JsonObject { ["apiVersion"] = "authorization.k8s.io/v1", ["kind"] = kind, ["spec"] = spec };
        using HttpResponseMessage answer = await client.PostAsJsonAsync($"/apis/authorization.k8s.io/v1/{kind.ToLowerInvariant()}s", body);
        string text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.IsSuccessStatusCode, text);
        return JsonNode.Parse(text)!["status"]!;
    }

    private static async Task<HealthStatus> Health(IHealthCheck check) => (await check.CheckHealthAsync(new HealthCheckContext())).Status;

    private void Publish(string proxyAuthority, string name, string? clientAuthority = null)
    {
        var data = new JsonObject
        {
            ["requestheader-client-ca-file"] = proxyAuthority,
            ["requestheader-allowed-names"] = $"[\"{name}\"]",
            ["requestheader-username-headers"] = "[\"X-Remote-User\"]",
            ["requestheader-group-headers"] = "[\"X-Remote-Group\"]",
            ["requestheader-extra-headers-prefix"] = "[\"X-Remote-Extra-\"]",
        };
        if (clientAuthority is not null)
            data["client-ca-file"] = clientAuthority;
        cluster.Publish(data);
    }

    private HttpClient Client(string? token, X509Certificate2? shown)
    {
        HttpClient client = servers.Trusting(door.Url, shown);
        if (token is not null)
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return client;
    }

    private async Task<int> Code(
        string? token, string path, HttpMethod? method = null, string? header = null, X509Certificate2? shown = null)
    {
        using HttpClient client = Client(token, shown);
        using var request = new HttpRequestMessage(method ?? HttpMethod.Get, path);
        if (header?.Split(": ", 2) is [var name, var value])
            request.Headers.TryAddWithoutValidation(name, value);
        using HttpResponseMessage answer = await client.SendAsync(request);
        return (int)answer.StatusCode;
    }
}
