using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using EventStore.Server.Tests.Access;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Kubectl;

/// <summary>
/// A server with rules, TLS of Kestrel's own settings and client certificates, as the README has it, and kubectl with the kubeconfig it
/// wrote.
/// </summary>
[Trait("Category", "Slow")]
public sealed class Rights_by_rules : IAsyncLifetime, IDisposable
{
    private const string Jobs = "/apis/kubeflow.org/v1/namespaces/ml/pytorchjobs";
    private readonly string folder = Directory.CreateTempSubdirectory("es-rights-").FullName;
    private readonly TestAuthority servers = new("servers"), clients = new("clients");
    private TestDatabase database = null!;
    private ServerProcess server = null!;

    private string Rules => Path.Combine(folder, "rules", "ml.yaml");

    private string Kubeconfig => Path.Combine(folder, "data", "kubeconfig");

    public async Task InitializeAsync()
    {
        database = await TestDatabase.Create();
        Directory.CreateDirectory(Path.Combine(folder, "rules"));
        await File.WriteAllTextAsync(Rules, Viewers("alice"));
        using X509Certificate2 certificate = servers.ForServer();
        await File.WriteAllTextAsync(PathOf("server.pem"), $"{certificate.ExportCertificatePem()}\n{servers.Pem}\n");
        await File.WriteAllTextAsync(PathOf("server.key"), certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        await File.WriteAllTextAsync(PathOf("client-ca.pem"), clients.Pem);
        server = await ServerProcess.Start(
            database.Serving, "--data", PathOf("data"), "--authorization-rbac-dir", PathOf("rules"), "--client-ca-file",
            PathOf("client-ca.pem"),
            "--Kestrel:Endpoints:Https:Url=https://127.0.0.1:0", $"--Kestrel:Endpoints:Https:Certificate:Path={PathOf("server.pem")}",
            $"--Kestrel:Endpoints:Https:Certificate:KeyPath={PathOf("server.key")}");
        using HttpClient admin = Client(ServerProcess.AdminToken);
        await admin.Create("mnist", "ml");
    }

    public async Task DisposeAsync()
    {
        await server.DisposeAsync();
        await database.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    public void Dispose()
    {
        servers.Dispose();
        clients.Dispose();
    }

    [SkippableFact]
    public async Task Kubectl_meets_them()
    {
        Assert.StartsWith("https://", server.Url.ToString(), StringComparison.Ordinal);
        (int code, string output) = await Kubectl("get pytorchjobs -A -o name");
        Assert.Equal((0, "pytorchjob.kubeflow.org/mnist\n"), (code, output)); // the kubeconfig names the certificate and the admin

        const string asAlice = " --token " + ServerProcess.AliceToken;
        Assert.Equal((0, "pytorchjob.kubeflow.org/mnist\n"), await Kubectl("get pytorchjobs -n ml -o name" + asAlice));
        Assert.Equal((0, "yes\n"), await Kubectl("auth can-i get pytorchjobs --subresource=status -n ml" + asAlice));
        Assert.Equal((1, "no\n"), await Kubectl("auth can-i patch pytorchjobs -n ml" + asAlice));
        Assert.Equal((1, "no\n"), await Kubectl("auth can-i get pytorchjobs -n nlp" + asAlice));
        Assert.Equal((1, "no\n"), await Kubectl("auth can-i list pytorchjobs -A" + asAlice));
        Assert.Equal((0, "yes\n"), await Kubectl("auth can-i patch pytorchjobs/mnist -n ml" + asAlice));
        (code, output) = await Kubectl("auth can-i --list -n ml" + asAlice);
        Assert.Equal(0, code);
        string[][] lines = [.. output.Split('\n').Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))];
        Assert.Contains(["pytorchjobs.kubeflow.org", "[]", "[]", "[get", "list", "watch]"], lines);
        Assert.Contains(["pytorchjobs.kubeflow.org", "[]", "[mnist]", "[patch]"], lines);
        Assert.Equal((0, "pytorchjob.kubeflow.org/mnist labeled\n"), await Kubectl("label pytorchjob mnist -n ml team=ml" + asAlice));
        Assert.Equal(
            (1, "Error from server (Forbidden): pytorchjobrevisions.audit.eventstore.io is forbidden: User \"alice\" cannot list resource "
                + "\"pytorchjobrevisions\" in API group \"audit.eventstore.io\" in the namespace \"nlp\"\n"),
            await Kubectl("get pytorchjobrevisions -n nlp" + asAlice));
        Assert.Equal(0, (await Kubectl("get pytorchjobrevisions -n ml" + asAlice)).Code);
        await server.Says(" 403 list pytorchjobrevisions nlp - by alice: ");
    }

    [SkippableFact]
    public async Task Kubectl_acts_as_another_user_with_that_users_rights_and_history_keeps_both_names()
    {
        Assert.Equal((1, "no\n"), await Kubectl("--as alice auth can-i delete pytorchjobs -n ml"));
        Assert.Equal((0, "yes\n"), await Kubectl("--as alice auth can-i get pytorchjobs -n ml"));
        Assert.Equal((0, "yes\n"), await Kubectl("--as zoe --as-group viewers auth can-i get pytorchjobs -n ml"));
        Assert.Equal(
            (1, "Error from server (Forbidden): pytorchjobs.kubeflow.org \"mnist\" is forbidden: User \"alice\" cannot delete resource "
                + "\"pytorchjobs\" in API group \"kubeflow.org\" in the namespace \"ml\"\n"),
            await Kubectl("--as alice delete pytorchjob mnist -n ml"));
        Assert.Equal(
            (1,
                "Error from server (Forbidden): users \"bob\" is forbidden: User \"alice\" cannot impersonate resource \"users\" in API group \"\" "
                + "at the cluster scope\n"),
            await Kubectl("--as bob get pytorchjobs -n ml --token " + ServerProcess.AliceToken));
        Assert.Equal(
            (0, """{"groups":["system:authenticated"],"uid":"7","username":"alice"}"""),
            await Kubectl("--as alice --as-uid 7 auth whoami -o jsonpath={.status.userInfo}"));

        Assert.Equal((0, "pytorchjob.kubeflow.org/mnist labeled\n"), await Kubectl("--as alice label pytorchjob mnist -n ml by=alice"));
        using HttpClient admin = Client(ServerProcess.AdminToken);
        JsonNode last = (await admin.Get("/apis/audit.eventstore.io/v1/namespaces/ml/pytorchjobrevisions?limit=1"))["items"]![0]!;
        Assert.Equal(
            ("alice", "admin", "system:masters"),
            ((string)last["user"]!["name"]!, (string)last["impersonatedBy"]!["name"]!, (string)last["impersonatedBy"]!["groups"]![0]!));
        Assert.Matches(
            @"(?m) admin$",
            (await Kubectl("get pytorchjobrevisions -n ml -o wide --no-headers " + (string)last["metadata"]!["name"]!)).Output.TrimEnd());
    }

    [SkippableFact]
    public async Task Who_keeps_checkpoints_needs_the_right_to_them_in_the_whole_cluster()
    {
        const string path = "/apis/audit.eventstore.io/v1/checkpoint", read = "get --raw " + path + " --token " + ServerProcess.AliceToken;
        Assert.Equal(
            (1,
                "Error from server (Forbidden): checkpoint.audit.eventstore.io is forbidden: User \"alice\" cannot get resource \"checkpoint\" "
                + "in API group \"audit.eventstore.io\" at the cluster scope\n"),
            await Kubectl(read));
        await File.WriteAllTextAsync(PathOf("rules/checkpoints.yaml"), """
            apiVersion: rbac.authorization.k8s.io/v1
            kind: ClusterRole
            metadata: {name: notary}
            rules:
            - {apiGroups: [audit.eventstore.io], resources: [checkpoint], verbs: [get]}
            ---
            apiVersion: rbac.authorization.k8s.io/v1
            kind: ClusterRoleBinding
            metadata: {name: notaries}
            subjects: [{kind: User, name: alice}]
            roleRef: {kind: ClusterRole, name: notary}
            """);
        using HttpClient alice = Client(ServerProcess.AliceToken);
        await Eventually.Equal(HttpStatusCode.OK, async () => (await alice.GetAsync(path)).StatusCode);
        (int code, string output) = await Kubectl(read);
        Assert.Equal(0, code);
        Assert.StartsWith("""{"apiVersion":"audit.eventstore.io/v1","epoch":""", output, StringComparison.Ordinal);
        (_, output) = await Kubectl("auth can-i --list --token " + ServerProcess.AliceToken);
        Assert.Matches(@"\ncheckpoint\.audit\.eventstore\.io +\[\] +\[\] +\[get\]\n", output);
    }

    [SkippableFact]
    public async Task Kubectl_logs_in_with_a_certificate()
    {
        using X509Certificate2 carol = clients.ForClient("carol", "viewers");
        await File.WriteAllTextAsync(PathOf("carol.pem"), carol.ExportCertificatePem());
        await File.WriteAllTextAsync(PathOf("carol.key"), carol.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        string kubeconfig = await File.ReadAllTextAsync(Kubeconfig);
        string user = $"    client-certificate: {PathOf("carol.pem")}\n    client-key: {PathOf("carol.key")}\n";
        await File.WriteAllTextAsync(Kubeconfig, kubeconfig[..kubeconfig.IndexOf("    token: ", StringComparison.Ordinal)] + user);
        Assert.Equal((0, "pytorchjob.kubeflow.org/mnist\n"), await Kubectl("get pytorchjobs -n ml -o name"));
        Assert.Contains("User \"carol\" cannot delete", (await Kubectl("delete pytorchjob mnist -n ml")).Output, StringComparison.Ordinal);
        (_, string output) = await Kubectl("auth whoami -o jsonpath={.status.userInfo}");
        Assert.Equal("""{"groups":["viewers","system:authenticated"],"username":"carol"}""", output);
    }

    [SkippableFact]
    public async Task A_change_counts_without_a_restart_and_a_mistake_shows_in_readyz()
    {
        using HttpClient alice = Client(ServerProcess.AliceToken);
        Assert.Equal(200, (int)(await alice.GetAsync(Jobs)).StatusCode);
        await File.WriteAllTextAsync(Rules, Viewers("bob"));
        await Eventually.Equal(HttpStatusCode.Forbidden, async () => (await alice.GetAsync(Jobs)).StatusCode);

        await File.WriteAllTextAsync(Rules, Viewers("alice").Replace("verbs:", "verb:", StringComparison.Ordinal));
        await IsReadyAs("authorization-rules degraded: ml.yaml: line 5 is wrong");
        using (HttpClient admin = Client(ServerProcess.AdminToken))
            Assert.Equal(
                "degraded: ml.yaml: line 5 is wrong, the log says how; what was read before stays in force\n",
                await admin.GetStringAsync("/readyz/authorization-rules"));
        await server.Says("ml.yaml: line 5: rules[0].verb: there is no such field");
        Assert.Equal(403, (int)(await alice.GetAsync(Jobs)).StatusCode);

        await File.WriteAllTextAsync(
            Rules, Viewers("alice").Replace("kind: Role, name: viewer", "kind: Role, name: nobody", StringComparison.Ordinal));
        await IsReadyAs("[+]authorization-rules ok");
        JsonNode refusal = await (await alice.GetAsync(Jobs)).Manifest(403);
        Assert.Equal(
            "pytorchjobs.kubeflow.org is forbidden: User \"alice\" cannot list resource \"pytorchjobs\" in API group \"kubeflow.org\" in the namespace \"ml\": "
            + "RBAC: role.rbac.authorization.k8s.io \"nobody\" not found", (string)refusal["message"]!);
    }

    [Fact]
    public async Task Rules_that_are_wrong_at_the_start_are_refused_in_words()
    {
        await File.WriteAllTextAsync(Rules, "kind: Rule\napiVersion: v1\n");
        await using ProgramRun run = await ProgramRun.Ended(
            new Dictionary<string, string?> { ["ConnectionStrings__Postgres"] = database.Serving }, "serve", "--data", PathOf("data"),
            "--authorization-rbac-dir", PathOf("rules"));
        Assert.Equal(1, run.ExitCode);
        Assert.Contains(
            $"error: {Rules}: line 1: kind: must be Role, ClusterRole, RoleBinding, ClusterRoleBinding or List\n", run.Errors,
            StringComparison.Ordinal);
    }

    private static string Viewers(string user) => $$"""
        apiVersion: rbac.authorization.k8s.io/v1
        kind: Role
        metadata: {namespace: ml, name: viewer}
        rules:
        - {apiGroups: [kubeflow.org], resources: [pytorchjobs, pytorchjobs/status], verbs: [get, list, watch]}
        - {apiGroups: [kubeflow.org], resources: [pytorchjobs], resourceNames: [mnist], verbs: [patch]}
        - {apiGroups: [audit.eventstore.io], resources: [pytorchjobrevisions], verbs: [list]}
        ---
        apiVersion: rbac.authorization.k8s.io/v1
        kind: RoleBinding
        metadata: {namespace: ml, name: viewers}
        subjects: [{kind: User, name: {{user}}}, {kind: Group, name: viewers}]
        roleRef: {kind: Role, name: viewer}
        """;

    private string PathOf(string name) => Path.Combine(folder, name);

    private HttpClient Client(string token)
    {
        HttpClient client = servers.Trusting(server.Url);
        client.DefaultRequestHeaders.Authorization = new("Bearer", token);
        return client;
    }

    private async Task<(int Code, string Output)> Kubectl(string command)
    {
        KubectlRun run = await KubectlTests.Run(command.Split(' '), folder, Kubeconfig);
        return (run.ExitCode, run.Output + run.Errors);
    }

    private async Task IsReadyAs(string text)
    {
        using HttpClient alice = Client(ServerProcess.AliceToken);
        await Eventually.Holds(() => alice.GetStringAsync("/readyz?verbose"), said => said.Contains(text, StringComparison.Ordinal), text);
    }
}
