using System.Text.Json;
using System.Text.Json.Nodes;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Jobs;

/// <summary>The documented PATCH of a PyTorchJob, as its document and the promises made for it say.</summary>
public sealed class The_update_API(ServedDatabase served) : IClassFixture<ServedDatabase>
{
    private HttpClient Admin => served.Server.Admin;

    [Fact]
    public async Task Answers_the_documents_own_example_as_the_document_shows_it()
    {
        using HttpResponseMessage create = await Admin.PostAsync(Sample.Jobs(), Sample.Body(Sample.Manifest("pytorch-test", labels: "{}")));
        await create.Manifest(201);

        using HttpResponseMessage answer = await Admin.Patch(Sample.Job("pytorch-test"), """{"metadata":{"labels":{"app":"test"}}}""");
        string text = await answer.Content.ReadAsStringAsync();
        JsonNode job = await answer.Manifest();

        Assert.Equal("application/json", answer.Content.Headers.ContentType!.MediaType);
        // Status: absent until somebody writes it.
        Assert.Equal(["apiVersion", "kind", "metadata", "spec"], job.AsObject().Select(member => member.Key));
        Assert.Equal(
            ["creationTimestamp", "generation", "labels", "name", "namespace", "resourceVersion", "selfLink", "uid"],
            job["metadata"]!.AsObject().Select(member => member.Key));
        Assert.Equal("""{"app":"test"}""", job["metadata"]!["labels"]!.ToJsonString());
        Assert.Equal(1, (int)job["metadata"]!["generation"]!);
        Assert.Equal("/apis/kubeflow.org/v1/namespaces/kube-test/pytorchjobs/pytorch-test", (string)job["metadata"]!["selfLink"]!);
        Assert.Matches("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z$", (string)job["metadata"]!["creationTimestamp"]!);
        Assert.Contains("\"limits\":{\"cpu\":2,\"memory\":\"4Gi\"}", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"metadata":{"labels":{"team":"ml"}}}""", "metadata.labels.team", 1)]
    [InlineData("""{"metadata":{"annotations":{"example.com/note":"hi"}}}""", "metadata.annotations['example.com/note']", 1)]
    [InlineData("""{"spec":{"activeDeadlineSeconds":3600}}""", "spec.activeDeadlineSeconds", 2)]
    [InlineData("""{"spec":{"ttlSecondsAfterFinished":0}}""", "spec.ttlSecondsAfterFinished", 2)]
    [InlineData("""{"spec":{"cleanPodPolicy":"Running"}}""", "spec.cleanPodPolicy", 2)]
    public async Task Changes_each_of_the_five_fields_by_exactly_one_event(string patch, string path, int generation)
    {
        string name = "five-" + Guid.NewGuid().ToString("N")[..8];
        JsonNode created = await Admin.Create(name);

        JsonNode patched = await (await Admin.Patch(Sample.Job(name), patch)).Manifest();

        Assert.NotEqual(created.Revision(), patched.Revision());
        Assert.Equal(generation, (int)patched["metadata"]!["generation"]!);
        Assert.Equal(2, await served.Events(name));
        string data = await served.Database.Ask<string>($"SELECT data::text FROM eventstore.mt_events WHERE seq_id = {patched.Revision()}");
        Assert.Equal(path, (string)JsonNode.Parse(data)!["paths"]![0]!);
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(patch), JsonNode.Parse(data)!["patch"]));
    }

    [Theory]
    [InlineData("""{"spec":{"backoffLimit":3}}""", "spec.backoffLimit")]
    [InlineData("""{"spec":{"pytorchReplicaSpecs":{"Worker":{"replicas":5}}}}""", "spec.pytorchReplicaSpecs.Worker.replicas")]
    [InlineData("""{"spec":{"pytorchReplicaSpecs":{"Master":{"template":{"spec":{"containers":[]}}}}}}""", "spec.pytorchReplicaSpecs.Master.template.spec.containers")]
    [InlineData("""{"spec":{"runPolicy":{"cleanPodPolicy":"All"}}}""", "spec.runPolicy.cleanPodPolicy")]
    [InlineData("""{"metadata":{"finalizers":["example.com/hold"]}}""", "metadata.finalizers")]
    [InlineData("""{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"Pod","name":"p","uid":"u"}]}}""", "metadata.ownerReferences")]
    [InlineData("""{"foo":{"a b":1}}""", "foo['a b']")]
    [InlineData("""{"metadata":{"labels":{"a":"1"}},"spec":{"backoffLimit":3}}""", "spec.backoffLimit")]
    public async Task Refuses_any_other_field_whole_and_names_it(string patch, string field)
    {
        string name = "fixed-" + Guid.NewGuid().ToString("N")[..8];
        JsonNode created = await Admin.Create(name);

        JsonNode status = await (await Admin.Patch(Sample.Job(name), patch)).Manifest(400);

        Assert.Equal("BadRequest", (string)status["reason"]!);
        Assert.Contains(field, (string)status["message"]!, StringComparison.Ordinal); // kubectl prints causes only for 422
        JsonNode cause = Assert.Single(status["details"]!["causes"]!.AsArray())!;
        Assert.Equal(("FieldValueForbidden", field), ((string)cause["reason"]!, (string)cause["field"]!));
        Assert.Equal(created.ToJsonString(), (await Admin.Get(Sample.Job(name))).ToJsonString());
        Assert.Equal(1, await served.Events(name));
    }

    [Theory]
    [InlineData("""{"spec":{"cleanPodPolicy":"Sometimes"}}""", "spec.cleanPodPolicy")]
    [InlineData("""{"spec":{"cleanPodPolicy":{}}}""", "spec.cleanPodPolicy")]
    [InlineData("""{"spec":{"cleanPodPolicy":[]}}""", "spec.cleanPodPolicy")]
    [InlineData("""{"spec":{"activeDeadlineSeconds":0}}""", "spec.activeDeadlineSeconds")]
    [InlineData("""{"spec":{"activeDeadlineSeconds":1.5}}""", "spec.activeDeadlineSeconds")]
    [InlineData("""{"spec":{"ttlSecondsAfterFinished":2147483648}}""", "spec.ttlSecondsAfterFinished")]
    [InlineData("""{"metadata":{"labels":{"bad key!":"v"}}}""", "metadata.labels")]
    public async Task Refuses_a_value_outside_its_range_with_its_field(string patch, string field)
    {
        string name = "range-" + Guid.NewGuid().ToString("N")[..8];
        await Admin.Create(name);

        JsonNode status = await (await Admin.Patch(Sample.Job(name), patch)).Manifest(422);

        Assert.Equal("Invalid", (string)status["reason"]!);
        Assert.Contains(status["details"]!["causes"]!.AsArray(), cause => (string)cause!["field"]! == field);
        Assert.Equal(1, await served.Events(name));
    }

    [Fact]
    public async Task Takes_the_resourceVersion_in_the_body_for_a_lock()
    {
        JsonNode created = await Admin.Create("locked");
        JsonNode patched = await (await Admin.Patch(Sample.Job("locked"), Lock(created.Revision(), "1"))).Manifest();

        JsonNode status = await (await Admin.Patch(Sample.Job("locked"), Lock(created.Revision(), "2"))).Manifest(409);

        Assert.Equal("Conflict", (string)status["reason"]!);
        Assert.Equal(
            "Operation cannot be fulfilled on pytorchjobs.kubeflow.org \"locked\": the object has been modified; please apply your changes to the latest version and try again",
            (string)status["message"]!);
        Assert.Equal(patched.ToJsonString(), (await Admin.Get(Sample.Job("locked"))).ToJsonString());

        static string Lock(string revision, string value) =>
            $"{{\"metadata\":{{\"resourceVersion\":\"{revision}\",\"labels\":{{\"x\":\"{value}\"}}}}}}";
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"metadata":{"labels":{"app":"test"}}}""")]
    [InlineData("""{"metadata":{"labels":{"absent":null},"annotations":{}}}""")]
    [InlineData("""{"status":{"startTime":"2019-07-24T10:36:26Z"},"metadata":{"generation":77}}""")]
    [InlineData("""{"spec":{"cleanPodPolicy":null,"pytorchReplicaSpecs":{"Master":{"template":{"metadata":{"creationTimestamp":null}}}}}}""")]
    public async Task Stores_nothing_for_a_patch_that_changes_nothing(string patch)
    {
        string name = "same-" + Guid.NewGuid().ToString("N")[..8];
        JsonNode created = await Admin.Create(name);

        JsonNode answered = await (await Admin.Patch(Sample.Job(name), patch)).Manifest();

        Assert.Equal(created.ToJsonString(), answered.ToJsonString());
        Assert.Equal(1, await served.Events(name));
    }

    [Fact]
    public async Task Keeps_every_number_as_it_was_written_in_reply_row_and_history()
    {
        const string numbers = """,{"a":1.10,"b":9007199254740993,"c":1e2,"d":-0,"e":0.00000000000000000000001}""";
        string manifest = Sample.Manifest("numbers", spec: ",\"runPolicy\":" + numbers[1..]);
        using HttpResponseMessage create = await Admin.PostAsync(Sample.Jobs(), Sample.Body(manifest));
        string reply = await create.Content.ReadAsStringAsync();
        const string kept = """{"a":1.10,"b":9007199254740993,"c":100,"d":0,"e":0.00000000000000000000001}""";

        Assert.Contains(kept, reply, StringComparison.Ordinal);
        Assert.Equal(reply, await Admin.GetStringAsync(Sample.Job("numbers")));
        Assert.Equal(
            reply, await served.Database.Ask<string>("SELECT data ->> 'text' FROM eventstore.mt_doc_current_job WHERE name = 'numbers'"));
        Assert.Equal(
            JsonDocument.Parse(kept).RootElement.EnumerateObject().Select(member => member.Value.GetRawText()),
            JsonDocument.Parse(await served.Database.Ask<string>(
                "SELECT e.data #>> '{manifest,spec,runPolicy}' FROM eventstore.mt_events e JOIN eventstore.mt_doc_current_job j ON j.id = e.stream_id WHERE j.name = 'numbers'"))
                .RootElement.EnumerateObject().Select(member => member.Value.GetRawText()));
    }

    [Fact]
    public async Task Answers_a_dry_run_with_what_would_be_and_stores_nothing()
    {
        JsonNode created = await Admin.Create("dry");

        JsonNode answered = await (await Admin.Patch(Sample.Job("dry") + "?dryRun=All", """{"spec":{"cleanPodPolicy":"All"}}"""))
            .Manifest();

        Assert.Equal(
            ("All", 2, created.Revision()),
            ((string)answered["spec"]!["cleanPodPolicy"]!, (int)answered["metadata"]!["generation"]!, answered.Revision()));
        Assert.Equal(created.ToJsonString(), (await Admin.Get(Sample.Job("dry"))).ToJsonString());
    }
}
