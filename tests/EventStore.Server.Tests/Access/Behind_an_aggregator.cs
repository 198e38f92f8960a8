using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using EventStore.Server.Tests.Fixtures;
using EventStore.Server.Tests.Page;

namespace EventStore.Server.Tests.Access;

/// <summary>
/// The server as an extension of a cluster: the cluster knows rights and namespaces, and its garbage collector looks at what jobs own.
/// </summary>
[Trait("Category", "Slow")]
public sealed class Behind_an_aggregator : IAsyncLifetime
{
    private const string Service = "eventstore.ml.svc";
    private readonly string folder = Directory.CreateTempSubdirectory("aggregated-").FullName;
    private FakeCluster cluster = null!;
    private TestDatabase database = null!;
    private ServerProcess server = null!;
    private HttpClient alice = null!;

    public async Task InitializeAsync()
    {
        cluster = await FakeCluster.Start();
        cluster.Namespaces["ml"] = "Active";
        cluster.Namespaces["going"] = "Terminating";
        await File.WriteAllTextAsync(Path.Combine(folder, "cluster"), cluster.Kubeconfig);
        database = await TestDatabase.Create();
        server = await ServerProcess.Start(
            database.Serving, "--data", folder, "--authorization-mode", "Webhook", "--authorization-kubeconfig",
            Path.Combine(folder, "cluster"),
            "--groups", "kubeflow.org,audit.eventstore.io", "--tls-san", Service);
        alice = server.Client(ServerProcess.AliceToken);
    }

    public async Task DisposeAsync()
    {
        alice.Dispose();
        await server.DisposeAsync();
        await database.DisposeAsync();
        await cluster.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task A_job_is_created_only_where_the_cluster_has_a_namespace_that_stays()
    {
        await server.Admin.Create("one", "ml");
        await Refused("absent", Sample.Manifest("two"), 404, "NotFound", "namespaces \"absent\" not found");
        const string terminating = "unable to create new content in namespace going because it is being terminated";
        JsonNode status = await Refused(
            "going", Sample.Manifest("two"), 403, "Forbidden", $"pytorchjobs.kubeflow.org \"two\" is forbidden: {terminating}");
        Assert.Equal(
            """{"name":"two","group":"kubeflow.org","kind":"pytorchjobs","causes":[{"reason":"NamespaceTerminating","message":"namespace going is being terminated","field":"metadata.namespace"}]}""",
            status["details"]!.ToJsonString());
        string generated = Sample.Manifest("two-").Replace("\"name\":\"two-\"", "\"generateName\":\"two-\"", StringComparison.Ordinal);
        await Refused("going", generated, 403, "Forbidden", $"pytorchjobs.kubeflow.org \"two-\" is forbidden: {terminating}");
        Assert.Equal(1, await database.Ask<long>("SELECT count(*) FROM eventstore.mt_events"));

        cluster.Namespaces["absent"] = "Active"; // what was not there is asked for again
        await server.Admin.Create("two", "absent");
        cluster.Namespaces["there"] = "forbidden";
        await Refused(
            "there", Sample.Manifest("two"), 503, "ServiceUnavailable",
            "the cluster cannot be asked for the namespace there; nothing was changed");
        await server.Says("bind it to a ClusterRole with that right");
        Assert.Contains(
            "[+]namespaces-cluster degraded: this server may not get namespaces", await server.Admin.GetStringAsync("/readyz?verbose"),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_lives_in_a_namespace_that_goes_may_change_and_go_and_what_went_does_not_come_back()
    {
        cluster.Namespaces["leaving"] = "Active";
        await server.Admin.Create("one", "leaving");
        cluster.Namespaces["leaving"] = "Terminating";
        await (await server.Admin.Patch(Sample.Job("one", "leaving"), """{"metadata":{"labels":{"a":"b"}}}""")).Manifest();
        await (await server.Admin.DeleteAsync(Sample.Job("one", "leaving"))).Manifest();
        // That it was there was remembered for a second.
        await Eventually.Equal(HttpStatusCode.Forbidden, async () => (await Restore("leaving")).StatusCode);
        Assert.Contains(
            "because it is being terminated", await (await Restore("leaving")).Content.ReadAsStringAsync(), StringComparison.Ordinal);
        cluster.Namespaces["leaving"] = "Active";
        await (await Restore("leaving")).Manifest(201);
    }

    [Fact]
    public async Task What_lives_in_a_namespace_that_is_absent_may_only_go()
    {
        cluster.Namespaces["vanished"] = "Active";
        JsonNode created = await server.Admin.Create("one", "vanished");
        await (await server.Admin.PostAsync(
            Sample.Jobs("vanished"),
            Sample.Body(Sample.Manifest("held", metadata: ",\"finalizers\":[\"example.com/hold\"]")))).Manifest(201);
        cluster.Namespaces.TryRemove("vanished", out _);
        string job = Sample.Job("one", "vanished");
        const string label = """{"metadata":{"labels":{"a":"b"}}}""";
        // It was remembered for a second.
        await Eventually.Equal(HttpStatusCode.NotFound, async () => (await Reply.Of(server.Admin.Patch(job, label))).Code);
        JsonNode status = await (await server.Admin.Patch(job, label)).Manifest(404);
        Assert.Equal("namespaces \"vanished\" not found", (string)status["message"]!);
        long events = await database.Ask<long>("SELECT count(*) FROM eventstore.mt_events");
        await (await server.Admin.PutAsync(job, Sample.Body(created.ToJsonString()))).Manifest(404);
        await (await server.Admin.Patch(job + "/status", """{"status":{"a":1}}""")).Manifest(404);
        await (await server.Admin.PostAsync(job + "/rollback", Sample.Body($$"""{"revision":{{created.Revision()}}}"""))).Manifest(404);
        await (await server.Admin.PostAsync(
            Sample.Jobs("vanished") + "/rollback", Sample.Body($$"""{"revision":{{created.Revision()}}}"""))).Manifest(422);
        Assert.Equal(events, await database.Ask<long>("SELECT count(*) FROM eventstore.mt_events"));
        await (await server.Admin.DeleteAsync(job)).Manifest();
        string held = Sample.Job("held", "vanished");
        const string release = """{"metadata":{"finalizers":null}}""";
        await (await server.Admin.Patch(held, release)).Manifest(404);
        await (await server.Admin.DeleteAsync(held)).Manifest();
        await (await server.Admin.Patch(held, release)).Manifest(); // which is how it goes
        Assert.Empty((await server.Admin.Get(Sample.Jobs("vanished")))["items"]!.AsArray());
    }

    [Fact]
    public async Task The_right_to_the_history_is_the_clusters_word_too()
    {
        JsonNode created = await server.Admin.Create("gone", "ml");
        await (await server.Admin.DeleteAsync(Sample.Job("gone", "ml"))).Manifest();
        string then = $"?resourceVersion={created.Revision()}&resourceVersionMatch=Exact";
        string[] history = [Sample.Job("gone", "ml") + then, Sample.Jobs("ml") + then, "/ui/jobs?show=deleted&namespace=ml"];
        cluster.Allows = spec => (string?)spec["resourceAttributes"]?["resource"] == "pytorchjobs";
        using HttpClient page = await PageClient.SignedIn(server.Url, ServerProcess.AliceToken);
        HttpClient For(string path) => path.StartsWith("/ui", StringComparison.Ordinal) ? page : alice;
        foreach (string path in history)
            Assert.Equal((path, 403), (path, (int)(await For(path).GetAsync(path)).StatusCode));
        cluster.Allows = spec => ((string)spec["resourceAttributes"]!["resource"]!).StartsWith("pytorchjob", StringComparison.Ordinal);
        foreach (string path in history)
            // A denial is kept for ten seconds.
            await Eventually.Equal(HttpStatusCode.OK, async () => (await For(path).GetAsync(path)).StatusCode);
    }

    [Fact]
    public async Task Only_the_groups_that_were_asked_for_are_served()
    {
        Assert.Equal(
            ["audit.eventstore.io", "kubeflow.org"],
            (await server.Admin.Get("/apis"))["groups"]!.AsArray().Select(group => (string)group!["name"]!).Order());
        Assert.Empty((await server.Admin.Get("/api"))["versions"]!.AsArray());
        Assert.Equal(
            ["apis/audit.eventstore.io/v1", "apis/kubeflow.org/v1"],
            (await server.Admin.Get("/openapi/v3"))["paths"]!.AsObject().Select(path => path.Key).Order());
        foreach (string path in (string[])["/api/v1/namespaces", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
            "/apis/authorization.k8s.io/v1"])
            Assert.Equal(404, (int)(await server.Admin.GetAsync(path)).StatusCode);
        await using ServerProcess audit = await ServerProcess.Start(database.Serving, "--groups", "audit.eventstore.io");
        Assert.Equal(404, (int)(await audit.Admin.GetAsync(Sample.Jobs("ml"))).StatusCode);
        await server.Admin.Create("seen", "ml");
        Assert.Equal("seen", (string)(await audit.Admin.Get(
            "/apis/audit.eventstore.io/v1/namespaces/ml/pytorchjobrevisions"))["items"]![0]!["metadata"]!["labels"]!["job"]!);
        await using ProgramRun wrong = await ProgramRun.Ended("serve", "--check", "--groups", "batch");
        Assert.Equal(
            (1, "error: --groups is 'batch'\nIt names one or more of kubeflow.org, audit.eventstore.io, separated by commas.\n"),
            (wrong.ExitCode, wrong.Errors));
    }

    [Theory]
    [InlineData("Orphan", "orphan")]
    [InlineData("Foreground", "foregroundDeletion")]
    public async Task A_job_waits_for_the_garbage_collector(string policy, string finalizer)
    {
        await server.Admin.Create("owner", "ml");
        var delete = new HttpRequestMessage(HttpMethod.Delete, Sample.Job("owner", "ml"))
        {
            Content = Sample.Body($$"""{"kind":"DeleteOptions","apiVersion":"v1","propagationPolicy":"{{policy}}"}"""),
        };
        JsonNode held = await (await server.Admin.SendAsync(delete)).Manifest();
        Assert.NotNull(held["metadata"]!["deletionTimestamp"]);
        Assert.Equal([finalizer], held["metadata"]!["finalizers"]!.AsArray().Select(each => (string)each!));
        // The collector's own patch, by which the job goes.
        JsonNode gone = await (await server.Admin.Patch(
            Sample.Job("owner", "ml"), $$$"""{"metadata":{"resourceVersion":"{{{held.Revision()}}}","finalizers":null}}""")).Manifest();
        Assert.Equal("owner", (string)gone["metadata"]!["name"]!);
        Assert.Equal(404, (int)(await server.Admin.GetAsync(Sample.Job("owner", "ml"))).StatusCode);
        Assert.Equal(3, await database.Ask<long>("SELECT count(*) FROM eventstore.mt_events"));
    }

    [Fact]
    public async Task An_aggregator_that_trusts_the_printed_bundle_reaches_the_service_by_its_name()
    {
        await using ProgramRun printed = await ProgramRun.Ended("ca-bundle", "--data", folder);
        Assert.True(printed.ExitCode == 0, printed.Everything);
        using var trusted = X509Certificate2.CreateFromPem(Encoding.ASCII.GetString(Convert.FromBase64String(printed.Output.TrimEnd())));
        foreach ((string name, bool isNamed) in ((string, bool)[])[(Service, true), ("eventstore.other.svc", false)])
        {
            SslPolicyErrors errors = SslPolicyErrors.None;
            using var handler = new SocketsHttpHandler
            {
                ConnectCallback = async (_, stop) =>
                {
                    var socket = new System.Net.Sockets.TcpClient();
                    await socket.ConnectAsync(server.Url.Host, server.Url.Port, stop);
                    return socket.GetStream();
                },
                SslOptions =
                {
                    CertificateChainPolicy = new X509ChainPolicy
                    {
                        TrustMode = X509ChainTrustMode.CustomRootTrust,
                        RevocationMode = X509RevocationMode.NoCheck,
                        CustomTrustStore = { trusted },
                    },
                    RemoteCertificateValidationCallback = (_, _, _, found) => (errors = found) == SslPolicyErrors.None,
                },
            };
            using var client = new HttpClient(handler);
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", ServerProcess.AdminToken);
            Task<string> asked = client.GetStringAsync($"https://{name}/version");
            if (isNamed)
                Assert.Contains("gitVersion", await asked, StringComparison.Ordinal);
            else
                await Assert.ThrowsAsync<HttpRequestException>(() => asked);
            Assert.Equal(isNamed ? SslPolicyErrors.None : SslPolicyErrors.RemoteCertificateNameMismatch, errors);
        }
    }

    [Theory]
    [InlineData("--tls-san names '*.example.com'", "--tls-san", "*.example.com")]
    [InlineData("--tls-san counts for nothing", "--tls-san", "a.example.com", "--urls", "https://127.0.0.1:0")]
    public async Task A_name_that_would_not_count_is_refused(string error, params string[] options)
    {
        await using ProgramRun run = await ProgramRun.Ended(["serve", "--check", "--data", Path.Combine(folder, "none"), .. options]);
        Assert.Equal(1, run.ExitCode);
        Assert.StartsWith($"error: {error}", run.Errors, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(folder, "none")));
    }

    [Fact]
    public async Task Where_there_is_no_certificate_no_bundle_is_printed()
    {
        await using ProgramRun run = await ProgramRun.Ended("ca-bundle", "--data", Path.Combine(folder, "none"));
        Assert.Equal((1, ""), (run.ExitCode, run.Output));
        Assert.StartsWith("error: there is no certificate at ", run.Errors, StringComparison.Ordinal);
    }

    private async Task<JsonNode> Refused(string @namespace, string manifest, int code, string reason, string message)
    {
        JsonNode status = await (await server.Admin.PostAsync(Sample.Jobs(@namespace), Sample.Body(manifest))).Manifest(code);
        Assert.Equal((reason, message), ((string)status["reason"]!, (string)status["message"]!));
        return status;
    }

    private Task<HttpResponseMessage> Restore(string @namespace) =>
        server.Admin.PostAsync(Sample.Job("one", @namespace) + "/restore?dryRun=All", Sample.Body("{}"));
}
