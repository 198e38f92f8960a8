using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Audit;

/// <summary>One revision by its name, and in the forms revisions come in.</summary>
public sealed class One_revision(ServedDatabase served) : IClassFixture<ServedDatabase>
{
    private const string Table = "application/json;as=Table;v=v1;g=meta.k8s.io";

    private readonly string space = $"ns-{Guid.NewGuid():N}"[..12];

    private HttpClient Admin => served.Server.Admin;

    [Fact]
    public async Task Holds_the_whole_job_after_it()
    {
        JsonNode created = await Admin.Create("mnist", space);
        JsonNode patched = await (await Admin.Patch(Sample.Job("mnist", space), """{"spec":{"cleanPodPolicy":"All"}}""")).Manifest();
        await (await Admin.Patch(Sample.Job("mnist", space), """{"spec":{"cleanPodPolicy":null}}""")).Manifest();

        JsonNode revision = await Admin.Get(Revisions($"/mnist.{patched.Revision()}"));

        Assert.Equal(patched.ToJsonString(), revision["object"]!.ToJsonString());
        Assert.Equal(created.ToJsonString(), (await Admin.Get(Revisions($"/mnist.{created.Revision()}")))["object"]!.ToJsonString());
        Assert.Equal(
            ("PyTorchJobRevision", "Patched", "mnist"), ((string)revision["kind"]!, (string)revision["verb"]!, (string)revision["job"]!));
        Assert.Equal(patched.Revision(), revision.Revision());
        // The list has the same, without the job.
        JsonNode listed = (await Admin.Get(Revisions("?fieldSelector=metadata.name%3Dmnist." + patched.Revision())))["items"]![0]!;
        revision.AsObject().Remove("object");
        Assert.Equal(revision.ToJsonString(), listed.ToJsonString());
    }

    [Fact]
    public async Task Of_a_deletion_holds_the_job_as_it_was_last_seen()
    {
        JsonNode created = await Admin.Create("gone", space);
        await (await Admin.DeleteAsync(Sample.Job("gone", space))).Manifest();
        JsonNode deletion = (await Admin.Get(Revisions("?labelSelector=job%3Dgone,verb%3DDeleted")))["items"]![0]!;

        JsonNode last = (await Admin.Get(Revisions($"/{(string)deletion["metadata"]!["name"]!}")))["object"]!;

        Assert.Equal(deletion.Revision(), last.Revision());
        last["metadata"]!["resourceVersion"] = created.Revision();
        Assert.Equal(created.ToJsonString(), last.ToJsonString());
    }

    [Fact]
    public async Task That_is_not_there_is_said_in_upstreams_words()
    {
        string revision = (await Admin.Create("mnist", space)).Revision();
        await Admin.Create("mnist", space + "-2");
        foreach (string name in (string[])[$"other.{revision}", $"mnist.{revision}0", "mnist", $"mnist.0{revision}", "mnist.-1",
            $".{revision}", "mnist.", "mnist.99999999999999999999"])
        {
            using HttpResponseMessage answer = await Admin.GetAsync(Revisions("/" + name));
            JsonNode status = await answer.Manifest(404);
            Assert.Equal($"pytorchjobrevisions.audit.eventstore.io \"{name}\" not found", (string)status["message"]!);
            Assert.Equal(
                ("NotFound", name, "pytorchjobrevisions"),
                ((string)status["reason"]!, (string)status["details"]!["name"]!, (string)status["details"]!["kind"]!));
        }

        await (await Admin.GetAsync($"/apis/audit.eventstore.io/v1/namespaces/{space}-2/pytorchjobrevisions/mnist.{revision}"))
            .Manifest(404);
        await Admin.Get(Revisions($"/mnist.{revision}?resourceVersion={revision}&resourceVersionMatch=Exact"));
        await (await Admin.GetAsync(Revisions($"/mnist.{revision}?resourceVersion=1&resourceVersionMatch=Exact"))).Manifest(404);
        await (await Admin.GetAsync(Revisions($"/mnist.{revision}?resourceVersion=x"))).Manifest(400);
        await (await Admin.GetAsync(Revisions($"/mnist.{revision}?resourceVersion=99999999"))).Manifest(504);
    }

    [Fact]
    public async Task Is_a_row_of_a_table_with_who_did_what_to_which_fields()
    {
        await Admin.Create("mnist", space);
        string labels = string.Join(',', Enumerable.Range(0, 20).Select(i => $"\"label-{i:D2}\":\"x\""));
        foreach (string patch in (string[])[
            """{"metadata":{"labels":{"example.com/team":"ml"},"annotations":{"note":"x"}},"spec":{"cleanPodPolicy":"All"}}""",
            "{\"metadata\":{\"labels\":{" + labels + "}}}",
            "{\"metadata\":{\"annotations\":{\"" + new string('a', 60) + "\":\"x\"}}}",
            ])
        {
            await (await Admin.Patch(Sample.Job("mnist", space), patch)).Manifest();
        }

        JsonNode table = await Get(Revisions(""), Table);

        Assert.Equal(
            [("Name", 0), ("Verb", 0), ("User", 0), ("Changed", 0), ("Age", 0), ("Time", 1), ("Source", 1), ("User Agent", 1),
                ("Impersonated By", 1), ("Reason", 1)],
            table["columnDefinitions"]!.AsArray().Select(column => ((string)column!["name"]!, (int)column["priority"]!)));
        Assert.Equal(
            [
                $"annotations.{new string('a', 45)}...",
                "labels['label-00'],labels['label-01'],labels['label-02'] +17",
                "annotations.note,labels['example.com/team'],cleanPodPolicy",
                "",
            ],
            table["rows"]!.AsArray().Select(row => (string)row!["cells"]![3]!));
        Assert.All(table["rows"]!.AsArray(), row => Assert.Equal("PartialObjectMetadata", (string)row!["object"]!["kind"]!));
        JsonArray cells = table["rows"]![3]!["cells"]!.AsArray();
        Assert.Equal(("Created", "admin", "127.0.0.1"), ((string)cells[1]!, (string)cells[2]!, (string)cells[6]!));
        Assert.Matches("^[0-9]+(s|m|m[0-9]+s)$", (string)cells[4]!);
        JsonNode one = await Get(Revisions($"/{(string)cells[0]!}?includeObject=Object"), Table);
        Assert.Equal("PyTorchJob", (string)one["rows"]![0]!["object"]!["object"]!["kind"]!);
    }

    [Fact]
    public async Task Is_a_row_with_the_whole_of_it_however_deep_that_is()
    {
        await Admin.Create("deep", space);
        string value = new string('[', 98) + new string(']', 98);
        using HttpResponseMessage patched = await Admin.Patch(Sample.Job("deep", space) + "/status", $$$"""{"status":{"a":{{{value}}}}}""");
        using HttpResponseMessage list = await Send(Revisions("?includeObject=Object"), Table);
        string text = await list.Content.ReadAsStringAsync(); // deeper than this test's own parser goes
        Assert.Equal((200, 200), ((int)patched.StatusCode, (int)list.StatusCode));
        Assert.Contains(value, text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Is_metadata_alone_for_who_wants_no_more()
    {
        await Admin.Create("mnist", space);
        JsonNode list = await Get(Revisions(""), "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io");
        Assert.Equal(("PartialObjectMetadataList", "PartialObjectMetadata"), ((string)list["kind"]!, (string)list["items"]![0]!["kind"]!));
        string name = (string)list["items"]![0]!["metadata"]!["name"]!;
        JsonNode one = await Get(Revisions($"/{name}"), "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io");
        Assert.Equal(list["items"]![0]!.ToJsonString(), one.ToJsonString());
        using HttpResponseMessage wrong = await Send(Revisions("?includeObject=X"), Table);
        await wrong.Manifest(400);
        using HttpResponseMessage plain = await Send(Revisions(""), "text/plain");
        await plain.Manifest(406);
    }

    private string Revisions(string rest) => $"/apis/audit.eventstore.io/v1/namespaces/{space}/pytorchjobrevisions{rest}";

    private async Task<JsonNode> Get(string path, string accept)
    {
        using HttpResponseMessage answer = await Send(path, accept);
        return await answer.Manifest();
    }

    private async Task<HttpResponseMessage> Send(string path, string accept)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Accept.Add(MediaTypeWithQualityHeaderValue.Parse(accept));
        return await Admin.SendAsync(request);
    }
}
