using System.Net;
using System.Net.WebSockets;
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
        "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";

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
        int count = objects + 1; // and the bookmark behind them
        string[] frames = await Frames($"{root}{path}?watch=true&{FromTheBeginning}", count);
        Assert.Equal([.. Enumerable.Repeat("ADDED", objects), "BOOKMARK"], frames.Select(frame => (string)JsonNode.Parse(frame)!["type"]!));
        Assert.Equal(frames, await Frames($"{root}/watch{path}?{FromTheBeginning}", count));
        Assert.Equal(frames, await Messages($"{root}{path}?watch=true&{FromTheBeginning}", count));
        Assert.Equal(frames, await Messages($"{root}/watch{path}?{FromTheBeginning}", count));
        foreach (string form in (string[])["Table", "PartialObjectMetadata"])
        {
            string[] kinds = [.. (await Frames($"{root}{path}?watch=true&{FromTheBeginning}", count, form)).Select(
                frame => (string)JsonNode.Parse(frame)!["object"]!["kind"]!)];
            Assert.Equal(Enumerable.Repeat(form, count), kinds);
        }
    }

    [Theory]
    [InlineData(Jobs, "/namespaces/watched/pytorchjobs/two", "two")]
    [InlineData(Audit, "/namespaces/watched/pytorchjobrevisions/one.2", "one.2")]
    [InlineData(Core, "/namespaces/watched", "watched")]
    [InlineData(Definitions, "/customresourcedefinitions/pytorchjobs.kubeflow.org", "pytorchjobs.kubeflow.org")]
    public async Task One_object_is_watched_by_the_old_path_of_it(string root, string path, string name)
    {
        string frame = Assert.Single(await Frames($"{root}/watch{path}", 1));
        Assert.Equal(
            ("ADDED", name), ((string)JsonNode.Parse(frame)!["type"]!, (string)JsonNode.Parse(frame)!["object"]!["metadata"]!["name"]!));
    }

    /// <summary>The first frames, a line each.</summary>
    private async Task<string[]> Frames(string path, int count, string? form = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Accept.ParseAdd(form is null ? "application/json" : $"application/json;as={form};v=v1;g=meta.k8s.io");
        using HttpResponseMessage answer = await Admin.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync());
        return await First(count, async () => await lines.ReadLineAsync() ?? throw new EndOfStreamException(path));
    }

    /// <summary>The same over a WebSocket, a message each.</summary>
    private async Task<string[]> Messages(string path, int count)
    {
        using var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Authorization", Admin.DefaultRequestHeaders.Authorization!.ToString());
        await socket.ConnectAsync(new UriBuilder(new Uri(served.Server.Url, path)) { Scheme = "ws" }.Uri, CancellationToken.None);
        return await First(count, async () => (await What_clients_expect.Message(socket)).TrimEnd('\n'));
    }

    private static async Task<string[]> First(int count, Func<Task<string>> next)
    {
        var frames = new List<string>();
        while (frames.Count < count)
            frames.Add(await next().WaitAsync(Eventually.Deadline));
        return [.. frames];
    }
}
