using System.Text.Json.Nodes;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Jobs;

/// <summary>Many jobs taken back at once.</summary>
public sealed class Rollbacks_of_many(ServedDatabase served) : IClassFixture<ServedDatabase>
{
    private HttpClient Admin => served.Server.Admin;

    [Fact]
    public async Task Take_the_selected_jobs_back_in_one_transaction()
    {
        await Given("selected", ["a", "b", "c"]);
        string then = await Head();
        foreach (string name in (string[])["a", "b"])
            await Patch("selected", name, """{"metadata":{"labels":{"team":"ml"}},"spec":{"cleanPodPolicy":"All"}}""");
        await Patch("selected", "c", """{"spec":{"cleanPodPolicy":"All"}}""");
        string before = await Head();

        JsonNode tried = await RollBack("selected", $$"""{"revision":"{{then}}"}""", "?labelSelector=team%3Dml&dryRun=All");
        Assert.Equal(["a", "b"], Names(tried, "items"));
        Assert.Equal(before, await Head());

        JsonNode done = await RollBack("selected", $$"""{"revision":{{then}},"reason":"all of them"}""", "?labelSelector=team%3Dml");
        Assert.Equal([("a", "RolledBack"), ("b", "RolledBack")], Actions(done));
        Assert.Equal(1, await served.Database.Ask<long>(
            $"SELECT count(DISTINCT timestamp) FROM eventstore.mt_events WHERE seq_id > {before} AND type = 'job_rolled_back'"));
        Assert.Equal(2, await served.Database.Ask<long>(
            $"SELECT count(*) FROM eventstore.revision WHERE revision > {before} AND reason = 'all of them'"));
        Assert.Null((await Admin.Get(Sample.Job("a", "selected")))["spec"]!["cleanPodPolicy"]);
        Assert.Equal("All", (string)(await Admin.Get(Sample.Job("c", "selected")))["spec"]!["cleanPodPolicy"]!);

        JsonNode again = await RollBack("selected", $$"""{"revision":{{then}}}""");
        Assert.Equal([("c", "RolledBack")], Actions(again));
        Assert.Equal(2, (int)again["unchanged"]!);
    }

    [Fact]
    public async Task Of_nothing_change_nothing()
    {
        await Given("kept-only", ["since"]);
        foreach ((string @namespace, int kept) in ((string, int)[])[("nobody", 0), ("kept-only", 1)])
        {
            JsonNode done = await RollBack(@namespace, """{"revision":1}""");
            Assert.Empty(Names(done, "items"));
            Assert.Equal((kept, 0), ((int)done["kept"]!, (int)done["unchanged"]!));
        }
    }

    [Fact]
    public async Task Make_a_namespace_what_it_was()
    {
        await Given("tuesday", ["changed", "deleted", "again", "same"]);
        JsonNode[] then = await Jobs("tuesday");
        string moment = await served.Database.Ask<string>(
            """SELECT to_char(max(timestamp) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') FROM eventstore.mt_events""");
        await Eventually.Holds(() => served.Database.Ask<bool>($"SELECT clock_timestamp() > '{moment}'")); // what follows is later
        await Patch("tuesday", "changed", """{"spec":{"cleanPodPolicy":"All"}}""");
        foreach (string name in (string[])["deleted", "again"])
            await (await Admin.DeleteAsync(Sample.Job(name, "tuesday"))).Manifest();
        await Given("tuesday", ["again", "new"]);

        JsonNode plain = await RollBack("tuesday", $$"""{"asOf":"{{moment}}"}""", "?dryRun=All");
        Assert.Equal([("changed", "RolledBack")], Actions(plain));
        Assert.Equal((2, 1), ((int)plain["kept"]!, (int)plain["unchanged"]!));

        JsonNode done = await RollBack("tuesday", $$"""{"asOf":"{{moment}}","deleted":"restore","created":"delete"}""");
        Assert.Equal(
            [("again", "Deleted"), ("again", "Restored"), ("changed", "RolledBack"), ("deleted", "Restored"), ("new", "Deleted")],
            Actions(done).Order());
        JsonNode[] now = await Jobs("tuesday");
        Assert.Equal(then.Select(Shown), now.Select(Shown));
        JsonNode kept = await RollBack("tuesday", $$"""{"asOf":"{{moment}}","created":"keep"}""");
        Assert.Empty(Actions(kept));

        static string Shown(JsonNode job) => $"{job["metadata"]!["name"]} {job["metadata"]!["labels"]} {job["spec"]!.ToJsonString()}";
    }

    [Fact]
    public async Task Change_nothing_when_one_cannot_go_back_and_name_it()
    {
        await Given("stuck", ["a", "b"]);
        string then = await Head();
        await Patch("stuck", "a", """{"spec":{"cleanPodPolicy":"All"}}""");
        await (await Admin.DeleteAsync(Sample.Job("b", "stuck"))).Manifest();
        await Given("stuck", ["b"]);
        string before = await Head();

        JsonNode tried = await RollBack("stuck", $$"""{"revision":{{then}},"deleted":"restore"}""", "?dryRun=All");
        Assert.Equal(["a"], Names(tried, "items"));
        Assert.Equal(["b"], Names(tried, "refused"));
        using HttpResponseMessage refused = await Post("stuck", $$"""{"revision":{{then}},"deleted":"restore"}""");
        JsonNode status = await refused.Manifest(422);
        Assert.Equal(
            "nothing was changed: 1 of the jobs cannot go back: b: pytorchjobs.kubeflow.org \"b\" already exists",
            (string)status["message"]!);
        Assert.Equal("b", (string)status["details"]!["causes"]![0]!["field"]!);
        Assert.Equal(before, await Head());
    }

    [Fact]
    public async Task Go_on_in_pieces()
    {
        await Given("pieces", ["a", "b", "c"]);
        string then = await Head();
        foreach (string name in (string[])["a", "b", "c"])
            await Patch("pieces", name, """{"spec":{"cleanPodPolicy":"All"}}""");
        JsonNode first = await RollBack("pieces", $$"""{"revision":{{then}}}""", "?limit=2");
        Assert.Equal(["a", "b"], Names(first, "items"));
        Assert.Equal("b", (string)first["after"]!);
        JsonNode second = await RollBack("pieces", $$"""{"revision":{{then}},"after":"b"}""", "?limit=2");
        Assert.Equal(["c"], Names(second, "items"));
        Assert.Null(second["after"]);
    }

    [Theory]
    [InlineData("{}", 422, "revision: Required value: or asOf")]
    [InlineData("""{"revision":1,"asOf":"2026-01-01T00:00:00Z"}""", 422, "one of the two")]
    [InlineData("""{"revision":1,"created":"burn"}""", 422, "supported values: \"keep\", \"delete\"")]
    [InlineData("""{"revision":1,"after":5}""", 400, "cannot unmarshal number into Go struct field")]
    [InlineData("""{"asOf":"yesterday"}""", 400, "invalid asOf")]
    [InlineData("""{"revision":99999999}""", 504, "Too large resource version")]
    public async Task That_cannot_be_asked_for_are_refused(string body, int code, string why)
    {
        using HttpResponseMessage answer = await Post("any", body);
        Assert.Contains(why, (string)(await answer.Manifest(code))["message"]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Leave_a_job_of_that_name_alone()
    {
        await Given("named", ["rollback"]);
        Assert.Equal("rollback", (string)(await Admin.Get(Sample.Job("rollback", "named")))["metadata"]!["name"]!);
        await Patch("named", "rollback", """{"spec":{"cleanPodPolicy":"All"}}""");
        await (await Admin.DeleteAsync(Sample.Job("rollback", "named"))).Manifest();
    }

    private async Task Given(string @namespace, IEnumerable<string> names)
    {
        foreach (string name in names)
            await Admin.Create(name, @namespace);
    }

    private async Task Patch(string @namespace, string name, string patch) =>
        await (await Admin.Patch(Sample.Job(name, @namespace), patch)).Manifest();

    private async Task<JsonNode[]> Jobs(string @namespace) =>
        [.. (await Admin.Get(Sample.Jobs(@namespace)))["items"]!.AsArray().Select(job => job!)];

    private Task<string> Head() => served.Database.Ask<string>("SELECT revision::text FROM eventstore.head");

    private Task<HttpResponseMessage> Post(string @namespace, string body, string query = "") =>
        Admin.PostAsync(Sample.Jobs(@namespace) + "/rollback" + query, Sample.Body(body));

    private async Task<JsonNode> RollBack(string @namespace, string body, string query = "")
    {
        using HttpResponseMessage answer = await Post(@namespace, body, query);
        return await answer.Manifest();
    }

    private static IEnumerable<string> Names(JsonNode answer, string list) =>
        answer[list]!.AsArray().Select(item => (string)item!["name"]!);

    private static (string Name, string Action)[] Actions(JsonNode answer) =>
        [.. answer["items"]!.AsArray().Select(item => ((string)item!["name"]!, (string)item["action"]!))];
}
