using System.Net;
using System.Text.Json.Nodes;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Jobs;

/// <summary>Going back to an earlier revision.</summary>
public sealed class Rollbacks(ServedDatabase served) : IClassFixture<ServedDatabase>
{
    private const string Revisions = "/apis/audit.eventstore.io/v1/namespaces/kube-test/pytorchjobrevisions";

    private HttpClient Admin => served.Server.Admin;

    [Fact]
    public async Task Restore_the_five_fields_by_one_event_that_says_what_it_did()
    {
        JsonNode first = await Changed("back");
        long events = await served.Events("back");
        using HttpResponseMessage answer = await RollBack("back", first.Revision());
        JsonNode after = await answer.Manifest();
        Assert.False(answer.Headers.Contains("Warning"));
        Assert.Equal(("""{"app":"test"}""", 3), (after["metadata"]!["labels"]!.ToJsonString(), (int)after["metadata"]!["generation"]!));
        Assert.Null(after["spec"]!["ttlSecondsAfterFinished"]);
        Assert.Equal(await Admin.GetStringAsync(Sample.Job("back")), after.ToJsonString());

        Assert.Equal(events + 1, await served.Events("back"));
        JsonNode revision = (await Admin.Get($"{Revisions}?labelSelector=job%3Dback,verb%3DRolledBack"))["items"]!.AsArray().Single()!;
        Assert.Equal(after.Revision(), revision.Revision());
        Assert.Equal(
            ["metadata.labels.app", "metadata.labels.team", "spec.ttlSecondsAfterFinished"],
            revision["changes"]!.AsArray().Select(change => (string)change!["path"]!));
        Assert.Equal(first.Revision(), await served.Database.Ask<string>(
            $"SELECT data ->> 'revision' FROM eventstore.mt_events WHERE seq_id = {after.Revision()} AND type = 'job_rolled_back'"));
        Assert.Equal(
            ["metadata.labels", "metadata.labels.app", "metadata.labels.team", "spec.ttlSecondsAfterFinished"],
            await served.Database.Ask<string[]>(
                $"SELECT array_agg(path::text ORDER BY path) FROM eventstore.revision_path WHERE revision = {after.Revision()}"));
    }

    [Fact]
    public async Task To_where_the_job_stands_store_nothing()
    {
        JsonNode first = await Changed("still");
        JsonNode back = await (await RollBack("still", first.Revision())).Manifest();
        Assert.Equal(back.Revision(), (await (await RollBack("still", first.Revision())).Manifest()).Revision());
        Assert.Equal(back.Revision(), (await (await RollBack("still", back.Revision())).Manifest()).Revision());
        Assert.Equal(3, await served.Events("still"));
    }

    [Fact]
    public async Task Tried_dry_show_the_job_after_and_store_nothing()
    {
        JsonNode first = await Changed("dry");
        JsonNode now = await Admin.Get(Sample.Job("dry"));
        JsonNode shown = await (await RollBack("dry", first.Revision(), query: "?dryRun=All")).Manifest();
        Assert.Equal(("""{"app":"test"}""", now.Revision()), (shown["metadata"]!["labels"]!.ToJsonString(), shown.Revision()));
        Assert.Equal(now.ToJsonString(), (await Admin.Get(Sample.Job("dry"))).ToJsonString());
        await (await RollBack("dry", first.Revision(), query: "?dryRun=Some")).Manifest(422);
    }

    [Fact]
    public async Task Say_what_they_do_not_restore()
    {
        using HttpResponseMessage create = await Admin.PostAsync(
            Sample.Jobs(), Sample.Body(Sample.Manifest("said", metadata: ",\"finalizers\":[\"a/b\",\"c/d\"]")));
        string first = (await create.Manifest(201)).Revision();
        await (await Admin.Patch(Sample.Job("said"), """{"metadata":{"labels":{"app":"x"}}}""")).Manifest();
        await (await Admin.Patch(Sample.Job("said") + "/status", """{"status":{"conditions":[{"type":"Running"}]}}""")).Manifest();
        await (await Admin.DeleteAsync(Sample.Job("said"))).Manifest();
        await (await Admin.Patch(Sample.Job("said"), """{"metadata":{"finalizers":["a/b"]}}""")).Manifest();

        foreach (string query in (string[])["?dryRun=All", "", ""]) // the last changes nothing, and has as much to say
        {
            using HttpResponseMessage answer = await RollBack("said", first, query: query);
            JsonNode job = await answer.Manifest();
            Assert.Equal("test", (string)job["metadata"]!["labels"]!["app"]!);
            Assert.NotNull(job["metadata"]!["deletionTimestamp"]);
            Assert.Equal(
                "299 - \"differs from that revision still: metadata.deletionGracePeriodSeconds, metadata.deletionTimestamp, metadata.finalizers, status.conditions; "
                + "a rollback restores only metadata.labels, metadata.annotations, spec.activeDeadlineSeconds, spec.ttlSecondsAfterFinished, spec.cleanPodPolicy\"",
                answer.Headers.GetValues("Warning").Single());
        }

        Assert.Equal(6, await served.Events("said"));
    }

    [Fact]
    public async Task Under_a_lock_are_refused_when_somebody_was_faster()
    {
        JsonNode first = await Changed("locked");
        string now = (await Admin.Get(Sample.Job("locked"))).Revision();
        JsonNode stale = await (await RollBack("locked", first.Revision(), first.Revision())).Manifest(409);
        Assert.Equal(
            "Operation cannot be fulfilled on pytorchjobs.kubeflow.org \"locked\": the object has been modified; please apply your changes to the latest version and try again",
            (string)stale["message"]!);
        await (await RollBack("locked", first.Revision(), "0")).Manifest(422);
        await (await RollBack("locked", first.Revision(), "x")).Manifest(400);
        Assert.Equal(2, await served.Events("locked"));
        await (await RollBack("locked", first.Revision(), now)).Manifest();
    }

    [Fact]
    public async Task To_no_job_or_another_of_the_name_are_refused()
    {
        JsonNode first = await Changed("reborn");
        await (await Admin.DeleteAsync(Sample.Job("reborn"))).Manifest();
        await (await RollBack("reborn", first.Revision())).Manifest(404);
        string gone = await served.Database.Ask<string>("SELECT revision::text FROM eventstore.head");
        JsonNode second = await Admin.Create("reborn");

        JsonNode other = await (await RollBack("reborn", first.Revision())).Manifest(422);
        Assert.Contains(
            $"its uid was {first["metadata"]!["uid"]}, this one's is {second["metadata"]!["uid"]}", (string)other["message"]!,
            StringComparison.Ordinal);
        Assert.Equal(("Invalid", "revision"), ((string)other["reason"]!, (string)other["details"]!["causes"]![0]!["field"]!));
        JsonNode none = await (await RollBack("reborn", gone)).Manifest(422);
        Assert.Equal(
            $"PyTorchJob.kubeflow.org \"reborn\" is invalid: revision: Invalid value: {gone}: there was no such job at that revision",
            (string)none["message"]!);
        await (await RollBack("reborn", "99999999")).Manifest(504);
        await (await RollBack("never", "1")).Manifest(404);
    }

    [Theory]
    [InlineData("", 400, "unexpected end of JSON input")]
    [InlineData("[]", 400, "json: cannot unmarshal array")]
    [InlineData("{\"revision\":\"two\"}", 400, "cannot unmarshal string into Go struct field PyTorchJobRollback.revision of type int64")]
    [InlineData("{\"revision\":2.5}", 400, "cannot unmarshal number")]
    [InlineData("{\"revision\":1,\"resourceVersion\":2}", 400, "cannot unmarshal number into Go struct field PyTorchJobRollback.resourceVersion of type string")]
    [InlineData("{}", 422, "revision: Required value")]
    [InlineData("{\"revision\":null}", 422, "revision: Required value")]
    [InlineData("{\"revision\":0}", 422, "revision: Invalid value: 0: must be greater than 0")]
    [InlineData("{\"revision\":1,\"kind\":\"Rollback\"}", 400, "kind must be \"PyTorchJobRollback\"")]
    [InlineData("{\"revision\":1,\"apiVersion\":\"v1\"}", 400, "apiVersion must be \"audit.eventstore.io/v1\"")]
    public async Task That_cannot_be_read_are_refused(string body, int code, string why)
    {
        using HttpResponseMessage answer = await Admin.PostAsync(Sample.Job("any") + "/rollback", Sample.Body(body));
        Assert.Contains(why, (string)(await answer.Manifest(code))["message"]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task With_fields_nobody_knows_follow_fieldValidation()
    {
        JsonNode first = await Changed("strict");
        string path = Sample.Job("strict") + "/rollback";
        StringContent Body() => Sample.Body(
            $$"""{"apiVersion":"audit.eventstore.io/v1","kind":"PyTorchJobRollback","revision":1,"revision":{{first.Revision()}},"to":3}""");
        JsonNode strict = await (await Admin.PostAsync(path + "?fieldValidation=Strict", Body())).Manifest(400);
        Assert.EndsWith(
            "strict decoding error: duplicate field \"revision\", unknown field \"to\"", (string)strict["message"]!,
            StringComparison.Ordinal);
        using HttpResponseMessage warned = await Admin.PostAsync(path + "?dryRun=All", Body());
        await warned.Manifest();
        Assert.Equal(
            ["299 - \"duplicate field \\\"revision\\\"\"", "299 - \"unknown field \\\"to\\\"\""], warned.Headers.GetValues("Warning"));
        using HttpResponseMessage ignored = await Admin.PostAsync(path + "?fieldValidation=Ignore", Body());
        await ignored.Manifest();
        Assert.False(ignored.Headers.Contains("Warning"));
    }

    [Fact]
    public async Task Need_the_right_to_them_a_body_of_JSON_and_POST()
    {
        string path = Sample.Job("any") + "/rollback";
        Assert.Equal(HttpStatusCode.MethodNotAllowed, (await Admin.GetAsync(path)).StatusCode);
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, (await Admin.PostAsync(path, Sample.Body("{}", "text/plain"))).StatusCode);
        using var client = new HttpClient { BaseAddress = served.Server.Url };
        client.DefaultRequestHeaders.Authorization = new("Bearer", ServerProcess.AliceToken);
        JsonNode refused = await (await client.PostAsync(path, Sample.Body("{\"revision\":1}"))).Manifest(403);
        Assert.Contains("cannot create resource \"pytorchjobs/rollback\"", (string)refused["message"]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task And_comparisons_are_in_discovery_with_their_own_kinds()
    {
        JsonArray resources = (await Admin.Get("/apis/kubeflow.org/v1"))["resources"]!.AsArray();
        Assert.Equal(
            """{"group":"audit.eventstore.io","kind":"PyTorchJobRollback","name":"pytorchjobs/rollback","namespaced":true,"singularName":"","verbs":["create"],"version":"v1"}""",
            resources.Single(resource => (string)resource!["name"]! == "pytorchjobs/rollback")!.ToJsonString());
        Assert.Equal(
            """{"group":"audit.eventstore.io","kind":"PyTorchJobDiff","name":"pytorchjobs/diff","namespaced":true,"singularName":"","verbs":["get"],"version":"v1"}""",
            resources.Single(resource => (string)resource!["name"]! == "pytorchjobs/diff")!.ToJsonString());
        Assert.Equal(
            """{"group":"audit.eventstore.io","kind":"PyTorchJobBlame","name":"pytorchjobs/blame","namespaced":true,"singularName":"","verbs":["get"],"version":"v1"}""",
            resources.Single(resource => (string)resource!["name"]! == "pytorchjobs/blame")!.ToJsonString());
    }

    /// <summary>Creates a job and changes it once; answers it as it was.</summary>
    private async Task<JsonNode> Changed(string name)
    {
        JsonNode first = await Admin.Create(name);
        await (await Admin.Patch(
            Sample.Job(name), """{"metadata":{"labels":{"app":"x","team":"ml"}},"spec":{"ttlSecondsAfterFinished":9}}""")).Manifest();
        return first;
    }

    private Task<HttpResponseMessage> RollBack(string name, string revision, string? resourceVersion = null, string query = "") =>
        Admin.PostAsync(
            Sample.Job(name) + "/rollback" + query,
            Sample.Body(resourceVersion is null ? $$"""{"revision":{{revision}}}"""
                : $$"""{"revision":{{revision}},"resourceVersion":"{{resourceVersion}}"}"""));
}
