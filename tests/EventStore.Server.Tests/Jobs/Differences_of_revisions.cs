using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using EventStore.Domain.Json;
using EventStore.Server.Tests.Fixtures;
using JsonObject = EventStore.Domain.Json.JsonObject;
using JsonValue = EventStore.Domain.Json.JsonValue;

namespace EventStore.Server.Tests.Jobs;

/// <summary>Two revisions of a job compared.</summary>
public sealed class Differences_of_revisions(ServedDatabase served) : IClassFixture<ServedDatabase>
{
    private HttpClient Admin => served.Server.Admin;

    [Fact]
    public async Task Are_named_value_by_value_and_as_the_merge_patch_that_makes_one_the_other()
    {
        string first = (await Admin.Create("changed")).Revision();
        await (await Admin.Patch(Sample.Job("changed"),
            """{"metadata":{"labels":{"app":null,"team":"ml"}},"spec":{"ttlSecondsAfterFinished":60}}""")).Manifest();
        string last = (await (await Admin.Patch(Sample.Job("changed"), """{"spec":{"cleanPodPolicy":"All"}}""")).Manifest()).Revision();

        JsonNode diff = await Diff("changed", $"from={first}&to={last}");
        Assert.Equal(("audit.eventstore.io/v1", "PyTorchJobDiff"), ((string)diff["apiVersion"]!, (string)diff["kind"]!));
        Assert.Equal(
            [
                """{"after":3,"before":1,"path":"metadata.generation"}""",
                """{"before":"test","path":"metadata.labels.app"}""",
                """{"after":"ml","path":"metadata.labels.team"}""",
                """{"after":"All","path":"spec.cleanPodPolicy"}""",
                """{"after":60,"path":"spec.ttlSecondsAfterFinished"}""",
            ],
            diff["changes"]!.AsArray().Select(change => change!.ToJsonString()));
        Assert.Equal(
            """{"metadata":{"generation":3,"labels":{"app":null,"team":"ml"}},"spec":{"cleanPodPolicy":"All","ttlSecondsAfterFinished":60}}""",
            diff["mergePatch"]!.ToJsonString());
        Assert.Equal((true, true, null), ((bool)diff["mergePatchExact"]!, (bool)diff["sameIncarnation"]!, diff["beyondMergePatch"]));
        Assert.Equal((first, last), ((string)diff["from"]!["resourceVersion"]!, (string)diff["to"]!["resourceVersion"]!));

        // Back again, sent as a patch, it restores the job; and without "to" the comparison is with now.
        JsonNode back = await Diff("changed", $"from={last}&to={first}");
        await (await Admin.Patch(Sample.Job("changed"), back["mergePatch"]!.ToJsonString())).Manifest();
        Assert.Equal(["metadata.generation"], Paths(await Diff("changed", $"from={first}")));
    }

    [Fact]
    public async Task That_a_merge_patch_cannot_express_are_said()
    {
        string before = (await Admin.Create("nulls")).Revision();
        await Status("nulls", """{"conditions":null,"replicaStatuses":{"Master":{"active":null}},"startTime":"x"}""");
        JsonNode diff = await Diff("nulls", $"from={before}");
        Assert.False((bool)diff["mergePatchExact"]!);
        Assert.Equal(
            ["status.conditions", "status.replicaStatuses.Master.active"],
            diff["beyondMergePatch"]!.AsArray().Select(path => (string)path!));
    }

    [Fact]
    public async Task Turn_the_one_into_the_other_between_any_two_revisions()
    {
        await Admin.Create("walk");
        List<string> revisions = [];
        var random = new Random(11);
        for (int i = 0; i < 12; i++)
        {
            revisions.Add((await Admin.Get(Sample.Job("walk"))).Revision());
            string patch = random.Next(3) switch
            {
                0 =>
                    $$$$"""{"metadata":{"labels":{"l{{{{random.Next(3)}}}}":"v{{{{i}}}}"},"annotations":{"a/{{{{random.Next(2)}}}}":"{{{{i}}}}"}}}""",
                1 => $$$"""{"spec":{"activeDeadlineSeconds":{{{i + 1}}},"cleanPodPolicy":null}}""",
                _ => """{"metadata":{"labels":null},"spec":{"cleanPodPolicy":"None"}}""",
            };
            await (await Admin.Patch(Sample.Job("walk"), patch)).Manifest();
        }

        foreach ((string from, string to) in revisions.Zip(revisions.Skip(3)).Concat(revisions.Skip(4).Zip(revisions)))
        {
            JsonNode diff = await Diff("walk", $"from={from}&to={to}");
            JsonValue patch = Parse(diff["mergePatch"]!.ToJsonString());
            Assert.Equal(await At("walk", to), MergePatch.Apply(await At("walk", from), patch));
        }
    }

    [Fact]
    public async Task Across_incarnations_and_lives_are_said()
    {
        string first = (await Admin.Create("twice")).Revision();
        await (await Admin.DeleteAsync(Sample.Job("twice"))).Manifest();
        string between = await served.Database.Ask<string>("SELECT revision::text FROM eventstore.head");
        string second = (await Admin.Create("twice")).Revision();

        JsonNode diff = await Diff("twice", $"from={first}&to={second}");
        Assert.False((bool)diff["sameIncarnation"]!);
        Assert.Contains("metadata.uid", Paths(diff));
        Assert.NotEqual((string)diff["from"]!["uid"]!, (string)diff["to"]!["uid"]!);

        JsonNode gone = await Diff("twice", $"from={first}&to={between}");
        Assert.Equal($$"""{"revision":{{between}}}""", gone["to"]!.ToJsonString());
        Assert.Null(gone["sameIncarnation"]);
        Assert.All(gone["changes"]!.AsArray(), change => Assert.Null(change!["after"]));
        Assert.Equal(404, (int)(await Admin.GetAsync($"{Sample.Job("twice")}/diff?from={between}&to={between}")).StatusCode);
        Assert.Equal(404, (int)(await Admin.GetAsync($"{Sample.Job("never")}/diff?from=1")).StatusCode);
    }

    [Fact]
    public async Task With_more_names_than_anybody_would_read_are_cut_and_counted()
    {
        string before = (await Admin.Create("wide")).Revision();
        string name = new('n', 100_000);
        string members = string.Join(',', Enumerable.Range(0, 50).Select(i => $"\"{i}\":1"));
        await Status("wide", "{\"" + name + "\":{" + members + "}}");
        JsonNode diff = await Diff("wide", $"from={before}");
        Assert.Equal((10, 40), (diff["changes"]!.AsArray().Count, (int)diff["changesOmitted"]!));
        Assert.Equal(50, diff["mergePatch"]!["status"]![name]!.AsObject().Count);
    }

    [Theory]
    [InlineData("", 400, "invalid from: from: Required value: the revision to compare with")]
    [InlineData("to=2", 400, "invalid from: from: Required value")]
    [InlineData("from=x", 400, "invalid from: from: Invalid value: \"x\": strconv.ParseUint: parsing \"x\": invalid syntax")]
    [InlineData("from=-1", 400, "invalid from")]
    [InlineData("from=0", 400, "there is no revision 0")]
    [InlineData("from=1&to=two", 400, "invalid to")]
    [InlineData("from=1&to=99999999", 504, "Too large resource version: 99999999")]
    [InlineData("from=99999999", 504, "Too large resource version: 99999999")]
    public async Task That_cannot_be_asked_for_are_refused(string query, int code, string why)
    {
        using HttpResponseMessage answer = await Admin.GetAsync($"{Sample.Job("any")}/diff?{query}");
        Assert.Contains(why, (string)(await answer.Manifest(code))["message"]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Need_the_right_to_them_and_take_no_other_method()
    {
        using HttpResponseMessage post = await Admin.PostAsync($"{Sample.Job("any")}/diff", Sample.Body("{}"));
        Assert.Equal(HttpStatusCode.MethodNotAllowed, post.StatusCode);
        using var alice = new HttpRequestMessage(HttpMethod.Get, new Uri(served.Server.Url, $"{Sample.Job("any")}/diff?from=1"));
        alice.Headers.Authorization = new("Bearer", ServerProcess.AliceToken);
        using var client = new HttpClient();
        using HttpResponseMessage refused = await client.SendAsync(alice);
        Assert.Contains(
            "cannot get resource \"pytorchjobs/diff\"", (string)(await refused.Manifest(403))["message"]!, StringComparison.Ordinal);
    }

    private Task<JsonNode> Diff(string name, string query) => Admin.Get($"{Sample.Job(name)}/diff?{query}");

    private async Task Status(string name, string status)
    {
        JsonNode job = await Admin.Get(Sample.Job(name));
        job["status"] = JsonNode.Parse(status);
        await (await Admin.PutAsync(Sample.Job(name) + "/status", Sample.Body(job.ToJsonString()))).Manifest();
    }

    private async Task<JsonValue> At(string name, string revision)
    {
        var job = (JsonObject)Parse(
            await Admin.GetStringAsync($"{Sample.Job(name)}?resourceVersion={revision}&resourceVersionMatch=Exact"));
        return job.With("metadata", ((JsonObject)job["metadata"]!).Without("resourceVersion"));
    }

    private static JsonValue Parse(string text) => JsonReading.Parse(Encoding.UTF8.GetBytes(text));

    private static IEnumerable<string> Paths(JsonNode diff) => diff["changes"]!.AsArray().Select(change => (string)change!["path"]!);
}
