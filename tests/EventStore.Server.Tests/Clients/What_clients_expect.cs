using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using EventStore.Server.Tests.Fixtures;
using EventStore.Server.Tests.Watch;

namespace EventStore.Server.Tests.Clients;

/// <summary>What tools ask of every Kubernetes API before they ask about jobs, and ways of asking that kubectl does not use.</summary>
[Trait("Category", "Slow")]
public sealed partial class What_clients_expect(ServedDatabase served) : IClassFixture<ServedDatabase>
{
    private const string Definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

    private HttpClient Admin => served.Server.Admin;

    [Fact]
    public async Task The_root_lists_the_paths_and_sends_a_browser_to_the_page()
    {
        string[] paths = [.. (await Admin.Get("/"))["paths"]!.AsArray().Select(path => (string)path!)];
        Assert.Equal(paths.Order(StringComparer.Ordinal), paths);
        Assert.All(paths, path => Assert.Matches("^/[a-z]", path));
        foreach (string path in (string[])["/api", "/api/v1", "/apis", "/apis/kubeflow.org", "/apis/kubeflow.org/v1", "/docs", "/livez",
            "/metrics", "/openapi/v1.json", "/openapi/v3", "/version"])
            Assert.Contains(path, paths);
        Assert.DoesNotContain(
            paths, path => path.Contains("pytorchjobs", StringComparison.Ordinal) || path.Contains('{', StringComparison.Ordinal));

        using var browser = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false });
        using var request = new HttpRequestMessage(HttpMethod.Get, served.Server.Url);
        request.Headers.Accept.ParseAdd("text/html,application/xhtml+xml,*/*;q=0.8");
        using HttpResponseMessage answer = await browser.SendAsync(request);
        Assert.Equal((HttpStatusCode.Found, "/ui/"), (answer.StatusCode, answer.Headers.Location?.OriginalString));
    }

    [Fact]
    public async Task HEAD_is_answered_on_every_path_the_root_lists()
    {
        foreach (string path in (await Admin.Get("/"))["paths"]!.AsArray().Select(path => (string)path!).Append("/"))
        {
            using HttpResponseMessage get = await Admin.GetAsync(path);
            using HttpResponseMessage head = await Admin.SendAsync(new HttpRequestMessage(HttpMethod.Head, path));
            Assert.Equal((path, get.StatusCode), (path, head.StatusCode));
        }
    }

    [Theory]
    [InlineData("application/json")]
    [InlineData("application/json;as=Table;v=v1;g=meta.k8s.io")]
    [InlineData("application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io")]
    [InlineData("application/yaml")]
    public async Task A_long_list_is_compressed_for_who_takes_gzip_and_a_short_one_is_not(string accept)
    {
        await CreateLarge("long-lists", 4);
        (await Admin.PostAsync(Sample.Jobs("short-lists"), Sample.Body(Sample.Manifest("one")))).Dispose();
        (HttpResponseMessage plain, byte[] body) = await Get(Sample.Jobs("long-lists"), accept, gzip: false);
        Assert.Empty(plain.Content.Headers.ContentEncoding);
        (HttpResponseMessage zipped, byte[] compressed) = await Get(Sample.Jobs("long-lists"), accept, gzip: true);
        Assert.Equal(["gzip"], zipped.Content.Headers.ContentEncoding);
        Assert.Contains("Accept-Encoding", zipped.Headers.Vary);
        Assert.True(compressed.Length < body.Length / 10);
        using var text = new MemoryStream();
        await using (var gzip = new GZipStream(new MemoryStream(compressed), CompressionMode.Decompress))
            await gzip.CopyToAsync(text);
        Assert.Equal(WithoutAges(body), WithoutAges(text.ToArray()));
        Assert.Empty((await Get(Sample.Jobs("short-lists"), accept, gzip: true)).Answer.Content.Headers.ContentEncoding);
    }

    [Fact]
    public async Task A_job_may_be_sent_and_read_as_YAML()
    {
        using HttpResponseMessage created = await Admin.PostAsync(Sample.Jobs("yaml"), Sample.Body("""
            apiVersion: kubeflow.org/v1
            kind: PyTorchJob
            metadata:
              name: in-yaml
            spec:
              pytorchReplicaSpecs:
                Master:
                  replicas: 1
                  template: {spec: {containers: [{name: pytorch, image: "x:1", resources: {limits: {cpu: 1.10, memory: 4Gi}}}]}}
            """, "application/yaml"));
        Assert.Contains("\"cpu\":1.10", await created.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        (HttpResponseMessage answer, byte[] body) = await Get(Sample.Job("in-yaml", "yaml"), "application/yaml", gzip: false);
        Assert.Equal("application/yaml", answer.Content.Headers.ContentType?.MediaType);
        string text = Encoding.UTF8.GetString(body);
        Assert.StartsWith(
            "apiVersion: kubeflow.org/v1\nkind: PyTorchJob\nmetadata:\n  creationTimestamp: \"", text, StringComparison.Ordinal);
        Assert.Contains("cpu: 1.10\n", text, StringComparison.Ordinal);
        using HttpResponseMessage put = await Admin.PutAsync(Sample.Job("in-yaml", "yaml"), Sample.Body(text, "application/yaml"));
        Assert.Equal((await created.Manifest(201)).ToJsonString(), (await put.Manifest()).ToJsonString());

        string list = Encoding.UTF8.GetString((await Get(Sample.Jobs("yaml"), "application/yaml", gzip: false)).Body);
        Assert.StartsWith("items:\n- apiVersion: kubeflow.org/v1\n  kind: PyTorchJob\n", list, StringComparison.Ordinal);
        Assert.Contains("\nkind: PyTorchJobList\nmetadata:\n  continue: \"\"\n", list, StringComparison.Ordinal);
        string absent = Encoding.UTF8.GetString((await Get(Sample.Job("absent", "yaml"), "application/yaml", gzip: false)).Body);
        Assert.Contains("reason: NotFound\n", absent, StringComparison.Ordinal);
        using HttpResponseMessage bad = await Admin.PostAsync(Sample.Jobs("yaml"), Sample.Body("a: *b", "application/yaml"));
        Assert.Equal(
            "error converting YAML to JSON: yaml: line 1: anchors and aliases are not read here",
            (string)(await bad.Manifest(400))["message"]!);
    }

    [Theory]
    [InlineData("/apis/kubeflow.org/v1/watch/namespaces/old-paths/pytorchjobs", "a,b")]
    [InlineData("/apis/kubeflow.org/v1/watch/namespaces/old-paths/pytorchjobs/b", "b")]
    [InlineData("/apis/kubeflow.org/v1/watch/namespaces/old-paths/pytorchjobs/b?fieldSelector=metadata.namespace=old-paths&watch=false", "b")]
    [InlineData("/apis/kubeflow.org/v1/watch/pytorchjobs?fieldSelector=metadata.namespace=old-paths", "a,b")]
    public async Task The_old_paths_of_watches_are_watches(string path, string names)
    {
        foreach (string name in (string[])["a", "b"])
            (await Admin.PostAsync(Sample.Jobs("old-paths"), Sample.Body(Sample.Manifest(name)))).Dispose();
        string text = await Admin.GetStringAsync(path + (path.Contains('?', StringComparison.Ordinal) ? "&" : "?") + "timeoutSeconds=1");
        string[] frames = text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(names, string.Join(',', frames.Select(frame => (string)JsonNode.Parse(frame)!["object"]!["metadata"]!["name"]!)));
    }

    [Theory]
    [InlineData("/apis/kubeflow.org/v1/watch/namespaces/x/pytorchjobs/b/status")]
    [InlineData("/apis/kubeflow.org/v1/watch")]
    public async Task What_only_looks_like_an_old_path_is_none(string path) =>
        Assert.Equal(HttpStatusCode.NotFound, (await Admin.GetAsync(path)).StatusCode);

    [Fact]
    public async Task A_watch_over_a_WebSocket_has_a_message_for_each_event()
    {
        await Admin.Create("first", "sockets");
        using var socket = new ClientWebSocket();
        socket.Options.AddSubProtocol($"base64url.bearer.authorization.k8s.io.{Token()}");
        socket.Options.AddSubProtocol("v1.json.k8s.io");
        await socket.ConnectAsync(SocketUrl("sockets"), CancellationToken.None);
        Assert.Equal("v1.json.k8s.io", socket.SubProtocol);
        Assert.Equal("ADDED first", await Next(socket));
        await CreateLarge("sockets", 1);
        Assert.Equal("ADDED large-0", await Next(socket));
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
        Assert.Equal(WebSocketState.Closed, socket.State);
    }

    /// <summary>It begins with the log, and there is more of that than waits in a socket nobody has opened yet.</summary>
    [Fact]
    public async Task A_watch_of_a_long_history_over_a_WebSocket_opens_it_first()
    {
        await Admin.Create("often", "sockets-past");
        for (int i = 0; i < 200; i++)
            (await Admin.Patch(Sample.Job("often", "sockets-past"), $$$$"""{"metadata":{"labels":{"n":"{{{{i}}}}"}}}""")).Dispose();
        using var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Authorization", Admin.DefaultRequestHeaders.Authorization!.ToString());
        var url = new Uri(
            SocketUrl("sockets-past").ToString().Replace("kubeflow.org/v1", "audit.eventstore.io/v1", StringComparison.Ordinal).Replace(
                "pytorchjobs?", "pytorchjobrevisions?", StringComparison.Ordinal));
        await socket.ConnectAsync(url, CancellationToken.None).WaitAsync(TimeSpan.FromMinutes(2));
        for (int i = 0; i < 201; i++)
            Assert.StartsWith("ADDED ", await Next(socket), StringComparison.Ordinal);
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
    }

    [Fact]
    public async Task A_watch_over_a_WebSocket_ends_with_a_close()
    {
        using var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Authorization", Admin.DefaultRequestHeaders.Authorization!.ToString());
        await socket.ConnectAsync(SocketUrl("no-jobs", "&timeoutSeconds=1"), CancellationToken.None);
        WebSocketReceiveResult end = await socket.ReceiveAsync(new byte[100], CancellationToken.None);
        Assert.Equal((WebSocketMessageType.Close, WebSocketCloseStatus.NormalClosure), (end.MessageType, end.CloseStatus));
    }

    [Theory]
    [InlineData("base64url.bearer.authorization.k8s.io.d3Jvbmc", "v1.json.k8s.io")]
    [InlineData("base64url.bearer.authorization.k8s.io.!", "v1.json.k8s.io")]
    [InlineData("v1.json.k8s.io")]
    public async Task A_WebSocket_without_a_token_that_is_known_is_refused(params string[] protocols)
    {
        using var socket = new ClientWebSocket();
        foreach (string protocol in protocols)
            socket.Options.AddSubProtocol(protocol);
        socket.Options.CollectHttpResponseDetails = true;
        await Assert.ThrowsAsync<WebSocketException>(() => socket.ConnectAsync(SocketUrl("sockets"), CancellationToken.None));
        Assert.Equal(HttpStatusCode.Unauthorized, socket.HttpStatusCode);
    }

    [Fact]
    public async Task A_namespace_dates_from_its_first_job_in_every_form()
    {
        string created = (string)(await Admin.Create("first", "dated"))["metadata"]!["creationTimestamp"]!;
        JsonNode one = await Admin.Get("/api/v1/namespaces/dated");
        Assert.Equal((created, "Active"), ((string)one["metadata"]!["creationTimestamp"]!, (string)one["status"]!["phase"]!));
        Assert.Null((await Admin.Get("/api/v1/namespaces/never-used"))["metadata"]!["creationTimestamp"]);
        JsonNode listed = (await Admin.Get("/api/v1/namespaces?fieldSelector=metadata.name=dated"))["items"]!.AsArray().Single()!;
        Assert.Equal(created, (string)listed["metadata"]!["creationTimestamp"]!);
        JsonNode table = JsonNode.Parse((await Get(
            "/api/v1/namespaces?fieldSelector=metadata.name=dated", "application/json;as=Table;v=v1;g=meta.k8s.io", gzip: false)).Body)!;
        Assert.Equal(["Name", "Status", "Age"], table["columnDefinitions"]!.AsArray().Select(column => (string)column!["name"]!));
        Assert.Equal("dated", (string)table["rows"]![0]!["cells"]![0]!);
        JsonNode metadata = JsonNode.Parse(
            (await Get("/api/v1/namespaces/dated", "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io", gzip: false)).Body)!;
        Assert.Equal("PartialObjectMetadata", (string)metadata["kind"]!);
    }

    [Fact]
    public async Task A_namespace_comes_with_its_first_job_and_goes_with_its_last()
    {
        await Admin.Create("before", "watched-before");
        string revision = (await Admin.Get("/api/v1/namespaces")).Revision();
        await using WatchClient all = await WatchClient.Open(Admin, "/api/v1/namespaces", "fieldSelector=metadata.name=watched-before");
        Assert.Equal("ADDED", (await all.Next())!.Type);
        await using WatchClient watch = await WatchClient.Open(Admin, "/api/v1/namespaces", $"resourceVersion={revision}");
        await Admin.Create("a", "watched-new");
        await Admin.Create("b", "watched-new");
        await Admin.Create("second", "watched-before");
        foreach (string job in (string[])[Sample.Job("a", "watched-new"), Sample.Job("b", "watched-new"),
            Sample.Job("second", "watched-before"), Sample.Job("before", "watched-before")])
            (await Admin.DeleteAsync(job)).Dispose();
        string[] seen =
            [.. (await watch.Next(3)).Select(frame => $"{frame.Type} {(string)JsonNode.Parse(frame.Object)!["metadata"]!["name"]!}")];
        Assert.Equal(["ADDED watched-new", "DELETED watched-new", "DELETED watched-before"], seen);
        Assert.Equal("DELETED", (await all.Next())!.Type);
    }

    [Fact]
    public async Task Events_can_be_watched_though_there_are_none()
    {
        string text = await Admin.GetStringAsync("/api/v1/namespaces/x/events?watch=true&timeoutSeconds=1&allowWatchBookmarks=true");
        Assert.All(text.Split('\n', StringSplitOptions.RemoveEmptyEntries), frame => Assert.Equal(
            "BOOKMARK", (string)JsonNode.Parse(frame)!["type"]!));
        Assert.Equal("EventList", (string)(await Admin.Get("/api/v1/events"))["kind"]!);
    }

    [Fact]
    public async Task Who_looks_for_resources_by_their_definitions_finds_the_jobs()
    {
        JsonNode definition = await Admin.Get($"{Definitions}/pytorchjobs.kubeflow.org");
        Assert.Equal(("CustomResourceDefinition", "kubeflow.org", "Namespaced"),
            ((string)definition["kind"]!, (string)definition["spec"]!["group"]!, (string)definition["spec"]!["scope"]!));
        JsonNode version = definition["spec"]!["versions"]!.AsArray().Single()!;
        Assert.Equal("object", (string)version["schema"]!["openAPIV3Schema"]!["properties"]!["spec"]!["type"]!);
        Assert.DoesNotContain("$ref", version.ToJsonString(), StringComparison.Ordinal);
        Assert.Equal("{\"status\":{}}", version["subresources"]!.ToJsonString());
        Assert.Equal(["State", "Age"], version["additionalPrinterColumns"]!.AsArray().Select(column => (string)column!["name"]!));
        Assert.Equal(
            ["NamesAccepted", "Established"], definition["status"]!["conditions"]!.AsArray().Select(each => (string)each!["type"]!));
        string[] names = [.. (await Admin.Get(Definitions))["items"]!.AsArray().Select(each => (string)each!["metadata"]!["name"]!)];
        Assert.Equal(["pytorchjobs.kubeflow.org", "pytorchjobrevisions.audit.eventstore.io"], names);
        Assert.Equal(404, (int)(await Admin.GetAsync($"{Definitions}/other.example.com")).StatusCode);
        Assert.Equal(405, (int)(await Admin.DeleteAsync($"{Definitions}/pytorchjobs.kubeflow.org")).StatusCode);
        string watched = await Admin.GetStringAsync(
            $"{Definitions}?watch=1&timeoutSeconds=1&fieldSelector=metadata.name=pytorchjobs.kubeflow.org");
        Assert.Equal("ADDED", (string)JsonNode.Parse(watched)!["type"]!);
    }

    [Theory]
    [InlineData("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", """{"spec":{"nonResourceAttributes":{"path":"/x","verb":"get"}}}""", "SelfSubjectAccessReview")]
    [InlineData("/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", """{"spec":{"namespace":"x"}}""", "SelfSubjectRulesReview")]
    [InlineData("/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}", "SelfSubjectReview")]
    public async Task A_review_need_not_say_what_it_is(string path, string body, string kind) =>
        Assert.Equal(kind, (string)(await (await Admin.PostAsync(path, Sample.Body(body))).Manifest(201))["kind"]!);

    [Fact]
    public async Task A_timeout_bounds_the_request_and_must_be_one()
    {
        using HttpResponseMessage wrong = await Admin.GetAsync(Sample.Jobs() + "?timeout=abc");
        Assert.Equal(
            "invalid timeout specified in the request URL - time: invalid duration \"abc\"",
            (string)(await wrong.Manifest(400))["message"]!);
        // Else it waits three seconds.
        using HttpResponseMessage late = await Admin.GetAsync(Sample.Jobs() + "?resourceVersion=999999999&timeout=1ms");
        Assert.Equal("Timeout: the request was not answered in the time it gave", (string)(await late.Manifest(504))["message"]!);
        foreach (string timeout in (string[])["", "0s", "32s", "10h"])
            (await Admin.GetAsync($"{Sample.Jobs()}?timeout={timeout}")).EnsureSuccessStatusCode();
    }

    [Fact]
    public async Task A_dry_run_that_only_the_query_speaks_of_deletes_nothing()
    {
        await Admin.Create("kept", "dry-runs");
        string path = Sample.Job("kept", "dry-runs") + "?dryRun=All";
        foreach (string body in (string[])["{}", """{"propagationPolicy":"Background"}"""])
        {
            using var request = new HttpRequestMessage(HttpMethod.Delete, path) { Content = Sample.Body(body) };
            JsonNode refused = await (await Admin.SendAsync(request)).Manifest(400);
            Assert.Equal(
                "dryRun in the query is not in the body, and a body takes the query's place: say it in the body",
                (string)refused["message"]!);
        }

        using var agreed = new HttpRequestMessage(HttpMethod.Delete, path) { Content = Sample.Body("""{"dryRun":["All"]}""") };
        await (await Admin.SendAsync(agreed)).Manifest();
        await (await Admin.DeleteAsync(path)).Manifest();
        await Admin.Get(Sample.Job("kept", "dry-runs"));
    }

    [Fact]
    public async Task A_job_that_was_read_can_be_put_back_however_large_its_status_is()
    {
        await CreateLarge("put-back", 1, 2_900_000);
        string path = Sample.Job("large-0", "put-back");
        using HttpResponseMessage status = await Admin.Patch(
            path + "/status", $$$"""{"status":{"note":"{{{new string('s', 2_000_000)}}}"}}""");
        await status.Manifest();
        string read = await Admin.GetStringAsync(path);
        using HttpResponseMessage put = await Admin.PutAsync(path, Sample.Body(read));
        await put.Manifest();
    }

    /// <summary>A table says how old a job is, which is another number a second later.</summary>
    private static string WithoutAges(byte[] text) => Age().Replace(Encoding.UTF8.GetString(text), "\"?\"");

    [GeneratedRegex("\"[0-9]+(s|m|m[0-9]+s)\"")]
    private static partial Regex Age();

    private Uri SocketUrl(string @namespace, string query = "") =>
        new(served.Server.Url.ToString().Replace("http", "ws", StringComparison.Ordinal).TrimEnd('/')
            + $"{Sample.Jobs(@namespace)}?watch=true{query}");

    private string Token() =>
        System.Buffers.Text.Base64Url.EncodeToString(Encoding.UTF8.GetBytes(Admin.DefaultRequestHeaders.Authorization!.Parameter!));

    /// <summary>The text of the next message, whole.</summary>
    internal static async Task<string> Message(ClientWebSocket socket)
    {
        using var message = new MemoryStream();
        byte[] buffer = new byte[8192];
        WebSocketReceiveResult part;
        do
        {
            part = await socket.ReceiveAsync(buffer, CancellationToken.None);
            message.Write(buffer, 0, part.Count);
        }
        while (!part.EndOfMessage);
        Assert.Equal(WebSocketMessageType.Text, part.MessageType);
        return Encoding.UTF8.GetString(message.ToArray());
    }

    private static async Task<string> Next(ClientWebSocket socket)
    {
        JsonNode frame = JsonNode.Parse(await Message(socket))!;
        return $"{frame["type"]} {frame["object"]!["metadata"]!["name"]}";
    }

    private async Task CreateLarge(string @namespace, int count, int bytes = 60_000)
    {
        for (int i = 0; i < count; i++)
        {
            string manifest = Sample.Manifest(
                $"large-{i}", metadata: bytes > 100_000 ? "" : $$""","annotations":{"note":"{{new string('a', bytes)}}"}""")
                .Replace("/var/mnist.py", bytes > 100_000 ? new string('a', bytes) : "/var/mnist.py", StringComparison.Ordinal);
            (await Admin.PostAsync(Sample.Jobs(@namespace), Sample.Body(manifest))).Dispose();
        }
    }

    private async Task<(HttpResponseMessage Answer, byte[] Body)> Get(string path, string accept, bool gzip)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Accept.ParseAdd(accept);
        if (gzip)
            request.Headers.AcceptEncoding.Add(new StringWithQualityHeaderValue("gzip"));
        HttpResponseMessage answer = await Admin.SendAsync(request);
        return (answer, await answer.Content.ReadAsByteArrayAsync());
    }
}
