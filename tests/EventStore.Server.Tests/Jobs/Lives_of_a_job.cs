using System.Text.Json.Nodes;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Jobs;

/// <summary>Creating, replacing, reporting and deleting.</summary>
public sealed class Lives_of_a_job(ServedDatabase served) : IClassFixture<ServedDatabase>
{
    private HttpClient Admin => served.Server.Admin;

    [Fact]
    public async Task A_new_job_carries_what_the_server_writes_and_nothing_the_client_may_not()
    {
        const string forged =
            """,{"uid":"c6e548f1-adfe-11e9-ba3a-b44326d0c915","creationTimestamp":"2001-01-01T00:00:00Z","generation":9,"selfLink":"/x","foo":1}""";
        string manifest = Sample.Manifest(
            "new", metadata: forged.Replace("{", "", StringComparison.Ordinal).Replace("}", "", StringComparison.Ordinal));
        using HttpResponseMessage answer = await Admin.PostAsync(Sample.Jobs(), Sample.Body(manifest));
        JsonNode job = await answer.Manifest(201);
        Assert.NotEqual("c6e548f1-adfe-11e9-ba3a-b44326d0c915", (string)job["metadata"]!["uid"]!);
        Assert.Equal((1, null), ((int)job["metadata"]!["generation"]!, job["metadata"]!["foo"]));
        Assert.Contains("unknown field \\\"metadata.foo\\\"", answer.Headers.GetValues("Warning").Single(), StringComparison.Ordinal);
        Assert.Equal(409, (int)(await Admin.PostAsync(Sample.Jobs(), Sample.Body(manifest))).StatusCode);
    }

    [Fact]
    public async Task Unknown_fields_of_the_spec_are_kept()
    {
        using HttpResponseMessage answer = await Admin.PostAsync(
            Sample.Jobs(), Sample.Body(Sample.Manifest("unknown", spec: ",\"elasticPolicy\":{\"future\":[1.10]},\"x\":{\"y\":null}")));
        Assert.Contains(
            """{"elasticPolicy":{"future":[1.10]},"pytorchReplicaSpecs":""", await answer.Content.ReadAsStringAsync(),
            StringComparison.Ordinal);
        Assert.Contains("\"x\":{\"y\":null}", await Admin.GetStringAsync(Sample.Job("unknown")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_generated_name_is_made_of_the_prefix()
    {
        string manifest = Sample.Manifest("NONE").Replace("\"name\":\"NONE\"", "\"generateName\":\"train-\"", StringComparison.Ordinal);
        using HttpResponseMessage answer = await Admin.PostAsync(Sample.Jobs(), Sample.Body(manifest));
        Assert.Matches("^train-[bcdfghjklmnpqrstvwxz2456789]{5}$", (string)(await answer.Manifest(201))["metadata"]!["name"]!);
    }

    [Fact]
    public async Task A_replacement_changes_the_five_fields_and_needs_the_current_revision()
    {
        JsonNode job = await Admin.Create("replaced");
        JsonNode next = job.DeepClone();
        next["spec"]!["ttlSecondsAfterFinished"] = 3000;
        next["metadata"]!.AsObject().Remove("labels");
        JsonNode replaced = await (await Admin.PutAsync(Sample.Job("replaced"), Sample.Body(next.ToJsonString()))).Manifest();
        Assert.Equal((3000, 2, null), ((int)replaced["spec"]!["ttlSecondsAfterFinished"]!, (int)replaced["metadata"]!["generation"]!,
            replaced["metadata"]!["labels"]));

        await (await Admin.PutAsync(Sample.Job("replaced"), Sample.Body(next.ToJsonString()))).Manifest(409);
        next["metadata"]!.AsObject().Remove("resourceVersion");
        await (await Admin.PutAsync(Sample.Job("replaced"), Sample.Body(next.ToJsonString()))).Manifest(422);
        next["metadata"]!["resourceVersion"] = replaced.Revision();
        next["spec"]!["pytorchReplicaSpecs"]!["Worker"]!["replicas"] = 7;
        await (await Admin.PutAsync(Sample.Job("replaced"), Sample.Body(next.ToJsonString()))).Manifest(400);
        Assert.Equal(2, await served.Events("replaced"));
    }

    [Fact]
    public async Task The_status_is_written_through_its_subresource_alone_and_keeps_its_nulls()
    {
        await Admin.Create("reported");
        JsonNode reported = await (await Admin.Patch(
            Sample.Job("reported") + "/status",
            """{"metadata":{"labels":{"ignored":"yes"}},"status":{"conditions":[{"type":"Created","status":"True"}]}}""")).Manifest();
        Assert.Equal((1, "test", null), ((int)reported["metadata"]!["generation"]!, (string)reported["metadata"]!["labels"]!["app"]!,
            reported["metadata"]!["labels"]!["ignored"]));

        JsonNode whole = reported.DeepClone();
        whole["status"] = JsonNode.Parse("""{"conditions":null,"replicaStatuses":{"Master":{}}}""");
        await (await Admin.PutAsync(Sample.Job("reported") + "/status", Sample.Body(whole.ToJsonString()))).Manifest();
        Assert.EndsWith(
            "\"status\":{\"conditions\":null,\"replicaStatuses\":{\"Master\":{}}}}", await Admin.GetStringAsync(Sample.Job("reported")),
            StringComparison.Ordinal);
        Assert.Equal(await Admin.GetStringAsync(Sample.Job("reported")), await Admin.GetStringAsync(Sample.Job("reported") + "/status"));
    }

    [Fact]
    public async Task A_finalizer_holds_a_deleted_job_until_it_is_taken_off_in_one_last_event()
    {
        using HttpResponseMessage create = await Admin.PostAsync(
            Sample.Jobs(), Sample.Body(Sample.Manifest("held", metadata: ",\"finalizers\":[\"example.com/hold\"]")));
        await create.Manifest(201);

        JsonNode held = await (await Admin.DeleteAsync(Sample.Job("held"))).Manifest();
        Assert.Equal((2, 0), ((int)held["metadata"]!["generation"]!, (int)held["metadata"]!["deletionGracePeriodSeconds"]!));
        Assert.NotNull(held["metadata"]!["deletionTimestamp"]);
        Assert.Equal(held.Revision(), (await (await Admin.DeleteAsync(Sample.Job("held"))).Manifest()).Revision());

        await (await Admin.Patch(Sample.Job("held"), """{"metadata":{"finalizers":["example.com/hold","example.com/more"]}}"""))
            .Manifest(422);
        await (await Admin.Patch(Sample.Job("held"), """{"metadata":{"finalizers":null,"labels":{"last":"word"}}}""")).Manifest();
        Assert.Equal(404, (int)(await Admin.GetAsync(Sample.Job("held"))).StatusCode);
        Assert.Equal(3, await served.Events("held"));
        Assert.Equal("job_deleted", await served.Database.Ask<string>(
            "SELECT type FROM eventstore.mt_events e JOIN eventstore.mt_doc_current_job j ON j.id = e.stream_id WHERE j.name = 'held' ORDER BY seq_id DESC LIMIT 1"));
    }

    [Fact]
    public async Task A_delete_answers_success_and_its_preconditions_hold()
    {
        JsonNode job = await Admin.Create("gone");
        const string other =
            """{"kind":"DeleteOptions","apiVersion":"v1","preconditions":{"uid":"c6e548f1-adfe-11e9-ba3a-b44326d0c915"}}""";
        using var wrong = new HttpRequestMessage(HttpMethod.Delete, Sample.Job("gone")) { Content = Sample.Body(other) };
        await (await Admin.SendAsync(wrong)).Manifest(409);
        await (await Admin.DeleteAsync(Sample.Job("gone") + "?dryRun=All")).Manifest();

        JsonNode status = await (await Admin.DeleteAsync(Sample.Job("gone") + "?propagationPolicy=Foreground")).Manifest();
        Assert.Equal(
            ("Success", "pytorchjobs", (string)job["metadata"]!["uid"]!),
            ((string)status["status"]!, (string)status["details"]!["kind"]!, (string)status["details"]!["uid"]!));
        await (await Admin.DeleteAsync(Sample.Job("gone"))).Manifest(404);
        Assert.NotEqual((string)job["metadata"]!["uid"]!, (string)(await Admin.Create("gone"))["metadata"]!["uid"]!);
    }
}
