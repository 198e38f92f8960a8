using System.Net;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Jobs;

/// <summary>Who set each value of a job last, on the wire.</summary>
public sealed class Blame_of_values(ServedDatabase served) : IClassFixture<ServedDatabase>
{
    private HttpClient Admin => served.Server.Admin;

    [Fact]
    public async Task Name_for_each_value_the_change_that_set_it_and_for_each_removed_one_the_change_that_took_it_away()
    {
        JsonNode created = await Admin.Create("blamed");
        string set = (await (await Admin.Patch(
            Sample.Job("blamed"), """{"metadata":{"labels":{"app":"other","team":"ml"}},"spec":{"cleanPodPolicy":"All"}}""")).Manifest())
            .Revision();
        string removed = (await (await Admin.Patch(Sample.Job("blamed"), """{"metadata":{"labels":{"team":null}}}""")).Manifest())
            .Revision();

        JsonNode blame = await Admin.Get(Sample.Job("blamed") + "/blame");
        Assert.Equal(("audit.eventstore.io/v1", "PyTorchJobBlame"), ((string)blame["apiVersion"]!, (string)blame["kind"]!));
        Assert.Equal(
            $$"""{"name":"blamed","namespace":"kube-test","resourceVersion":"{{removed}}","uid":"{{(string)created["metadata"]!["uid"]!}}"}""",
            blame["metadata"]!.ToJsonString());
        Assert.Equal(("other", set, "admin", "Patched"), Leaf(blame, "metadata.labels.app"));
        Assert.Equal(("All", set, "admin", "Patched"), Leaf(blame, "spec.cleanPodPolicy"));
        Assert.Equal(("2", set, "admin", "Patched"), Leaf(blame, "metadata.generation"));
        Assert.Equal(("blamed", created.Revision(), "admin", "Created"), Leaf(blame, "metadata.name"));
        Assert.Equal(
            (removed, "Patched"), ($"{blame["removed"]!.AsArray().Single()!["revision"]}", (string)blame["removed"]![0]!["verb"]!));
        Assert.Equal("metadata.labels.team", (string)blame["removed"]![0]!["path"]!);

        // As it was, by revision.
        JsonNode past = await Admin.Get($"{Sample.Job("blamed")}/blame?resourceVersion={created.Revision()}&resourceVersionMatch=Exact");
        Assert.Equal(("test", created.Revision(), "admin", "Created"), Leaf(past, "metadata.labels.app"));
        Assert.Empty(past["removed"]!.AsArray());
        string time = (string)blame["removed"]![0]!["time"]!;
        Assert.Equal(blame.ToJsonString(), (await Admin.Get($"{Sample.Job("blamed")}/blame?asOf={time}")).ToJsonString());
    }

    [Fact]
    public async Task Of_a_deleted_job_are_had_by_its_uid()
    {
        string uid = (string)(await Admin.Create("gone"))["metadata"]!["uid"]!;
        await (await Admin.DeleteAsync(Sample.Job("gone"))).Manifest();
        Assert.Equal(404, (int)(await Admin.GetAsync(Sample.Job("gone") + "/blame")).StatusCode);
        JsonNode blame = await Admin.Get($"{Sample.Job("gone")}/blame?uid={uid}");
        Assert.True((bool)blame["deleted"]!);
        Assert.Equal("Created", Leaf(blame, "metadata.labels.app").Verb);
        Assert.Equal(404, (int)(await Admin.GetAsync($"{Sample.Job("other")}/blame?uid={uid}")).StatusCode);
        Assert.Equal(404, (int)(await Admin.GetAsync($"{Sample.Job("gone")}/blame?uid={Guid.NewGuid()}")).StatusCode);
        Assert.Contains(
            "invalid uid", (string)(await (await Admin.GetAsync($"{Sample.Job("gone")}/blame?uid=x")).Manifest(400))["message"]!,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Come_as_a_table_with_a_row_for_each_value()
    {
        await Admin.Create("table");
        await (await Admin.Patch(Sample.Job("table"),
            "{\"metadata\":{\"labels\":{\"app\":null},\"annotations\":{\"a\":\"" + new string('x', 100) + "\"}}}")).Manifest();
        using var request = new HttpRequestMessage(HttpMethod.Get, Sample.Job("table") + "/blame");
        request.Headers.Accept.Add(MediaTypeWithQualityHeaderValue.Parse("application/json;as=Table;g=meta.k8s.io;v=v1"));
        using HttpResponseMessage answer = await Admin.SendAsync(request);
        JsonNode table = await answer.Manifest();
        Assert.Equal("Table", (string)table["kind"]!);
        Assert.Equal(
            ["Path", "Value", "User", "Verb", "Revision", "Age", "Time", "Reason"],
            table["columnDefinitions"]!.AsArray().Select(column => (string)column!["name"]!));
        JsonNode[] rows = [.. table["rows"]!.AsArray().Select(row => row!["cells"]!)];
        Assert.Contains(rows, row => (string)row[0]! == "metadata.annotations.a" && (string)row[1]! == new string('x', 59) + "…");
        Assert.Contains(rows, row => (string)row[0]! == "metadata.labels.app" && (string)row[1]! == "<removed>");
        Assert.DoesNotContain(rows, row => row.AsArray().Count != 8);
    }

    [Fact]
    public async Task Say_which_values_no_recorded_path_tells_of()
    {
        JsonNode job = await Admin.Create("wide");
        job["status"] = new JsonObject(Enumerable.Range(0, 1200).Select(i => KeyValuePair.Create($"n{i:0000}", (JsonNode?)i)));
        string wide = (await (await Admin.PutAsync(Sample.Job("wide") + "/status", Sample.Body(job.ToJsonString()))).Manifest()).Revision();
        JsonNode blame = await Admin.Get(Sample.Job("wide") + "/blame");
        Assert.Equal(("1199", wide, "admin", "StatusUpdated"), Leaf(blame, "status.n1199"));
        Assert.DoesNotContain(blame["leaves"]!.AsArray(), leaf => leaf!["revision"] is null);
    }

    [Fact]
    public async Task Need_the_right_to_them_and_take_no_other_method()
    {
        using HttpResponseMessage post = await Admin.PostAsync(Sample.Job("any") + "/blame", Sample.Body("{}"));
        Assert.Equal(HttpStatusCode.MethodNotAllowed, post.StatusCode);
        using var alice = new HttpRequestMessage(HttpMethod.Get, new Uri(served.Server.Url, Sample.Job("any") + "/blame"));
        alice.Headers.Authorization = new("Bearer", ServerProcess.AliceToken);
        using var client = new HttpClient();
        using HttpResponseMessage refused = await client.SendAsync(alice);
        Assert.Contains(
            "cannot get resource \"pytorchjobs/blame\"", (string)(await refused.Manifest(403))["message"]!, StringComparison.Ordinal);
    }

    private static (string Value, string Revision, string User, string Verb) Leaf(JsonNode blame, string path)
    {
        JsonNode leaf = blame["leaves"]!.AsArray().Single(leaf => (string)leaf!["path"]! == path)!;
        return ($"{leaf["value"]}", $"{leaf["revision"]}", (string)leaf["user"]!, (string)leaf["verb"]!);
    }
}
