using System.Net.WebSockets;
using System.Text;
using System.Text.Json.Nodes;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Clients;

/// <summary>A collection is watched alike by its path, by the old path, over a WebSocket, and in every form.</summary>
[Trait("Category", "Slow")]
public sealed class Every_path_that_can_be_watched(ServedDatabase served) : IClassFixture<ServedDatabase>, IAsyncLifetime
{
    private const string Jobs = "/apis/kubeflow.org/v1", Audit = "/apis/audit.eventstore.io/v1", Core = "/api/v1",
        Definitions = "/apis/apiextensions.k8s.io/v1";
    private const string FromTheBeginning =
        "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=1";

    private HttpClient Admin => served.Server.Admin;

    public async Task InitializeAsync()
    {
        foreach (string name in (string[])["one", "two"])
            (await Admin.PostAsync(Sample.Jobs("watched"), Sample.Body(Sample.Manifest(name)))).Dispose(); // again for each test: 409
    }

    public Task DisposeAsync() => Task.CompletedTask;

    [Theory]
    [InlineData(Jobs, "/pytorchjobs", 2)]
    [InlineData(Jobs, "/namespaces/watched/pytorchjobs", 2)]
    [InlineData(Audit, "/pytorchjobrevisions", 2)]
    [InlineData(Audit, "/namespaces/watched/pytorchjobrevisions", 2)]
    [InlineData(Core, "/namespaces", 2)] // with default
    [InlineData(Core, "/events", 0)]
    [InlineData(Core, "/namespaces/watched/events", 0)]
    [InlineData(Definitions, "/customresourcedefinitions", 2)]
    public async Task Is_watched_alike_in_every_way(string root, string path, int objects)
    {
        string[] frames = await Frames($"{root}{path}?watch=true&{FromTheBeginning}");
        Assert.Equal([.. Enumerable.Repeat("ADDED", objects), "BOOKMARK"], frames.Select(frame => (string)JsonNode.Parse(frame)!["type"]!));
        Assert.Equal(frames, await Frames($"{root}/watch{path}?{FromTheBeginning}"));
        Assert.Equal(frames, await Messages($"{root}{path}?watch=true&{FromTheBeginning}"));
        Assert.Equal(frames, await Messages($"{root}/watch{path}?{FromTheBeginning}"));
        foreach (string form in (string[])["Table", "PartialObjectMetadata"])
        {
            string[] kinds = [.. (await Frames($"{root}{path}?watch=true&{FromTheBeginning}", form)).Select(
                frame => (string)JsonNode.Parse(frame)!["object"]!["kind"]!)];
            Assert.Equal(Enumerable.Repeat(form, objects + 1), kinds);
        }
    }

    [Theory]
    [InlineData(Jobs, "/namespaces/watched/pytorchjobs/two", "two")]
    [InlineData(Audit, "/namespaces/watched/pytorchjobrevisions/one.2", "one.2")]
    [InlineData(Core, "/namespaces/watched", "watched")]
    [InlineData(Definitions, "/customresourcedefinitions/pytorchjobs.kubeflow.org", "pytorchjobs.kubeflow.org")]
    public async Task One_object_is_watched_by_the_old_path_of_it(string root, string path, string name)
    {
        string frame = Assert.Single(await Frames($"{root}/watch{path}?timeoutSeconds=1"));
        Assert.Equal(
            ("ADDED", name), ((string)JsonNode.Parse(frame)!["type"]!, (string)JsonNode.Parse(frame)!["object"]!["metadata"]!["name"]!));
    }

    private async Task<string[]> Frames(string path, string? form = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Accept.ParseAdd(form is null ? "application/json" : $"application/json;as={form};v=v1;g=meta.k8s.io");
        using HttpResponseMessage answer = await Admin.SendAsync(request);
        string text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.IsSuccessStatusCode, text);
        return text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    private async Task<string[]> Messages(string path)
    {
        using var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Authorization", Admin.DefaultRequestHeaders.Authorization!.ToString());
        await socket.ConnectAsync(new UriBuilder(new Uri(served.Server.Url, path)) { Scheme = "ws" }.Uri, CancellationToken.None);
        var messages = new List<string>();
        byte[] buffer = new byte[64 * 1024];
        for (var message = new MemoryStream(); ;)
        {
            WebSocketReceiveResult part = await socket.ReceiveAsync(buffer, CancellationToken.None);
            if (part.MessageType == WebSocketMessageType.Close)
                return [.. messages];
            message.Write(buffer, 0, part.Count);
            if (!part.EndOfMessage)
                continue;
            messages.Add(Encoding.UTF8.GetString(message.ToArray()));
            message.SetLength(0);
        }
    }
}
