using System.Net;
using System.Text.Json.Nodes;
using EventStore.Server.Tests.Fixtures;
using YamlDotNet.Serialization;

namespace EventStore.Server.Tests.Clients;

/// <summary>What is answered as JSON is answered as YAML to who asks for it, and what is sent may be YAML: all but a patch.</summary>
[Trait("Category", "Slow")]
public sealed class In_YAML : IAsyncLifetime
{
    private const string Yaml = "application/yaml", Job = "/apis/kubeflow.org/v1/namespaces/yaml/pytorchjobs/read",
        Audit = "/apis/audit.eventstore.io/v1";

    private TestDatabase database = null!;
    private ServerProcess server = null!;

    public async Task InitializeAsync()
    {
        database = await TestDatabase.Create();
        server = await ServerProcess.Start(database.Serving, "--profile", "kubeflow", "--activity", "on");
        await server.Admin.Create("read", "yaml");
    }

    public async Task DisposeAsync()
    {
        await server.DisposeAsync();
        await database.DisposeAsync();
    }

    [Fact]
    public async Task Is_read_whatever_can_be_read()
    {
        string[] paths =
        [
            Job, "/apis/kubeflow.org/v1/namespaces/yaml/pytorchjobs", "/apis/kubeflow.org/v1/pytorchjobs", Job + "/status", Job + "/scale",
            Job + "/blame", Job + "/diff?from=1", Audit + "/pytorchjobrevisions", Audit + "/namespaces/yaml/pytorchjobrevisions/read.2",
            Audit + "/checkpoint", Audit + "/activity", "/api/v1/namespaces", "/api/v1/namespaces/yaml", "/api/v1/events",
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/pytorchjobs.kubeflow.org",
        ];
        foreach (string path in paths)
            await Answers(HttpMethod.Get, path, null, null, 200);
    }

    /// <summary>As in a kube-apiserver: the version and OpenAPI are JSON (or protobuf), and what ignores Accept ignores this.</summary>
    [Fact]
    public async Task Is_all_of_discovery_and_no_other_document()
    {
        string[] paths = [.. (await server.Admin.Get("/"))["paths"]!.AsArray().Select(path => (string)path!)];
        string[] discovery = [.. paths.Where(path => path.StartsWith("/api", StringComparison.Ordinal))];
        foreach (string path in (string[])["/api", "/api/v1", "/apis", "/apis/kubeflow.org", "/apis/audit.eventstore.io/v1"])
            Assert.Contains(path, discovery);
        foreach (string path in discovery)
        {
            JsonNode read = await Answers(HttpMethod.Get, path, null, null, 200);
            Assert.True(JsonNode.DeepEquals(await server.Admin.Get(path), read), $"{path} in YAML: {read}");
        }

        foreach (string path in paths.Except(discovery))
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path) { Headers = { { "Accept", Yaml } } };
            using HttpResponseMessage answer = await server.Admin.SendAsync(request);
            bool refused = path is "/version" or "/openapi/v2" || path.StartsWith("/openapi/v3/", StringComparison.Ordinal);
            Assert.Equal((path, refused ? HttpStatusCode.NotAcceptable : HttpStatusCode.OK), (path, answer.StatusCode));
        }
    }

    [Theory]
    [InlineData("v2")]
    [InlineData("v2beta1")]
    public async Task Is_discovery_in_one_document(string version)
    {
        string parameters = $";g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList";
        JsonNode read = await Answers(HttpMethod.Get, "/apis", null, null, 200, Yaml + parameters);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/apis");
        request.Headers.TryAddWithoutValidation("Accept", "application/json" + parameters);
        using HttpResponseMessage json = await server.Admin.SendAsync(request);
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(await json.Content.ReadAsStringAsync()), read), $"in YAML: {read}");
    }

    [Fact]
    public async Task Is_answered_to_every_verb_and_so_is_a_refusal()
    {
        string jobs = "/apis/kubeflow.org/v1/namespaces/yaml/pytorchjobs", manifest = Sample.Manifest("written");
        string merge = """{"metadata":{"labels":{"a":"b"}}}""";
        await Answers(HttpMethod.Post, jobs, manifest, "application/json", 201);
        await Answers(HttpMethod.Post, jobs, manifest, "application/json", 409);
        await Answers(HttpMethod.Patch, jobs + "/written", merge, "application/merge-patch+json", 200);
        await Answers(HttpMethod.Patch, jobs + "/written/status", """{"status":{"a":"b"}}""", "application/merge-patch+json", 200);
        await Answers(HttpMethod.Patch, jobs + "/absent", merge, "application/merge-patch+json", 404);
        await Answers(HttpMethod.Patch, jobs + "/written", merge, "application/strategic-merge-patch+json", 415);
        await Answers(HttpMethod.Patch, jobs + "/written", "[", "application/merge-patch+json", 400);
        await Answers(
            HttpMethod.Put, jobs + "/written", manifest.Replace("written", "other", StringComparison.Ordinal), "application/json", 400);
        await Answers(HttpMethod.Delete, jobs + "/absent", null, null, 404);
        await Answers(HttpMethod.Get, jobs + "?limit=x", null, null, 400);
        await Answers(HttpMethod.Put, jobs, "{}", "application/json", 405);
        await Answers(
            HttpMethod.Post, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            """{"spec":{"nonResourceAttributes":{"path":"/x","verb":"get"}}}""", "application/json", 201);
        await Answers(HttpMethod.Delete, jobs + "/written", null, null, 200);
        await Answers(HttpMethod.Delete, jobs + "?labelSelector=a=b", null, null, 200);
    }

    [Fact]
    public async Task Is_taken_from_every_verb()
    {
        string jobs = "/apis/kubeflow.org/v1/namespaces/yaml/pytorchjobs";
        string manifest =
            "apiVersion: kubeflow.org/v1\nkind: PyTorchJob\nmetadata: {name: sent}\nspec:\n  pytorchReplicaSpecs:\n    Master:\n      replicas: 1\n      template: {spec: {containers: [{name: pytorch, image: 'x:1'}]}}\n";
        JsonNode created = await Answers(HttpMethod.Post, jobs, manifest, Yaml, 201);
        JsonNode put = await Answers(HttpMethod.Put, jobs + "/sent", At(created, "labels: {a: b}"), Yaml, 200);
        await Answers(HttpMethod.Put, jobs + "/sent/status", At(put, "labels: {a: b}") + "status: {a: b}\n", Yaml, 200);
        // It has no workers, as upstream words it.
        await Answers(
            HttpMethod.Put, jobs + "/sent/scale", "apiVersion: autoscaling/v1\nkind: Scale\nmetadata: {name: sent}\nspec: {replicas: 2}\n",
            Yaml, 500);
        await Answers(HttpMethod.Patch, jobs + "/sent?fieldManager=x&force=true", manifest, "application/apply-patch+yaml", 200);
        await Answers(HttpMethod.Post, jobs + "/sent/rollback", $"revision: {created["metadata"]!["resourceVersion"]}\n", Yaml, 200);
        await Answers(
            HttpMethod.Post, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            "spec: {nonResourceAttributes: {path: /x, verb: get}}\n", Yaml, 201);
        await Answers(HttpMethod.Delete, jobs + "/sent", "dryRun: [All]\n", Yaml, 200);
        await Answers(HttpMethod.Get, jobs + "/sent", null, null, 200);
        await Answers(HttpMethod.Delete, jobs + "/sent", "preconditions: {uid: no-such}\n", Yaml, 409);
        await Answers(HttpMethod.Delete, jobs + "/sent", "propagationPolicy: Background\n", Yaml, 200);
        await Answers(HttpMethod.Post, jobs + "/sent/restore", $"revision: {created["metadata"]!["resourceVersion"]}\n", Yaml, 201);
        await Answers(HttpMethod.Patch, jobs + "/sent", "metadata: {labels: {a: c}}\n", Yaml, 415);

        string At(JsonNode job, string metadata) =>
            manifest.Replace(
                "sent}", $"sent, resourceVersion: '{job["metadata"]!["resourceVersion"]}', {metadata}}}", StringComparison.Ordinal);
    }

    /// <summary>Sends a request that asks for YAML; what was answered, read from it.</summary>
    private async Task<JsonNode> Answers(HttpMethod method, string path, string? body, string? type, int code, string accepted = Yaml)
    {
        using var request = new HttpRequestMessage(method, path);
        request.Headers.TryAddWithoutValidation("Accept", accepted);
        if (body is not null)
            request.Content = Sample.Body(body, type!);
        using HttpResponseMessage answer = await server.Admin.SendAsync(request);
        string answered = answer.Content.Headers.NonValidated["Content-Type"].ToString(); // reading the text rewrites it
        string text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.StatusCode == (HttpStatusCode)code, $"{method} {path}: {(int)answer.StatusCode}\n{text}");
        Assert.True(answered == accepted, $"{method} {path} is answered as {answered}:\n{text}");
        object? read = new DeserializerBuilder().WithAttemptingUnquotedStringTypeDeserialization().Build().Deserialize(text);
        return JsonNode.Parse(new SerializerBuilder().JsonCompatible().Build().Serialize(read))!;
    }
}
