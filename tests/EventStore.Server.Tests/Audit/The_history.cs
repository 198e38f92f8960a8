using System.Text.Json.Nodes;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Audit;

/// <summary>Who changed what, when, from what to what: of every job, in all its lives.</summary>
public sealed class The_history(ServedDatabase served) : IClassFixture<ServedDatabase>
{
    private HttpClient Admin => served.Server.Admin;

    [Fact]
    public async Task Tells_every_change_of_a_name_the_newest_first_deleted_lives_too()
    {
        await Admin.Create("mnist");
        await (await Admin.Patch(Sample.Job("mnist"), """{"metadata":{"labels":{"team":"ml","app":null}}}""")).Manifest();
        using HttpResponseMessage second = await Admin.Patch(Sample.Job("mnist"), """{"spec":{"cleanPodPolicy":"All"}}""");
        await second.Manifest();
        await (await Admin.Patch(Sample.Job("mnist"), """{"spec":{"cleanPodPolicy":null}}""")).Manifest();
        await (await Admin.DeleteAsync(Sample.Job("mnist"))).Manifest();
        await Admin.Create("mnist");
        await Admin.Create("other");

        JsonNode list = await Admin.Get(History("labelSelector=job=mnist"));
        JsonNode[] revisions = [.. list["items"]!.AsArray().Select(item => item!)];

        Assert.Equal(["Created", "Deleted", "Patched", "Patched", "Patched", "Created"], revisions.Select(revision => (string)revision["verb"]!));
        Assert.Equal(2, revisions.Select(revision => (string)revision["uid"]!).Distinct().Count());
        Assert.Equal("""[{"after":"All","path":"spec.cleanPodPolicy"}]""", revisions[3]["changes"]!.ToJsonString());
        Assert.Equal("""[{"before":"All","path":"spec.cleanPodPolicy"}]""", revisions[2]["changes"]!.ToJsonString());
        Assert.Equal("""[{"before":"test","path":"metadata.labels.app"},{"after":"ml","path":"metadata.labels.team"}]""", revisions[4]["changes"]!.ToJsonString());
        Assert.Equal("""{"metadata":{"labels":{"app":null,"team":"ml"}}}""", revisions[4]["patch"]!.ToJsonString());
        Assert.Equal((string)revisions[4]["metadata"]!["resourceVersion"]!, revisions[3]["previousRevision"]!.ToJsonString());
        Assert.Equal("admin", (string)revisions[3]["user"]!["name"]!);
        Assert.Contains("system:masters", revisions[3]["user"]!["groups"]!.AsArray().Select(group => (string)group!));
        Assert.Equal("127.0.0.1", (string)revisions[3]["sourceAddress"]!);
        Assert.Equal(second.Headers.GetValues("Audit-Id").Single(), (string)revisions[3]["requestId"]!);
        Assert.Matches(@"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{6}Z$", (string)revisions[3]["time"]!);
    }

    [Fact]
    public async Task Comes_in_pages_and_by_verb_and_life()
    {
        JsonNode created = await Admin.Create("paged");
        for (int i = 0; i < 5; i++)
            await (await Admin.Patch(Sample.Job("paged"), $"{{\"metadata\":{{\"labels\":{{\"n\":\"{i}\"}}}}}}")).Manifest();

        var seen = new List<string>();
        string next = string.Empty;
        do
        {
            JsonNode page = await Admin.Get(History($"labelSelector=job=paged&limit=2&continue={next}"));
            Assert.InRange(page["items"]!.AsArray().Count, 1, 2);
            seen.AddRange(page["items"]!.AsArray().Select(item => (string)item!["metadata"]!["name"]!));
            next = (string)page["metadata"]!["continue"]!;
        }
        while (next.Length > 0);
        Assert.Equal(6, seen.Distinct().Count());
        Assert.Equal(seen.OrderByDescending(name => long.Parse(name.Split('.')[1])), seen);

        Assert.Single((await Admin.Get(History("labelSelector=job=paged,verb=Created")))["items"]!.AsArray());
        Assert.Equal(6, (await Admin.Get(History($"labelSelector=uid={created["metadata"]!["uid"]}")))["items"]!.AsArray().Count);
        await (await Admin.GetAsync(History("labelSelector=color=red"))).Manifest(400);
        await (await served.Server.Client(ServerProcess.AliceToken).GetAsync(History("labelSelector=job=paged"))).Manifest(403);
    }

    private static string History(string query) => $"/apis/audit.eventstore.io/v1/namespaces/kube-test/pytorchjobrevisions?{query}";
}
