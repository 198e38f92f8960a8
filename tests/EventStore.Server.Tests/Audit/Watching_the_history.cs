using System.Text.Json.Nodes;
using EventStore.Server.Tests.Fixtures;
using EventStore.Server.Tests.Watch;

namespace EventStore.Server.Tests.Audit;

/// <summary>The history as it happens: every revision once, in order, each ADDED and none ever changed.</summary>
[Trait("Category", "Slow")]
public sealed class Watching_the_history(ServedDatabase served) : IClassFixture<ServedDatabase>
{
    private readonly HttpClient client = served.Server.Admin;
    private readonly string space = $"ns-{Guid.NewGuid():N}"[..12];

    private string History => $"/apis/audit.eventstore.io/v1/namespaces/{space}/pytorchjobrevisions";

    [Theory]
    [InlineData("")]
    [InlineData("resourceVersion=0")]
    [InlineData("resourceVersion=1")]
    [InlineData("sendInitialEvents=true&resourceVersionMatch=NotOlderThan")]
    public async Task Begins_with_all_there_was_and_goes_on(string query)
    {
        await client.Create("mnist", space);
        await Patch("mnist", 1);
        await (await client.DeleteAsync(Sample.Job("mnist", space))).Manifest();
        await using WatchClient watch = await WatchClient.Open(client, History, query);
        List<Frame> frames = await watch.Next(3);
        await client.Create("mnist", space);
        await Patch("mnist", 2);
        frames.AddRange(await watch.Next(2));

        Assert.All(frames, frame => Assert.Equal("ADDED", frame.Type));
        Assert.Equal(["Created", "Patched", "Deleted", "Created", "Patched"], frames.Select(Verb));
        JsonNode list = await client.Get(History + "?order=oldest");
        Assert.Equal(list["items"]!.AsArray().Select(item => item!.ToJsonString()), frames.Select(
            frame => JsonNode.Parse(frame.Object)!.ToJsonString()));
    }

    [Fact]
    public async Task Begins_behind_any_revision()
    {
        string first = (await client.Create("mnist", space)).Revision();
        await Patch("mnist", 1);
        await using WatchClient behind = await WatchClient.Open(client, History, $"resourceVersion={first}");
        await using WatchClient fromNow = await WatchClient.Open(
            client, History, "sendInitialEvents=false&resourceVersionMatch=NotOlderThan");
        await Patch("mnist", 2);
        Assert.Equal(["1", "2"], (await behind.Next(2)).Select(Label));
        Assert.Equal(["2"], (await fromNow.Next(1)).Select(Label));
    }

    [Fact]
    public async Task Shows_what_its_selectors_cover()
    {
        string start = (await client.Create("mnist", space)).Revision();
        await client.Create("bert", space);
        string everywhere = "/apis/audit.eventstore.io/v1/pytorchjobrevisions";
        await using WatchClient job = await WatchClient.Open(
            client, everywhere,
            $"resourceVersion={start}&labelSelector=job%3Dmnist,verb!%3DDeleted&fieldSelector=metadata.namespace%3D{space}");
        await using WatchClient path = await WatchClient.Open(
            client, History, $"resourceVersion={start}&fieldSelector=path%3Dspec.cleanPodPolicy");
        await using WatchClient user = await WatchClient.Open(
            client, History, $"resourceVersion={start}&fieldSelector=user%3Dnobody&timeoutSeconds=2&allowWatchBookmarks=true");
        await Patch("bert", 1);
        await Patch("mnist", 2);
        await (await client.Patch(Sample.Job("bert", space), """{"spec":{"cleanPodPolicy":"All"}}""")).Manifest();
        await (await client.DeleteAsync(Sample.Job("mnist", space))).Manifest();
        await client.Create("mnist", space);

        Assert.Equal(["mnist Patched", "mnist Created"], (await job.Next(2)).Select(frame => $"{Of(frame)["job"]} {Verb(frame)}"));
        Assert.Equal(["bert Patched"], (await path.Next(1)).Select(frame => $"{Of(frame)["job"]} {Verb(frame)}"));
        Assert.All(await user.ToEnd(), frame => Assert.Equal("BOOKMARK", frame.Type));
    }

    [Fact]
    public async Task Says_where_the_past_ends_and_where_to_go_on()
    {
        await client.Create("mnist", space);
        string last = await Patch("mnist", 1);
        await using WatchClient watch = await WatchClient.Open(
            client, History, "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=2");
        List<Frame> frames = await watch.ToEnd();
        Assert.Equal(["ADDED", "ADDED", "BOOKMARK"], frames.Take(3).Select(frame => frame.Type));
        Assert.Equal("true", (string)Of(frames[2])["metadata"]!["annotations"]!["k8s.io/initial-events-end"]!);
        Assert.Equal(
            ("audit.eventstore.io/v1", "PyTorchJobRevision"), ((string)Of(frames[2])["apiVersion"]!, (string)Of(frames[2])["kind"]!));
        Assert.True(frames[2].Revision >= long.Parse(last, System.Globalization.CultureInfo.InvariantCulture));
        Assert.All(frames.Skip(2), frame => Assert.Equal("BOOKMARK", frame.Type));

        await using WatchClient on = await WatchClient.Open(client, History, $"resourceVersion={frames[^1].Revision}");
        await Patch("mnist", 2);
        Assert.Equal("2", Label((await on.Next(1))[0]));
    }

    [Fact]
    public async Task Comes_in_every_form()
    {
        await client.Create("mnist", space);
        foreach ((string accept, string kind) in new[] { ("Table", "Table"), ("PartialObjectMetadata", "PartialObjectMetadata") })
        {
            await using WatchClient watch = await WatchClient.Open(
                client, History, "allowWatchBookmarks=true&timeoutSeconds=1", $"application/json;as={accept};v=v1;g=meta.k8s.io");
            List<Frame> frames = await watch.ToEnd();
            Assert.Equal(["ADDED", "BOOKMARK"], frames.Select(frame => frame.Type));
            Assert.All(frames, frame => Assert.Equal(kind, (string)Of(frame)["kind"]!));
        }
    }

    /// <summary>
    /// More than one page of the past, and a writer at the same time: where the pages end and the feed begins nothing is lost.
    /// </summary>
    [Fact]
    public async Task Goes_from_the_past_to_the_present_without_a_gap()
    {
        await client.Create("mnist", space);
        for (int i = 0; i < 700; i++)
            await Patch("mnist", i);
        Task writing = Task.Run(async () =>
        {
            for (int i = 700; i < 900; i++)
                await Patch("mnist", i);
        });
        await using WatchClient watch = await WatchClient.Open(client, History, "labelSelector=job%3Dmnist,verb%3DPatched");
        List<Frame> frames = await watch.Next(900);
        await writing;
        Assert.Equal(Enumerable.Range(0, 900).Select(i => $"{i}"), frames.Select(Label));
    }

    private async Task<string> Patch(string name, int n)
    {
        using HttpResponseMessage answer = await client.Patch(
            Sample.Job(name, space), $"{{\"metadata\":{{\"labels\":{{\"n\":\"{n}\"}}}}}}");
        return (await answer.Manifest()).Revision();
    }

    private static JsonNode Of(Frame frame) => JsonNode.Parse(frame.Object)!;

    private static string Verb(Frame frame) => (string)Of(frame)["verb"]!;

    private static string Label(Frame frame) => (string)Of(frame)["changes"]![0]!["after"]!;
}
