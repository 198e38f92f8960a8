using System.Net;
using System.Text.Json.Nodes;
using EventStore.Server.Tests.Fixtures;
using EventStore.Server.Tests.Page;
using EventStore.Server.Tests.Watch;

namespace EventStore.Server.Tests.Access;

/// <summary>
/// A job that lives may be read as it was before by whoever may read it. What shows jobs that are deleted needs the right to the history,
/// and the refusal names it.
/// </summary>
[Trait("Category", "Slow")]
public sealed class Rights_to_the_past : IAsyncLifetime, IDisposable
{
    private const string Rules = """
        kind: ClusterRole
        apiVersion: rbac.authorization.k8s.io/v1
        metadata: {name: jobs}
        rules:
        - {apiGroups: [kubeflow.org], resources: [pytorchjobs, pytorchjobs/diff], verbs: [get, list, watch]}
        - {apiGroups: [kubeflow.org], resources: [pytorchjobs, pytorchjobs/rollback, pytorchjobs/restore], verbs: [create]}
        - {apiGroups: [""], resources: [namespaces], verbs: [list, watch]}
        ---
        kind: ClusterRole
        apiVersion: rbac.authorization.k8s.io/v1
        metadata: {name: history}
        rules:
        - {apiGroups: [audit.eventstore.io], resources: [pytorchjobrevisions], verbs: [get, list]}
        ---
        kind: ClusterRoleBinding
        apiVersion: rbac.authorization.k8s.io/v1
        metadata: {name: jobs}
        subjects: [{kind: User, name: alice}]
        roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: jobs}
        ---
        kind: RoleBinding
        apiVersion: rbac.authorization.k8s.io/v1
        metadata: {name: history, namespace: audited}
        subjects: [{kind: User, name: alice}]
        roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: history}
        """;

    private readonly string folder = Directory.CreateTempSubdirectory("es-past-").FullName;
    private TestDatabase database = null!;
    private ServerProcess server = null!;
    private HttpClient alice = null!;

    public async Task InitializeAsync()
    {
        database = await TestDatabase.Create();
        await File.WriteAllTextAsync(Path.Combine(folder, "rules.yaml"), Rules);
        server = await ServerProcess.Start(database.Serving, "--authorization-rbac-dir", folder, "--Lists:Page=100");
        alice = server.Client(ServerProcess.AliceToken);
        foreach (string @namespace in (string[])["kube-test", "audited"])
        {
            foreach (string name in (string[])["gone", "again", "lives"])
                await server.Admin.Create(name, @namespace);
            using (HttpResponseMessage patched = await server.Admin.Patch(
                Sample.Job("lives", @namespace), """{"metadata":{"labels":{"a":"b"}}}"""))
                await patched.Manifest();
            foreach (string name in (string[])["gone", "again"])
            {
                using HttpResponseMessage deleted = await server.Admin.DeleteAsync(Sample.Job(name, @namespace));
                await deleted.Manifest();
            }

            await server.Admin.Create("again", @namespace);
        }
    }

    public async Task DisposeAsync()
    {
        alice.Dispose();
        await server.DisposeAsync();
        await database.DisposeAsync();
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData("gone", 403)]
    [InlineData("again", 403)] // another job lives there now
    [InlineData("never", 403)] // the same answer as for one that is gone
    [InlineData("lives", 200)]
    public async Task Of_one_job_are_those_to_the_job_while_it_lives(string name, int code)
    {
        foreach (string past in (string[])["resourceVersion=4&resourceVersionMatch=Exact", $"asOf={await TimeOf(4)}"])
            await Answers(alice, $"{Sample.Job(name)}?{past}", code, "get");
        await Answers(alice, $"{Sample.Job(name)}/diff?from=4&to=4", code, "get");
    }

    /// <summary>A server that cuts lists into pages does not make of "not older than" a revision "as of" it.</summary>
    [Fact]
    public async Task Are_not_asked_for_where_the_present_is_read()
    {
        JsonNode list = await Answers(alice, $"{Sample.Jobs()}?resourceVersion=4", 200, "list");
        Assert.Equal(["again", "lives"], list["items"]!.AsArray().Select(item => (string)item!["metadata"]!["name"]!));
        Assert.NotEqual("4", (string)list["metadata"]!["resourceVersion"]!);
    }

    [Fact]
    public async Task Of_namespaces_are_those_to_the_history_once_it_is_of_long_ago()
    {
        await using (WatchClient watch = await WatchClient.Open(alice, "/api/v1/namespaces", "resourceVersion=1"))
            Assert.Equal("ADDED", (await watch.Next(1))[0].Type);
        await database.Execute("UPDATE eventstore.mt_events SET timestamp = timestamp - interval '6 minutes'");
        var refused = await Assert.ThrowsAsync<HttpRequestException>(
            () => WatchClient.Open(alice, "/api/v1/namespaces", "resourceVersion=1"));
        Assert.Equal(HttpStatusCode.Gone, refused.StatusCode);
        await using (await WatchClient.Open(server.Admin, "/api/v1/namespaces", "resourceVersion=1"))
            await Answers(alice, "/api/v1/namespaces", 200, "list");
    }

    [Fact]
    public async Task On_the_page_hold_as_in_the_API()
    {
        using HttpClient person = await PageClient.SignedIn(server.Url, ServerProcess.AliceToken);
        string now = (await server.Admin.Get(Sample.Job("again"))).Revision();
        using HttpResponseMessage answer = await person.Post(
            "/ui/sign-in", $"/ui/namespaces/kube-test/jobs/again/go-back", ("revision", "4"), ("resourceVersion", now));
        string said = await answer.Content.ReadAsStringAsync();
        Assert.Contains("there was no such job at that revision", said, StringComparison.Ordinal);
        Assert.DoesNotContain("uid was", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_a_list_are_those_to_the_history()
    {
        foreach (string past in (string[])["resourceVersion=4&resourceVersionMatch=Exact", "resourceVersion=4&limit=10",
            $"asOf={await TimeOf(4)}"])
        {
            await Answers(alice, $"{Sample.Jobs()}?{past}", 403, "list");
            await Answers(alice, $"/apis/kubeflow.org/v1/pytorchjobs?{past}", 403, "list");
            await Answers(alice, $"{Sample.Jobs()}?{past}&fieldSelector=metadata.name%3Dgone", 403, "list");
            await Answers(alice, $"{Sample.Jobs()}?{past}&fieldSelector=metadata.name%3Dagain", 403, "list"); // another lived there then
            await Answers(alice, $"{Sample.Jobs()}?{past}&fieldSelector=metadata.name%3Dlives", 200, "list");
            Assert.Equal(3, (await Answers(server.Admin, $"{Sample.Jobs()}?{past}", 200, "list"))["items"]!.AsArray().Count);
        }

        long then = await database.Ask<long>(
            "SELECT max(revision) FROM eventstore.revision WHERE namespace = 'audited' AND type = 'job_created' AND job = 'lives'");
        JsonNode all = await Answers(alice, $"{Sample.Jobs("audited")}?resourceVersion={then}&resourceVersionMatch=Exact", 200, "list");
        Assert.Equal(3, all["items"]!.AsArray().Count);
        await Answers(alice, Sample.Jobs(), 200, "list");
    }

    /// <summary>Not even the uid of a job that is gone is told.</summary>
    [Theory]
    [InlineData("again", "rollback", 422)] // as if there had been none
    [InlineData("gone", "rollback", 404)]
    [InlineData("never", "rollback", 404)]
    [InlineData("lives", "rollback", 200)]
    [InlineData("again", "restore", 403)]
    [InlineData("gone", "restore", 403)]
    public async Task Of_what_an_action_goes_back_to_are_those_to_the_job_while_it_lives(string name, string action, int code)
    {
        using HttpResponseMessage answer = await alice.PostAsync(
            $"{Sample.Job(name)}/{action}?dryRun=All", Sample.Body("""{"revision":4}"""));
        string said = await answer.Content.ReadAsStringAsync();
        Assert.True(code == (int)answer.StatusCode, said);
        Assert.DoesNotContain("uid was", said, StringComparison.Ordinal);
        using HttpResponseMessage toAdmin = await server.Admin.PostAsync(
            $"{Sample.Job(name)}/{action}?dryRun=All", Sample.Body("""{"revision":4}"""));
        Assert.Equal(
            (name, action) is ("again", "rollback"),
            (await toAdmin.Content.ReadAsStringAsync()).Contains("uid was", StringComparison.Ordinal));
    }

    /// <summary>The next page, or a watch that goes on, reaches back as far as upstream's would; then it begins anew.</summary>
    [Fact]
    public async Task To_go_on_from_a_revision_are_needed_once_it_is_of_long_ago()
    {
        JsonNode page = await Answers(alice, $"{Sample.Jobs()}?limit=1", 200, "list");
        string next = $"{Sample.Jobs()}?limit=1&continue={Uri.EscapeDataString((string)page["metadata"]!["continue"]!)}";
        using (HttpResponseMessage deleted = await server.Admin.DeleteAsync(Sample.Job("lives")))
            await deleted.Manifest();
        Assert.Equal("lives", (string)(await Answers(alice, next, 200, "list"))["items"]![0]!["metadata"]!["name"]!);
        await using (WatchClient watch = await WatchClient.Open(alice, Sample.Jobs(), "resourceVersion=1"))
            Assert.Equal("ADDED", (await watch.Next(1))[0].Type);

        await database.Execute("UPDATE eventstore.mt_events SET timestamp = timestamp - interval '6 minutes'");
        Assert.Equal("Expired", (string)(await Answers(alice, next, 410, "list"))["reason"]!);
        var refused = await Assert.ThrowsAsync<HttpRequestException>(() => WatchClient.Open(alice, Sample.Jobs(), "resourceVersion=1"));
        Assert.Equal(HttpStatusCode.Gone, refused.StatusCode);
        await Answers(server.Admin, next, 200, "list");
    }

    private static async Task<JsonNode> Answers(HttpClient client, string path, int code, string verb)
    {
        using HttpResponseMessage answer = await client.GetAsync(path);
        JsonNode said = await answer.Manifest(code);
        if (code == 403)
        {
            Assert.Contains(
                $"cannot {verb} resource \"pytorchjobrevisions\" in API group \"audit.eventstore.io\"", (string)said["message"]!,
                StringComparison.Ordinal);
        }

        return said;
    }

    private async Task<string> TimeOf(long revision) => await database.Ask<string>(
        $"""SELECT to_char(timestamp AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') FROM eventstore.mt_events WHERE seq_id = {revision}""");
}
