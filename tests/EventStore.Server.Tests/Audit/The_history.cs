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

        Assert.Equal(
            ["Created", "Deleted", "Patched", "Patched", "Patched", "Created"], revisions.Select(revision => (string)revision["verb"]!));
        Assert.Equal(2, revisions.Select(revision => (string)revision["uid"]!).Distinct().Count());
        Assert.Equal("""[{"after":"All","path":"spec.cleanPodPolicy"}]""", revisions[3]["changes"]!.ToJsonString());
        Assert.Equal("""[{"before":"All","path":"spec.cleanPodPolicy"}]""", revisions[2]["changes"]!.ToJsonString());
        Assert.Equal(
            """[{"before":"test","path":"metadata.labels.app"},{"after":"ml","path":"metadata.labels.team"}]""",
            revisions[4]["changes"]!.ToJsonString());
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
    }

    [Theory]
    [InlineData("labelSelector=color%3Dred", 400, "label selector not supported here: color=red; revisions have the labels job, uid and verb, and no others")]
    [InlineData("labelSelector=!team", 400, "label selector not supported here: !team; revisions have the labels job, uid and verb, and no others")]
    [InlineData("labelSelector=job%3E5", 400, "label selector not supported here: job>5; no label of a revision is a number")]
    [InlineData("labelSelector=uid%3Dnone", 400, "label selector not supported here: uid=none; a uid is written as 01a20a53-f2d8-7112-a5fa-392aae952a7a")]
    [InlineData("labelSelector=verb%3Dpatched", 400, "label selector not supported here: verb=patched; a verb is one of Created, Restored, Patched, Replaced, Applied")]
    [InlineData("labelSelector=verb+notin+(Patched,Read)", 400, "label selector not supported here: verb notin (Patched,Read); a verb is one of Created")]
    [InlineData("labelSelector=job+in", 400, "unable to parse requirement: found '' expected: '('")]
    [InlineData("fieldSelector=spec.cleanPodPolicy%3DAll", 400, "field label not supported: spec.cleanPodPolicy")]
    [InlineData("fieldSelector=verb%3DRead", 400, "field selector not supported here: verb=Read; a verb is one of Created")]
    [InlineData("fieldSelector=path%3Dspec", 400, "field selector not supported here: path=spec; a path is that of a field as changes name it")]
    [InlineData("fieldSelector=user%3Da%00", 400, "field selector not supported here: user=a\0; no value has U+0000 in it")]
    [InlineData("fieldSelector=user%3Da%5Cq", 400, "invalid field selector: invalid escape sequence: \\q")]
    [InlineData("since=yesterday", 400, "since: Invalid value: \"yesterday\": must be a time of RFC 3339, such as 2026-11-23T07:58:24Z")]
    [InlineData("until=2026-02-30T00:00:00Z", 400, "until: Invalid value: \"2026-02-30T00:00:00Z\": must be a time of RFC 3339")]
    [InlineData("since=2026-11-23T07:58:24", 400, "since: Invalid value: \"2026-11-23T07:58:24\": must be a time of RFC 3339")]
    [InlineData("since=2026-01-02T00:00:00Z&until=2026-01-02T01:00:00%2B01:00", 400, "since must be before until: 2026-01-02T00:00:00Z is not before 2026-01-02T01:00:00+01:00")]
    [InlineData("order=up", 400, "order: Unsupported value: \"up\": supported values: \"newest\", \"oldest\"")]
    [InlineData("watch=true&since=2026-01-01T00:00:00Z", 400, "since is for lists: a watch begins at a revision")]
    [InlineData("watch=true&order=oldest", 400, "order is for lists: a watch begins at a revision")]
    [InlineData("limit=x", 400, "strconv.ParseInt")]
    [InlineData("continue=x", 400, "invalid continue token: continue key is not valid")]
    [InlineData("resourceVersion=abc", 400, "invalid resource version: ")]
    [InlineData("resourceVersionMatch=Exact", 422, "resourceVersionMatch is forbidden unless resourceVersion is provided", true)]
    [InlineData("resourceVersion=999999999", 504, "Timeout: Too large resource version: 999999999, current: ")]
    public async Task Says_what_it_cannot_be_asked(string query, int code, string message, bool within = false)
    {
        foreach (string path in (string[])[History(query), $"/apis/audit.eventstore.io/v1/pytorchjobrevisions?{query}"])
        {
            string said = (string)(await (await Admin.GetAsync(path)).Manifest(code))["message"]!;
            Assert.Contains(message, said, StringComparison.Ordinal);
            Assert.True(within || said.StartsWith(message, StringComparison.Ordinal), said);
        }
    }

    [Theory]
    [InlineData("POST", "", "create")]
    [InlineData("DELETE", "", "deletecollection")]
    [InlineData("PUT", "/mnist.2", "update")]
    [InlineData("PATCH", "/mnist.2", "patch")]
    [InlineData("DELETE", "/mnist.2", "delete")]
    public async Task Can_be_read_and_nothing_else(string method, string name, string verb)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), History("").TrimEnd('?') + name) { Content = Sample.Body("{}") };
        JsonNode status = await (await Admin.SendAsync(request)).Manifest(405);
        Assert.Equal(
            $"{verb} is not supported on resources of kind \"pytorchjobrevisions.audit.eventstore.io\"", (string)status["message"]!);
    }

    [Theory]
    [InlineData("/apis/audit.eventstore.io/v1/pytorchjobrevisions", "list", "at the cluster scope")]
    [InlineData("/apis/audit.eventstore.io/v1/pytorchjobrevisions?watch=1", "watch", "at the cluster scope")]
    [InlineData("/apis/audit.eventstore.io/v1/namespaces/kube-test/pytorchjobrevisions", "list", "in the namespace \"kube-test\"")]
    [InlineData("/apis/audit.eventstore.io/v1/namespaces/kube-test/pytorchjobrevisions?watch=1", "watch", "in the namespace \"kube-test\"")]
    [InlineData("/apis/audit.eventstore.io/v1/namespaces/kube-test/pytorchjobrevisions/mnist.2", "get", "in the namespace \"kube-test\"")]
    public async Task Is_for_those_who_have_the_right(string path, string verb, string where)
    {
        JsonNode status = await (await served.Server.Client(ServerProcess.AliceToken).GetAsync(path)).Manifest(403);
        Assert.EndsWith(
            $"User \"alice\" cannot {verb} resource \"pytorchjobrevisions\" in API group \"audit.eventstore.io\" {where}",
            (string)status["message"]!, StringComparison.Ordinal);
        await (await served.Server.Client("nobody's").GetAsync(path)).Manifest(401);
    }

    [Fact]
    public async Task Is_told_as_of_an_earlier_revision_and_of_its_own_namespace_only()
    {
        JsonNode first = await Admin.Create("earlier");
        await (await Admin.Patch(Sample.Job("earlier"), """{"metadata":{"labels":{"n":"1"}}}""")).Manifest();

        JsonNode then = await Admin.Get(
            History($"labelSelector=job=earlier&resourceVersion={first.Revision()}&resourceVersionMatch=Exact"));
        Assert.Equal((first.Revision(), 1), ((string)then["metadata"]!["resourceVersion"]!, then["items"]!.AsArray().Count));
        Assert.Equal(
            2,
            (await Admin.Get(History("labelSelector=job=earlier&fieldSelector=metadata.namespace%3Dkube-test")))["items"]!.AsArray().Count);
        Assert.Empty(
            (await Admin.Get(History("labelSelector=job=earlier&fieldSelector=metadata.namespace!%3Dkube-test")))["items"]!.AsArray());
    }

    [Fact]
    public async Task Is_not_continued_by_a_token_of_another_list()
    {
        await Admin.Create("token-a", "tokens");
        await Admin.Create("token-b", "tokens");
        string other = (string)(await Admin.Get(Sample.Jobs("tokens") + "?limit=1"))["metadata"]!["continue"]!;
        JsonNode status = await (await Admin.GetAsync(History($"continue={other}"))).Manifest(400);
        Assert.Equal("invalid continue token: continue key is not valid: tokens/token-a", (string)status["message"]!);

        string own = (string)(await Admin.Get(History("limit=1&labelSelector=verb%3DCreated", "tokens")))["metadata"]!["continue"]!;
        Assert.Single((await Admin.Get(History($"labelSelector=verb%3DCreated&continue={own}", "tokens")))["items"]!.AsArray());
        foreach (string query in (string[])["", "labelSelector=verb%3DPatched", "labelSelector=verb%3DCreated&order=oldest",
            "labelSelector=verb%3DCreated&since=2020-01-01T00:00:00Z"])
        {
            status = await (await Admin.GetAsync(History($"{query}&continue={own}", "tokens"))).Manifest(400);
            Assert.Equal(
                "invalid continue token: it was given for a list with another namespace, selector, time or order",
                (string)status["message"]!);
        }

        await (await Admin.GetAsync(History($"labelSelector=verb%3DCreated&continue={own}"))).Manifest(400);
    }

    private static string History(string query, string @namespace = "kube-test") =>
        $"/apis/audit.eventstore.io/v1/namespaces/{@namespace}/pytorchjobrevisions?{query}";
}
