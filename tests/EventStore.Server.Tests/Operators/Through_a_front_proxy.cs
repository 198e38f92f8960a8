using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using EventStore.Server.Tests.Access;
using EventStore.Server.Tests.Fixtures;
using EventStore.Server.Tests.Watch;

namespace EventStore.Server.Tests.Operators;

/// <summary>What a client does through an aggregator is done in the client's name and by its rights, and is as without one.</summary>
[Trait("Category", "Slow")]
public sealed class Through_a_front_proxy : IAsyncLifetime, IDisposable
{
    private const string Rules = """
        kind: ClusterRole
        apiVersion: rbac.authorization.k8s.io/v1
        metadata: {name: editor}
        rules:
        - {apiGroups: [kubeflow.org], resources: [pytorchjobs], verbs: [get, list, watch, create, patch]}
        - {apiGroups: [audit.eventstore.io], resources: [pytorchjobrevisions], verbs: [get, list]}
        ---
        kind: RoleBinding
        apiVersion: rbac.authorization.k8s.io/v1
        metadata: {name: editors, namespace: ml}
        subjects: [{kind: Group, name: ml-team}]
        roleRef: {kind: ClusterRole, name: editor}
        """;

    private const string Tokens = "carols,carol,7,ml-team\nroots,root,1,system:masters\n";
    private readonly string folder = Directory.CreateTempSubdirectory("proxied-").FullName;
    private readonly TestAuthority authority = new("proxies");
    private TestDatabase database = null!;
    private ServerProcess server = null!;
    private FrontProxyStandIn proxy = null!;
    private HttpClient carol = null!;

    public async Task InitializeAsync()
    {
        database = await TestDatabase.Create();
        string ca = Path.Combine(folder, "proxy-ca.pem"), rules = Directory.CreateDirectory(Path.Combine(folder, "rules")).FullName;
        await File.WriteAllTextAsync(ca, authority.Pem);
        await File.WriteAllTextAsync(Path.Combine(rules, "rules.yaml"), Rules);
        server = await ServerProcess.Start(
            database.Serving, "--data", folder, "--authorization-rbac-dir", rules, "--requestheader-client-ca-file", ca,
            "--requestheader-allowed-names", FrontProxyStandIn.Name);
        proxy = await FrontProxyStandIn.Start(
            authority, Tokens, () => new UriBuilder(server.Url) { Scheme = "https" }.Uri, Path.Combine(folder, "tls.pem"));
        carol = Client("carols");
    }

    public async Task DisposeAsync()
    {
        carol.Dispose();
        await proxy.DisposeAsync();
        await server.DisposeAsync();
        await database.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    public void Dispose() => authority.Dispose();

    [Fact]
    public async Task Discovery_lists_watches_patches_and_the_history_are_the_servers_own()
    {
        Assert.Contains("kubeflow.org", (await carol.Get("/apis"))["groups"]!.AsArray().Select(group => (string)group!["name"]!));
        JsonNode created = await carol.Create("mnist", "ml");
        await using WatchClient watch = await WatchClient.Open(carol, Sample.Jobs("ml"), $"resourceVersion={created.Revision()}");
        JsonNode patched = await (await carol.Patch(Sample.Job("mnist", "ml"), """{"metadata":{"labels":{"team":"ml"}}}""")).Manifest();
        Frame frame = (await watch.Next())!;
        Assert.Equal(("MODIFIED", patched.Revision()), (frame.Type, $"{frame.Revision}"));
        Assert.Equal(patched.Revision(), (await carol.Get(Sample.Jobs("ml")))["items"]![0]!.Revision());
        JsonNode direct = await server.Admin.Get(Sample.Job("mnist", "ml"));
        Assert.Equal(direct.ToJsonString(), (await carol.Get(Sample.Job("mnist", "ml"))).ToJsonString());

        JsonArray history = (await carol.Get("/apis/audit.eventstore.io/v1/namespaces/ml/pytorchjobrevisions"))["items"]!.AsArray();
        Assert.Equal(["Patched carol ml-team", "Created carol ml-team"], history.Select(
            each => $"{each!["verb"]} {each["user"]!["name"]} {each["user"]!["groups"]![0]}"));
    }

    [Fact]
    public async Task Rights_are_those_of_the_user_the_proxy_names_and_of_nobody_a_client_names()
    {
        foreach (string name in (string[])["X-Remote-User", "x-remote-group", "X-Remote-Extra-Scopes"])
            carol.DefaultRequestHeaders.Add(name, "system:masters");
        string refusal = await (await carol.GetAsync(Sample.Jobs("other"))).Content.ReadAsStringAsync();
        Assert.Contains("User \\\"carol\\\" cannot list resource", refusal, StringComparison.Ordinal);
        using HttpClient root = Client("roots"), nobody = Client("nobodys");
        Assert.Equal(200, (int)(await root.GetAsync(Sample.Jobs("other"))).StatusCode);
        Assert.Equal(401, (int)(await nobody.GetAsync(Sample.Jobs("other"))).StatusCode);
        // Past the proxy, on a connection without its certificate, its headers are nothing.
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(server.Url, Sample.Jobs("other")))
        {
            Headers = { { "X-Remote-User", "root" }, { "X-Remote-Group", "system:masters" } },
        };
        using var direct = new HttpClient();
        Assert.Equal(401, (int)(await direct.SendAsync(request)).StatusCode);
    }

    private HttpClient Client(string token)
    {
        HttpClient client = authority.Trusting(proxy.Url);
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return client;
    }
}
