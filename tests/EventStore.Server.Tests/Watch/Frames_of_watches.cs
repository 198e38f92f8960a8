using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Watch;

/// <summary>What a watcher is sent, frame by frame.</summary>
[Trait("Category", "Slow")]
public sealed class Frames_of_watches(Frames_of_watches.Served served) : IClassFixture<Frames_of_watches.Served>
{
    private const string Everywhere = "/apis/kubeflow.org/v1/pytorchjobs";
    private readonly HttpClient client = served.Server.Admin;
    private readonly string space = $"ns-{Guid.NewGuid():N}"[..12];

    [Fact]
    public async Task A_life_is_added_modified_and_deleted_at_the_revision_of_its_end()
    {
        string start = (await client.Get(Everywhere)).Revision();
        await using WatchClient watch = await WatchClient.Open(client, Sample.Jobs(space), $"resourceVersion={start}");
        Assert.Equal("application/json", watch.Answer.Content.Headers.ContentType!.ToString());
        JsonNode created = await client.Create("mnist", space);
        await Patch("mnist", """{"metadata":{"labels":{"team":"ml"}}}""");
        JsonNode patched = await client.Get(Sample.Job("mnist", space));
        await Delete("mnist");

        List<Frame> frames = await watch.Next(3);

        Assert.Equal(["ADDED", "MODIFIED", "DELETED"], frames.Select(frame => frame.Type));
        Assert.Equal(created.ToJsonString(), JsonNode.Parse(frames[0].Object)!.ToJsonString());
        Assert.Equal(patched.ToJsonString(), JsonNode.Parse(frames[1].Object)!.ToJsonString());
        Assert.Equal(
            await served.Database.Ask<long>($"SELECT revision FROM eventstore.mt_doc_current_job WHERE namespace = '{space}' AND deleted"),
            frames[2].Revision);
        Assert.Equal(Replaced(frames[1].Object, frames[1].Revision, frames[2].Revision), frames[2].Object);
    }

    [Fact]
    public async Task A_deletion_held_by_a_finalizer_is_a_modification_and_its_end_one_frame()
    {
        using (HttpResponseMessage answer = await client.PostAsync(
            Sample.Jobs(space), Sample.Body(Sample.Manifest("held", metadata: ",\"finalizers\":[\"example.com/hold\"]"))))
            await answer.Manifest(201);
        await using WatchClient watch = await WatchClient.Open(client, Sample.Jobs(space));
        await Delete("held");
        await Patch("held", """{"metadata":{"finalizers":null}}""");
        await client.Create("held", space);

        List<Frame> frames = await watch.Next(4);

        Assert.Equal(["ADDED", "MODIFIED", "DELETED", "ADDED"], frames.Select(frame => frame.Type));
        Assert.Contains("\"deletionTimestamp\"", frames[1].Object, StringComparison.Ordinal);
        Assert.NotEqual(Uid(frames[2]), Uid(frames[3]));
    }

    [Theory]
    [InlineData("")]
    [InlineData("resourceVersion=0")]
    [InlineData("sendInitialEvents=true&resourceVersionMatch=NotOlderThan")]
    public async Task What_there_is_comes_first_where_the_client_names_no_revision(string query)
    {
        await client.Create("b", space);
        await client.Create("a", space);
        await using WatchClient watch = await WatchClient.Open(client, Sample.Jobs(space), query);
        Assert.Equal([("ADDED", "a"), ("ADDED", "b")], (await watch.Next(2)).Select(frame => (frame.Type, Name(frame))));
        await Patch("b", """{"metadata":{"labels":null}}""");
        Assert.Equal("MODIFIED", (await watch.Next(1))[0].Type);
    }

    [Fact]
    public async Task Nothing_comes_first_where_the_client_says_so()
    {
        await client.Create("a", space);
        await using WatchClient watch = await WatchClient.Open(
            client, Sample.Jobs(space), "sendInitialEvents=false&resourceVersionMatch=NotOlderThan");
        await Patch("a", """{"metadata":{"labels":null}}""");
        Assert.Equal("MODIFIED", (await watch.Next(1))[0].Type);
    }

    [Fact]
    public async Task A_bookmark_says_where_the_initial_events_end()
    {
        string revision = (await client.Create("a", space)).Revision();
        await using WatchClient watch = await WatchClient.Open(
            client, Sample.Jobs(space),
            "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&resourceVersion=" + revision);
        List<Frame> frames = await watch.Next(2);
        Assert.Equal(["ADDED", "BOOKMARK"], frames.Select(frame => frame.Type));
        Assert.True(frames[1].Revision >= frames[0].Revision);
        Assert.Equal(
            $$$"""{"apiVersion":"kubeflow.org/v1","kind":"PyTorchJob","metadata":{"annotations":{"k8s.io/initial-events-end":"true"},"creationTimestamp":null,"resourceVersion":"{{{frames[1].Revision}}}"}}""",
            frames[1].Object);
        List<Frame> later = await watch.Next(1);
        Assert.Equal("BOOKMARK", later[0].Type);
        Assert.DoesNotContain("annotations", later[0].Object, StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_ends_properly_when_its_time_is_over_and_names_the_place_to_go_on_from()
    {
        await client.Create("a", space);
        await using WatchClient watch = await WatchClient.Open(client, Sample.Jobs(space), "timeoutSeconds=1&allowWatchBookmarks=true");
        List<Frame> frames = await watch.ToEnd();
        Assert.Equal("ADDED", frames[0].Type);
        Assert.Equal("BOOKMARK", frames[^1].Type);

        await using WatchClient silent = await WatchClient.Open(client, Sample.Jobs(space), "timeoutSeconds=1");
        Assert.Equal(["ADDED"], (await silent.ToEnd()).Select(frame => frame.Type));
    }

    [Fact]
    public async Task A_job_enters_and_leaves_a_selection_by_its_labels()
    {
        await using WatchClient watch = await WatchClient.Open(client, Sample.Jobs(space), "labelSelector=team%3Dml");
        await client.Create("mnist", space);
        await Patch("mnist", """{"metadata":{"labels":{"team":"ml"}}}""");
        await Patch("mnist", """{"metadata":{"labels":{"n":"1"}}}""");
        await Patch("mnist", """{"metadata":{"labels":{"team":"ops"}}}""");
        await Patch("mnist", """{"metadata":{"labels":{"team":"ml"}}}""");
        await Delete("mnist");

        List<Frame> frames = await watch.Next(5);

        Assert.Equal(["ADDED", "MODIFIED", "DELETED", "ADDED", "DELETED"], frames.Select(frame => frame.Type));
        // What left is shown as it was while it belonged, at the revision that took it out.
        Assert.Equal(Replaced(frames[1].Object, frames[1].Revision, frames[2].Revision), frames[2].Object);
        Assert.True(frames.Zip(frames.Skip(1)).All(pair => pair.First.Revision < pair.Second.Revision));
    }

    [Fact]
    public async Task A_field_selector_narrows_to_names_and_namespaces()
    {
        await using WatchClient one = await WatchClient.Open(
            client, Everywhere, $"fieldSelector=metadata.namespace%3D{space},metadata.name%3Da");
        await using WatchClient others = await WatchClient.Open(client, Sample.Jobs(space), "fieldSelector=metadata.name!%3Da");
        foreach (string name in (string[])["b", "a", "c"])
            await client.Create(name, space);
        await Delete("a");
        await Delete("b");
        Assert.Equal([("ADDED", "a"), ("DELETED", "a")], (await one.Next(2)).Select(frame => (frame.Type, Name(frame))));
        Assert.Equal([("ADDED", "b"), ("ADDED", "c"), ("DELETED", "b")], (await others.Next(3)).Select(frame => (frame.Type, Name(frame))));
    }

    [Fact]
    public async Task Frames_come_as_tables_to_who_prints_them()
    {
        await client.Create("a", space);
        await using WatchClient watch = await WatchClient.Open(
            client, Sample.Jobs(space), "allowWatchBookmarks=true&timeoutSeconds=1", "application/json;as=Table;v=v1;g=meta.k8s.io");
        List<Frame> frames = await watch.ToEnd();
        JsonNode table = JsonNode.Parse(frames[0].Object)!;
        Assert.Equal("Table", (string)table["kind"]!);
        Assert.Equal("a", (string)table["rows"]![0]!["cells"]![0]!);
        Assert.Equal($"{frames[0].Revision}", table["rows"]![0]!["object"]!.Revision());
        // client-go decodes every frame of such a watch as a table, bookmarks too.
        JsonNode bookmark = JsonNode.Parse(frames[^1].Object)!;
        Assert.Equal(("BOOKMARK", "Table"), (frames[^1].Type, (string)bookmark["kind"]!));
        Assert.Equal($"{frames[^1].Revision}", bookmark["rows"]![0]!["object"]!.Revision());
    }

    [Fact]
    public async Task Frames_come_as_metadata_to_who_wants_no_more()
    {
        await client.Create("a", space);
        await using WatchClient watch = await WatchClient.Open(
            client, Sample.Jobs(space), "allowWatchBookmarks=true&timeoutSeconds=1",
            "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io");
        List<Frame> frames = await watch.ToEnd();
        foreach (Frame frame in (Frame[])[frames[0], frames[^1]])
        {
            JsonNode shown = JsonNode.Parse(frame.Object)!;
            Assert.Equal(("PartialObjectMetadata", "meta.k8s.io/v1"), ((string)shown["kind"]!, (string)shown["apiVersion"]!));
            Assert.Null(shown["spec"]);
        }

        Assert.Equal("BOOKMARK", frames[^1].Type);
    }

    [Fact]
    public async Task A_revision_of_the_future_is_waited_for_three_seconds()
    {
        long head = long.Parse((await client.Create("a", space)).Revision(), CultureInfo.InvariantCulture);
        Task<WatchClient> soon = WatchClient.Open(client, Sample.Jobs(space), $"resourceVersion={head + 1000}");
        var refused = await Assert.ThrowsAsync<HttpRequestException>(() => soon);
        Assert.Equal(HttpStatusCode.GatewayTimeout, refused.StatusCode);
        Assert.Contains("Too large resource version", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("resourceVersion=abc", HttpStatusCode.BadRequest)]
    [InlineData("labelSelector=a%20in", HttpStatusCode.BadRequest)]
    [InlineData("fieldSelector=spec.foo%3D1", HttpStatusCode.BadRequest)]
    [InlineData("sendInitialEvents=true", HttpStatusCode.UnprocessableEntity)]
    public async Task What_cannot_be_read_is_refused_before_the_watch_begins(string query, HttpStatusCode code)
    {
        var refused = await Assert.ThrowsAsync<HttpRequestException>(() => WatchClient.Open(client, Sample.Jobs(space), query));
        Assert.Equal(code, refused.StatusCode);
        Assert.Contains("\"kind\":\"Status\"", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Only_who_may_watch_does()
    {
        using HttpClient alice = served.Server.Client(ServerProcess.AliceToken);
        var refused = await Assert.ThrowsAsync<HttpRequestException>(() => WatchClient.Open(alice, Sample.Jobs(space)));
        Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
        Assert.Contains("cannot watch resource", refused.Message, StringComparison.Ordinal);
        using HttpClient nobody = served.Server.Client("no such token");
        Assert.Equal(
            HttpStatusCode.Unauthorized,
            (await Assert.ThrowsAsync<HttpRequestException>(() => WatchClient.Open(nobody, Sample.Jobs(space)))).StatusCode);
    }

    private static string Replaced(string text, long from, long to) =>
        text.Replace($"\"resourceVersion\":\"{from}\"", $"\"resourceVersion\":\"{to}\"", StringComparison.Ordinal);

    private static string Name(Frame frame) => (string)JsonNode.Parse(frame.Object)!["metadata"]!["name"]!;

    private static string Uid(Frame frame) => (string)JsonNode.Parse(frame.Object)!["metadata"]!["uid"]!;

    private async Task Patch(string name, string patch)
    {
        using HttpResponseMessage answer = await client.Patch(Sample.Job(name, space), patch);
        await answer.Manifest();
    }

    private async Task Delete(string name)
    {
        using HttpResponseMessage answer = await client.DeleteAsync(Sample.Job(name, space));
        await answer.Manifest();
    }

    public sealed class Served : IAsyncLifetime
    {
        internal TestDatabase Database { get; private set; } = null!;

        internal ServerProcess Server { get; private set; } = null!;

        public async Task InitializeAsync()
        {
            Database = await TestDatabase.Create();
            Server = await ServerProcess.Start(Database.Serving, "--Feed:BookmarkEvery=00:00:00.3");
        }

        public async Task DisposeAsync()
        {
            await Server.DisposeAsync();
            await Database.DisposeAsync();
        }
    }
}
