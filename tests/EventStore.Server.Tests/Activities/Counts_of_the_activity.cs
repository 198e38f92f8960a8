using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Activities;

/// <summary>The activity as a client sees it: every number is that of changes this class made.</summary>
[Trait("Category", "Slow")]
public sealed class Counts_of_the_activity(Counts_of_the_activity.Story story) : IClassFixture<Counts_of_the_activity.Story>
{
    private const string Everywhere = "/apis/audit.eventstore.io/v1/activity";
    private const string Red = "/apis/audit.eventstore.io/v1/namespaces/red/activity";

    [Theory]
    [InlineData(Red, "by=user,verb", "admin Created 2", "admin Deleted 1", "admin Patched 3", "admin StatusUpdated 2", "bob Patched 1")]
    [InlineData(Red, "", "admin Created 2", "admin Deleted 1", "admin Patched 3", "admin StatusUpdated 2", "bob Patched 1")]
    [InlineData(Red, "by=user", "admin 8", "bob 1")]
    [InlineData(Red, "by=field", "metadata.labels 3", "spec.cleanPodPolicy 2", "status.completionTime 1", "status.conditions 2")]
    [InlineData(Red, "by=user,field", "admin metadata.labels 2", "admin spec.cleanPodPolicy 2", "admin status.completionTime 1", "admin status.conditions 2",
        "bob metadata.labels 1")]
    [InlineData(Everywhere, "by=namespace", "blue 1", "red 9")]
    [InlineData(Everywhere, "", "blue admin Created 1", "red admin Created 2", "red admin Deleted 1", "red admin Patched 3", "red admin StatusUpdated 2", "red bob Patched 1")]
    [InlineData(Everywhere, "by=verb&since=1999-01-01", "Created 3", "Deleted 1", "Patched 4", "StatusUpdated 2")]
    [InlineData(Everywhere, "by=verb&until=1999-01-01")]
    [InlineData(Everywhere, "by=verb&since=2999-01-01T00:00:00Z")]
    [InlineData("/apis/audit.eventstore.io/v1/namespaces/green/activity", "by=user")]
    public async Task Is_counted_by_what_is_asked_for(string path, string query, params string[] lines)
    {
        JsonNode list = await story.Server.Admin.Get($"{path}?resourceVersion={story.Last}&{query}");
        Assert.Equal("ActivityList", (string)list["kind"]!);
        Assert.Equal(story.Last, list.Revision());
        Assert.Equal(lines, Items(list).Select(Line).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Is_counted_day_by_day_with_the_latest_first()
    {
        JsonNode list = await story.Server.Admin.Get($"{Red}?resourceVersion={story.Last}&by=verb&per=day");
        string[] days = [.. Items(list).Select(item => (string)item["day"]!)];
        Assert.Equal(days.OrderDescending(StringComparer.Ordinal), days);
        Assert.All(days, day => Assert.True(
            DateOnly.TryParseExact(day, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out _), day));
        Assert.Equal(9, Items(list).Sum(item => (long)item["count"]!));
        // The day it names belongs to it.
        Assert.Equal(9, Items(await story.Server.Admin.Get($"{Red}?by=verb&since={days[^1]}")).Sum(item => (long)item["count"]!));
    }

    [Fact]
    public async Task Is_the_highest_first_and_says_how_much_was_left_out()
    {
        JsonNode list = await story.Server.Admin.Get($"{Red}?resourceVersion={story.Last}&by=verb&limit=2");
        Assert.Equal(["Patched 4", "Created 2"], Items(list).Select(Line));
        Assert.Equal(2, (long)list["metadata"]!["remainingItemCount"]!);
    }

    [Fact]
    public async Task Is_a_line_for_each_job()
    {
        JsonNode list = await story.Server.Admin.Get($"{Red}?resourceVersion={story.Last}&by=job");
        Assert.Equal(["mnist", "bert"], Items(list).Select(item => (string)item["metadata"]!["name"]!)); // the one changed last is first
        JsonNode mnist = Items(list)[0], bert = Items(list)[1];
        Assert.Equal(
            (6L, "Succeeded", "2026-11-23T08:00:00Z", "admin"),
            ((long)mnist["changes"]!, (string)mnist["state"]!, (string)mnist["finished"]!, (string)mnist["createdBy"]!));
        Assert.Null(mnist["deleted"]);
        Assert.Equal((3L, (string)bert["deleted"]!), ((long)bert["changes"]!, (string)bert["finished"]!));
        Assert.Null(bert["state"]);
        Assert.Equal(story.Last, ((long)mnist["lastRevision"]!).ToString(CultureInfo.InvariantCulture));
    }

    [Fact]
    public async Task Is_a_table_for_kubectl()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"{Red}?resourceVersion={story.Last}&by=user");
        request.Headers.Add("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json");
        JsonNode table = await (await story.Server.Admin.SendAsync(request)).Manifest();
        Assert.Equal(["User", "Count"], table["columnDefinitions"]!.AsArray().Select(column => (string)column!["name"]!));
        Assert.Equal(["""["admin",8]""", """["bob",1]"""], table["rows"]!.AsArray().Select(row => row!["cells"]!.ToJsonString()));
    }

    [Theory]
    [InlineData("by=team", "by: Unsupported value: \"team\": supported values: \"namespace\", \"user\", \"verb\", \"field\", \"job\"")]
    [InlineData("by=user,", "by: Unsupported value: \"\": supported values: \"namespace\", \"user\", \"verb\", \"field\", \"job\"")]
    [InlineData("by=user,user", "by: Invalid value: \"user,user\": must not name anything twice")]
    [InlineData("by=job,user", "by: Invalid value: \"job,user\": job stands alone: its lines are one for each job")]
    [InlineData("per=hour", "per: Unsupported value: \"hour\": supported values: \"day\"")]
    [InlineData("by=job&per=day", "per: Invalid value: \"day\": does not go with by=job, whose lines are over the whole life of a job")]
    [InlineData("since=yesterday", "since: Invalid value: \"yesterday\": must be a day such as 2026-11-23, or a time of RFC 3339, which stands for its day in UTC")]
    [InlineData("until=2026-11-23T07:58:24", "until: Invalid value: \"2026-11-23T07:58:24\": must be a day such as 2026-11-23, or a time of RFC 3339, which stands for its day in UTC")]
    [InlineData("since=2026-11-24&until=2026-11-24", "since must be before until: 2026-11-24 is not before 2026-11-24")]
    [InlineData("labelSelector=a%3Db", "labelSelector is not supported here: narrow activity by a namespace, since and until")]
    [InlineData("limit=few", "strconv.ParseInt: parsing \"few\": invalid syntax")]
    public async Task A_parameter_that_cannot_be_is_refused_with_what_could(string query, string message)
    {
        using HttpResponseMessage answer = await story.Server.Admin.GetAsync($"{Red}?{query}");
        Assert.Equal(message, (string)(await answer.Manifest(400))["message"]!);
    }

    [Fact]
    public async Task Cannot_be_watched_written_or_waited_for_in_vain()
    {
        Assert.Equal(HttpStatusCode.MethodNotAllowed, (await story.Server.Admin.GetAsync($"{Red}?watch=true")).StatusCode);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, (await story.Server.Admin.DeleteAsync(Red)).StatusCode);
        Assert.Equal(HttpStatusCode.GatewayTimeout, (await story.Server.Admin.GetAsync($"{Red}?resourceVersion=999999999")).StatusCode);
    }

    [Fact]
    public async Task Is_for_who_may_list_it_in_the_namespace_he_may()
    {
        using HttpClient alice = story.Server.Client(ServerProcess.AliceToken);
        Assert.Equal(HttpStatusCode.OK, (await alice.GetAsync(Red)).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await alice.GetAsync(Red.Replace("red", "blue", StringComparison.Ordinal))).StatusCode);
        JsonNode refused = await (await alice.GetAsync(Everywhere)).Manifest(403);
        Assert.StartsWith(
            "activity.audit.eventstore.io is forbidden: User \"alice\" cannot list resource \"activity\"", (string)refused["message"]!,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Is_in_discovery_the_documents_the_metrics_and_the_health()
    {
        JsonNode resources = await story.Server.Admin.Get("/apis/audit.eventstore.io/v1");
        JsonNode activity = resources["resources"]!.AsArray().Single(each => (string)each!["name"]! == "activity")!;
        Assert.Equal(
            ("Activity", true, """["list"]"""),
            ((string)activity["kind"]!, (bool)activity["namespaced"]!, activity["verbs"]!.ToJsonString()));
        JsonNode v3 = await story.Server.Admin.Get("/openapi/v3/apis/audit.eventstore.io/v1");
        JsonNode people = await story.Server.Admin.Get("/openapi/v1.json");
        foreach (string path in (string[])[Everywhere, Red.Replace("red", "{namespace}", StringComparison.Ordinal)])
        {
            foreach (JsonNode document in (JsonNode[])[v3, people])
            {
                string[] parameters =
                    [.. document["paths"]![path]!["get"]!["parameters"]!.AsArray().Select(each => (string)each!["name"]!)];
                Assert.Empty(((string[])["by", "per", "since", "until"]).Except(parameters));
            }
        }

        Assert.Contains("[+]activity ok", await story.Server.Admin.GetStringAsync("/readyz?verbose"), StringComparison.Ordinal);
        Assert.Contains("eventstore_activity_lag", await story.Server.Admin.GetStringAsync("/metrics"), StringComparison.Ordinal);
    }

    private static JsonNode[] Items(JsonNode list) => [.. list["items"]!.AsArray().Select(item => item!)];

    private static string Line(JsonNode item) => string.Join(' ', [
        .. item.Root["items"]!.AsArray().Select(each => (string?)each!["metadata"]!["namespace"]).Distinct().Count() < 2
            ? [] // what stands in the path is no part of the line
            : (string[])[(string)item["metadata"]!["namespace"]!],
        .. ((string[])["user", "verb", "field"]).Select(name => (string?)item[name]).OfType<string>(),
        $"{item["count"]}",
    ]);

    /// <summary>A server that counts, and ten changes.</summary>
    public sealed class Story : IAsyncLifetime
    {
        private readonly string rules = Directory.CreateTempSubdirectory("es-activity-").FullName;
        private TestDatabase database = null!;

        public ServerProcess Server { get; private set; } = null!;

        /// <summary>The last revision.</summary>
        public string Last { get; private set; } = "";

        public async Task InitializeAsync()
        {
            await File.WriteAllTextAsync(Path.Combine(rules, "red.yaml"), """
                apiVersion: rbac.authorization.k8s.io/v1
                kind: Role
                metadata: {name: counter, namespace: red}
                rules: [{apiGroups: [audit.eventstore.io], resources: [activity], verbs: [list]}]
                ---
                apiVersion: rbac.authorization.k8s.io/v1
                kind: RoleBinding
                metadata: {name: counter, namespace: red}
                roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: counter}
                subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: alice}]
                """);
            database = await TestDatabase.Create();
            Server = await ServerProcess.Start(database.Serving, "--activity", "on", "--authorization-rbac-dir", rules);
            HttpClient admin = Server.Admin;
            using HttpClient bob = Server.Client(ServerProcess.BobToken);
            await admin.Create("side", "blue");
            await admin.Create("bert", "red");
            await admin.Create("mnist", "red");
            await (await admin.Patch(Sample.Job("bert", "red"), """{"spec":{"cleanPodPolicy":"All"}}""")).Manifest();
            await (await admin.DeleteAsync(Sample.Job("bert", "red"))).Manifest();
            await (await admin.Patch(Sample.Job("mnist", "red"),
                """{"metadata":{"labels":{"a":"1","example.com/b":"2"}},"spec":{"cleanPodPolicy":"None"}}""")).Manifest();
            await (await bob.Patch(Sample.Job("mnist", "red"), """{"metadata":{"labels":{"a":"2"}}}""")).Manifest();
            await (await admin.Patch(Sample.Job("mnist", "red"), """{"metadata":{"labels":{"a":null}}}""")).Manifest();
            await (await admin.Patch(Sample.Job("mnist", "red") + "/status", """{"status":{"conditions":[{"type":"Running"}]}}"""))
                .Manifest();
            Last = (await (await admin.Patch(
                Sample.Job("mnist", "red") + "/status",
                """{"status":{"completionTime":"2026-11-23T08:00:00Z","conditions":[{"type":"Running"},{"type":"Succeeded"}]}}"""))
                    .Manifest()).Revision();
        }

        public async Task DisposeAsync()
        {
            await Server.DisposeAsync();
            await database.DisposeAsync();
            Directory.Delete(rules, recursive: true);
        }
    }
}
