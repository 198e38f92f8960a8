using System.Text.Json.Nodes;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Jobs;

/// <summary>A deleted job brought back, and copies beside.</summary>
public sealed class Restores(ServedDatabase served) : IClassFixture<ServedDatabase>
{
    private HttpClient Admin => served.Server.Admin;

    [Fact]
    public async Task Make_the_job_anew_as_it_was_just_before_its_deletion()
    {
        JsonNode created = await Admin.Create("back");
        await (await Admin.Patch(Sample.Job("back"), """{"metadata":{"labels":{"team":"ml"}}}""")).Manifest();
        string before = await served.Database.Ask<string>("SELECT revision::text FROM eventstore.head");
        await (await Admin.DeleteAsync(Sample.Job("back"))).Manifest();

        JsonNode back = await Restore("back", "{}");
        Assert.Equal("ml", (string)back["metadata"]!["labels"]!["team"]!);
        Assert.Equal("1", $"{back["metadata"]!["generation"]}");
        Assert.NotEqual((string)created["metadata"]!["uid"]!, (string)back["metadata"]!["uid"]!);
        Assert.Equal(created["spec"]!.ToJsonString(), back["spec"]!.ToJsonString());
        Assert.Equal(back.ToJsonString(), (await Admin.Get(Sample.Job("back"))).ToJsonString());

        JsonNode revision = (await Admin.Get(
            "/apis/audit.eventstore.io/v1/namespaces/kube-test/pytorchjobrevisions?labelSelector=verb%3DRestored,job%3Dback"))["items"]!
            .AsArray().Single()!;
        Assert.Equal(
            $$"""{"revision":{{before}},"uid":"{{(string)created["metadata"]!["uid"]!}}"}""", revision["restoredFrom"]!.ToJsonString());
        Assert.Equal(back.Revision(), $"{revision["revision"]}");

        // A life like any other: changed, gone back, deleted, restored again at a revision of it, named as a text.
        await (await Admin.Patch(Sample.Job("back"), """{"spec":{"cleanPodPolicy":"All"}}""")).Manifest();
        using (HttpResponseMessage rolled = await Admin.PostAsync(
            Sample.Job("back") + "/rollback", Sample.Body($$"""{"revision":"{{back.Revision()}}"}""")))
            Assert.Null((await rolled.Manifest())["spec"]!["cleanPodPolicy"]);
        await (await Admin.DeleteAsync(Sample.Job("back"))).Manifest();
        JsonNode again = await Restore("back", $$"""{"revision":"{{back.Revision()}}"}""");
        Assert.Equal("ml", (string)again["metadata"]!["labels"]!["team"]!);
        string first = (string)created["metadata"]!["uid"]!;
        await (await Admin.DeleteAsync(Sample.Job("back"))).Manifest();
        Assert.Equal("ml", (string)(await Restore("back", $$"""{"uid":"{{first}}"}"""))["metadata"]!["labels"]!["team"]!);
        JsonNode blame = await Admin.Get(Sample.Job("back") + "/blame");
        Assert.All(blame["leaves"]!.AsArray(), leaf => Assert.Equal("Restored", (string)leaf!["verb"]!));
    }

    [Fact]
    public async Task Are_shown_by_watches_as_added()
    {
        string start = (await Admin.Create("watched")).Revision();
        await (await Admin.DeleteAsync(Sample.Job("watched"))).Manifest();
        await Restore("watched", "{}");
        string frames = await Admin.GetStringAsync(
            $"{Sample.Jobs()}?watch=true&fieldSelector=metadata.name%3Dwatched&resourceVersion={start}&timeoutSeconds=1");
        Assert.Equal(
            ["DELETED", "ADDED"],
            frames.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(frame => (string)JsonNode.Parse(frame)!["type"]!));
    }

    [Fact]
    public async Task Leave_status_and_finalizers_out_unless_they_are_asked_for()
    {
        using (HttpResponseMessage created = await Admin.PostAsync(
            Sample.Jobs(), Sample.Body(Sample.Manifest("held", metadata: ""","finalizers":["a/b"]"""))))
        {
            JsonNode job = await created.Manifest(201);
            job["status"] = JsonNode.Parse("""{"startTime":"now"}""");
            await (await Admin.PutAsync(Sample.Job("held") + "/status", Sample.Body(job.ToJsonString()))).Manifest();
        }

        await (await Admin.DeleteAsync(Sample.Job("held"))).Manifest();
        await (await Admin.Patch(Sample.Job("held"), """{"metadata":{"finalizers":null}}""")).Manifest();
        JsonNode with = await Restore("held", """{"name":"with","status":true,"finalizers":true}""");
        Assert.Equal(("now", "a/b"), ((string)with["status"]!["startTime"]!, (string)with["metadata"]!["finalizers"]![0]!));
        Assert.Null(with["metadata"]!["deletionTimestamp"]);
        JsonNode without = await Restore("held", "{}");
        Assert.Equal((null, null), (without["status"], without["metadata"]!["finalizers"]));
    }

    [Fact]
    public async Task Copy_a_job_that_lives_beside_and_into_another_namespace()
    {
        string first = (await Admin.Create("original")).Revision();
        await (await Admin.Patch(Sample.Job("original"), """{"metadata":{"labels":{"team":"ml"}}}""")).Manifest();
        JsonNode then = await Restore("original", $$"""{"name":"copy","namespace":"elsewhere","revision":{{first}}}""");
        Assert.Null(then["metadata"]!["labels"]!["team"]);
        Assert.Equal(("copy", "elsewhere"), ((string)then["metadata"]!["name"]!, (string)then["metadata"]!["namespace"]!));
        Assert.Equal("ml", (string)(await Restore("original", """{"name":"now"}"""))["metadata"]!["labels"]!["team"]!);
        await Refused("original", """{"name":"now"}""", 409, "already exists");
        await Refused("original", """{"name":"No name"}""", 422, "metadata.name");
    }

    [Fact]
    public async Task That_are_tried_store_nothing()
    {
        await Admin.Create("tried");
        await (await Admin.DeleteAsync(Sample.Job("tried"))).Manifest();
        long events = await served.Events("tried");
        using HttpResponseMessage answer = await Admin.PostAsync(Sample.Job("tried") + "/restore?dryRun=All", Sample.Body("{}"));
        Assert.Equal("tried", (string)(await answer.Manifest(201))["metadata"]!["name"]!);
        Assert.Equal(events, await served.Events("tried"));
    }

    [Fact]
    public async Task That_cannot_be_are_refused()
    {
        string lives = (await Admin.Create("lives")).Revision();
        string other = (string)(await Admin.Create("other"))["metadata"]!["uid"]!;
        await Refused("lives", "{}", 409, "already exists");
        await Refused("never", "{}", 404, "not found");
        await Refused("lives", """{"revision":1,"name":"x"}""", 422, "there was no such job at that revision");
        await Refused("lives", $$"""{"uid":"{{other}}","name":"x"}""", 422, "no job of that name had this uid");
        await Refused("lives", """{"uid":"x"}""", 422, "must be the uid of a job");
        await Refused(
            "lives", """{"revision":"x"}""", 400, "cannot unmarshal string into Go struct field PyTorchJobRestore.revision of type int64");
        await Refused("lives", """{"revision":0}""", 422, "must be greater than 0");
        await Refused("lives", """{"status":1}""", 400, "of type bool");
        await Refused("lives", """{"kind":"PyTorchJob"}""", 400, "kind must be");
        await Refused("lives", "[]", 400, "cannot unmarshal array");

        await (await Admin.DeleteAsync(Sample.Job("lives"))).Manifest();
        string second = (await Admin.Create("lives")).Revision();
        string uid = await served.Database.Ask<string>($"SELECT stream_id::text FROM eventstore.mt_events WHERE seq_id = {lives}");
        await Refused(
            "lives", $$"""{"uid":"{{uid}}","revision":{{second}},"name":"x"}""", 422, "another job of that name lived at that revision");
    }

    [Fact]
    public async Task Need_the_right_to_them_and_are_in_discovery()
    {
        using var client = new HttpClient { BaseAddress = served.Server.Url };
        client.DefaultRequestHeaders.Authorization = new("Bearer", ServerProcess.AliceToken);
        using HttpResponseMessage refused = await client.PostAsync(Sample.Job("any") + "/restore", Sample.Body("{}"));
        Assert.Contains(
            "cannot create resource \"pytorchjobs/restore\"", (string)(await refused.Manifest(403))["message"]!, StringComparison.Ordinal);
        Assert.Equal(405, (int)(await Admin.GetAsync(Sample.Job("any") + "/restore")).StatusCode);
        JsonArray resources = (await Admin.Get("/apis/kubeflow.org/v1"))["resources"]!.AsArray();
        Assert.Equal(
            """{"group":"audit.eventstore.io","kind":"PyTorchJobRestore","name":"pytorchjobs/restore","namespaced":true,"singularName":"","verbs":["create"],"version":"v1"}""",
            resources.Single(resource => (string)resource!["name"]! == "pytorchjobs/restore")!.ToJsonString());
    }

    private async Task<JsonNode> Restore(string name, string body)
    {
        using HttpResponseMessage answer = await Admin.PostAsync(Sample.Job(name) + "/restore", Sample.Body(body));
        return await answer.Manifest(201);
    }

    private async Task Refused(string name, string body, int code, string why)
    {
        using HttpResponseMessage answer = await Admin.PostAsync(Sample.Job(name) + "/restore", Sample.Body(body));
        Assert.Contains(why, (string)(await answer.Manifest(code))["message"]!, StringComparison.Ordinal);
    }
}
