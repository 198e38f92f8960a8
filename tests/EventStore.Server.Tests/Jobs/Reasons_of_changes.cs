using System.Text;
using System.Text.Json.Nodes;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Jobs;

/// <summary>Why something was done, as whoever did it said.</summary>
[Trait("Category", "Slow")]
public sealed class Reasons_of_changes(ServedDatabase served) : IClassFixture<ServedDatabase>
{
    private const string Revisions = "/apis/audit.eventstore.io/v1/namespaces/kube-test/pytorchjobrevisions";

    private HttpClient Admin => served.Server.Admin;

    [Theory]
    [InlineData("Audit-Reason", "out of quota", "out of quota")]
    [InlineData("Audit-Reason", "Kontingent%20aufgebraucht%3A%20%C3%BC%20%E6%BC%A2", "Kontingent aufgebraucht: ü 漢")]
    [InlineData("Audit-Reason", "100 % sure", "100 % sure")]
    [InlineData("?", "out%20of%20quota%2C%20again", "out of quota, again")]
    public async Task Come_by_header_or_parameter(string way, string sent, string kept)
    {
        string name = $"by{Math.Abs(sent.GetHashCode(StringComparison.Ordinal))}{(way == "?" ? "q" : "h")}";
        await Admin.Create(name);
        using var patch = new HttpRequestMessage(HttpMethod.Patch, Sample.Job(name) + (way == "?" ? $"?reason={sent}" : ""));
        patch.Content = Sample.Body("""{"spec":{"cleanPodPolicy":"All"}}""", "application/merge-patch+json");
        if (way != "?")
            patch.Headers.Add(way, sent);
        using HttpResponseMessage answer = await Admin.SendAsync(patch);
        string revision = (await answer.Manifest()).Revision();
        Assert.Equal(kept, (string)(await Admin.Get($"{Revisions}/{name}.{revision}"))["reason"]!);
        Assert.Equal([$"{name}.{revision}"], Names(
            await Admin.Get($"{Revisions}?fieldSelector={Uri.EscapeDataString("reason=" + Escaped(kept))},job%3D{name}")));
        Assert.Equal(kept, (string)(await Admin.Get(Sample.Job(name) + "/blame"))["leaves"]!.AsArray()
            .Single(leaf => (string)leaf!["path"]! == "spec.cleanPodPolicy")!["reason"]!);
    }

    [Fact]
    public async Task Come_as_an_annotation_that_is_not_stored()
    {
        using HttpResponseMessage created = await Admin.PostAsync(
            Sample.Jobs(), Sample.Body(
                Sample.Manifest("annotated", metadata: ""","annotations":{"eventstore.io/reason":"first","kept":"x"}""")));
        JsonNode job = await created.Manifest(201);
        Assert.Equal("""{"kept":"x"}""", job["metadata"]!["annotations"]!.ToJsonString());
        JsonNode patched = await (await Admin.Patch(
            Sample.Job("annotated"),
            """{"metadata":{"annotations":{"eventstore.io/reason":"second"}},"spec":{"cleanPodPolicy":"All"}}""")).Manifest();
        Assert.Equal("""{"kept":"x"}""", patched["metadata"]!["annotations"]!.ToJsonString());
        Assert.Equal(
            ["second", "first"],
            (await Admin.Get($"{Revisions}?labelSelector=job%3Dannotated"))["items"]!.AsArray().Select(item => (string)item!["reason"]!));
    }

    [Fact]
    public async Task Are_found_and_told_apart_from_those_that_have_none()
    {
        string none = (await Admin.Create("found")).Revision();
        string quick = await Patch("found", "1", "quick fix");
        string other = await Patch("found", "2", "quick fix, really");
        await (await Admin.DeleteAsync(Sample.Job("found") + "?reason=quick%20fix")).Manifest();
        string end = await served.Database.Ask<string>("SELECT revision::text FROM eventstore.head");
        Assert.Equal(
            [$"found.{end}", $"found.{quick}"], Names(await Admin.Get($"{Revisions}?fieldSelector=reason%3Dquick fix,job%3Dfound")));
        Assert.Equal(
            [$"found.{other}", $"found.{none}"], Names(await Admin.Get($"{Revisions}?fieldSelector=reason!%3Dquick fix,job%3Dfound")));
        Assert.Equal([$"found.{end}", $"found.{other}", $"found.{quick}"], Names(
            await Admin.Get($"{Revisions}?fieldSelector=reason!%3D,job%3Dfound")));
        Assert.Contains(
            "no index has", (string)(await (await Admin.GetAsync($"{Revisions}?fieldSelector=reason%3D")).Manifest(400))["message"]!,
            StringComparison.Ordinal);
        Assert.Contains("revision_of_reason", await served.Database.Ask<string>(
            "SELECT string_agg(indexname, ',') FROM pg_indexes WHERE schemaname = 'eventstore' AND tablename = 'revision'"),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task That_are_too_long_or_no_text_are_refused()
    {
        await Admin.Create("long");
        Assert.Contains("may not be more than 1024 bytes", await Refused(new string('x', 1025)), StringComparison.Ordinal);
        Assert.Contains("may not be more than 1024 bytes", await Refused(new string('ü', 513)), StringComparison.Ordinal);
        Assert.Contains("one line of text", await Refused("two\nlines"), StringComparison.Ordinal);
        Assert.NotEqual("", await Patch("long", "1", new string('ü', 512)));

        async Task<string> Refused(string reason)
        {
            using HttpResponseMessage answer = await Admin.DeleteAsync($"{Sample.Job("long")}?reason={Uri.EscapeDataString(reason)}");
            return (string)(await answer.Manifest(400))["message"]!;
        }
    }

    [Fact]
    public async Task Can_be_required()
    {
        await using ServerProcess strict = await ServerProcess.Start(
            served.Database.Serving, "--require-reason", "delete,rollback,restore");
        string first = (await strict.Admin.Create("strict")).Revision();
        await (await strict.Admin.Patch(Sample.Job("strict"), """{"spec":{"cleanPodPolicy":"All"}}""")).Manifest();
        using (HttpResponseMessage refused = await strict.Admin.DeleteAsync(Sample.Job("strict")))
            Assert.Equal(
                "a reason is required to delete (--require-reason): send the header Audit-Reason or ?reason=TEXT, "
                + $"as in kubectl delete --raw '{Sample.Job("strict")}?reason=TEXT'",
                (string)(await refused.Manifest(400))["message"]!);
        using (HttpResponseMessage refused = await strict.Admin.DeleteAsync(Sample.Jobs()))
            Assert.Contains("a reason is required to delete", (string)(await refused.Manifest(400))["message"]!, StringComparison.Ordinal);
        using (HttpResponseMessage refused = await strict.Admin.PostAsync(
            Sample.Job("strict") + "/rollback", Sample.Body($$"""{"revision":{{first}}}""")))
            Assert.Contains(
                $"kubectl create --raw '{Sample.Job("strict")}/rollback?reason=TEXT' -f -",
                (string)(await refused.Manifest(400))["message"]!, StringComparison.Ordinal);
        using (HttpResponseMessage rolled = await strict.Admin.PostAsync(
            Sample.Job("strict") + "/rollback", Sample.Body($$"""{"revision":{{first}},"reason":"oops"}""")))
            await rolled.Manifest();
        using (HttpResponseMessage deleted = await strict.Admin.DeleteAsync(Sample.Job("strict") + "?reason=done"))
            await deleted.Manifest();
        using (HttpResponseMessage refused = await strict.Admin.PostAsync(Sample.Job("strict") + "/restore", Sample.Body("{}")))
            Assert.Contains("a reason is required to restore", (string)(await refused.Manifest(400))["message"]!, StringComparison.Ordinal);
        Assert.Equal(["done", "oops"], (await Admin.Get($"{Revisions}?labelSelector=job%3Dstrict&limit=2"))["items"]!.AsArray()
            .Select(item => (string)item!["reason"]!));
    }

    private async Task<string> Patch(string name, string label, string reason) => (await (await Admin.Patch(
        $"{Sample.Job(name)}?reason={Uri.EscapeDataString(reason)}",
        "{\"metadata\":{\"labels\":{\"n\":\"" + label + "\"}}}")).Manifest()).Revision();

    private static string Escaped(string value) =>
        new StringBuilder(value).Replace("\\", "\\\\").Replace(",", "\\,").Replace("=", "\\=").ToString();

    private static IEnumerable<string> Names(JsonNode list) => list["items"]!.AsArray().Select(item => (string)item!["metadata"]!["name"]!);
}
