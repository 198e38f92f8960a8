using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using EventStore.Domain.Jobs;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Jobs;

/// <summary>Nothing is compacted: whatever was ever read can be read again, page by page and byte for byte.</summary>
[Trait("Category", "Slow")]
public sealed class Lists_of_the_past : IAsyncLifetime
{
    private const string Everywhere = "/apis/kubeflow.org/v1/pytorchjobs";

    private TestDatabase database = null!;
    private ServerProcess server = null!;

    public async Task InitializeAsync()
    {
        database = await TestDatabase.Create();
        server = await ServerProcess.Start(database.Serving);
    }

    public async Task DisposeAsync()
    {
        await server.DisposeAsync();
        await database.DisposeAsync();
    }

    [Fact]
    public async Task Equal_a_replay_of_the_log_at_every_revision()
    {
        await new Writers(server.Admin) { Names = 3 }.Write(writers: 4, requests: 60);
        Replay replay = await Replay.Of(database);
        Assert.Equal(7, await database.Ask<long>("SELECT count(DISTINCT type) FROM eventstore.mt_events"));
        Assert.True(
            await database.Ask<long>("SELECT count(*) FROM eventstore.mt_events WHERE type = 'job_deleted' AND data ? 'patch'") > 0);

        long[] revisions = [.. replay.Revisions];
        await Parallel.ForEachAsync(revisions, new ParallelOptions { MaxDegreeOfParallelism = 4 }, async (revision, stop) =>
        {
            string exactly = $"resourceVersion={revision}&resourceVersionMatch=Exact";
            Job[] lived = [.. replay.At(revision)];
            (string at, string[] items) = Items(await server.Admin.GetStringAsync($"{Everywhere}?{exactly}", stop));
            Assert.Equal($"{revision}", at);
            Assert.Equal(lived.Select(Replay.Text), items);

            JobKey key = replay.Keys.ElementAt((int)(revision % replay.Keys.Count()));
            using HttpResponseMessage one = await server.Admin.GetAsync($"{Sample.Job(key.Name, key.Namespace)}?{exactly}", stop);
            if (lived.SingleOrDefault(job => job.Key == key) is { } job)
                Assert.Equal(Replay.Text(job), await one.Content.ReadAsStringAsync(stop));
            else
                Assert.Equal(HttpStatusCode.NotFound, one.StatusCode);
        });
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("labelSelector=team%3D1", "1")]
    public async Task Have_all_their_pages_at_the_revision_of_the_first_while_writers_go_on(string selector, string team)
    {
        var writers = new Writers(server.Admin) { Names = 12 };
        await writers.Write(writers: 8, requests: 30);
        var pagings = new List<(string Revision, List<string> Items, List<long?> Remaining)>();
        using (var stop = new CancellationTokenSource())
        {
            Task writing = writers.WriteUntil(writers: 4, seed: 3, stop.Token);
            for (int i = 0; i < 12; i++)
                pagings.Add(await Page(selector, limit: 1 + (i % 4)));
            await stop.CancelAsync();
            await writing;
        }

        Replay replay = await Replay.Of(database);
        foreach ((string revision, List<string> items, List<long?> remaining) in pagings)
        {
            Job[] expected = [.. replay.At(long.Parse(revision)).Where(job => team.Length == 0 || Team(job) == team)];
            Assert.Equal(expected.Select(Replay.Text), items);
            // How many remain is told only where it is known without looking at each.
            Assert.Equal(team.Length == 0, remaining.Any(count => count is not null));
            if (team.Length == 0)
                Assert.All(remaining.SkipLast(1).Zip(remaining.Skip(1)), pair => Assert.True(pair.First > (pair.Second ?? 0)));
        }

        Assert.True(pagings.Select(paging => paging.Revision).Distinct().Count() > 1, "nothing was written meanwhile");
    }

    [Fact]
    public async Task Come_in_the_order_of_the_bytes_of_namespace_and_name()
    {
        foreach ((string space, string name) in ((string, string)[])[("a0", "x"), ("a", "b"), ("a-b", "x"), ("a", "a0"), ("a", "a"),
            ("a", "a-b")])
            (await server.Admin.Create(name, space)).Revision();
        JsonNode list = await server.Admin.Get(Everywhere);
        Assert.Equal(["a-b/x", "a/a", "a/a-b", "a/a0", "a/b", "a0/x"], Keys(list));

        // The same where some rows are taken back and others are read as they are.
        string then = list.Revision();
        foreach ((string space, string name) in ((string, string)[])[("a", "a-b"), ("a0", "x")])
            (await server.Admin.DeleteAsync(Sample.Job(name, space))).Dispose();
        JsonNode past = await server.Admin.Get($"{Everywhere}?resourceVersion={then}&resourceVersionMatch=Exact");
        Assert.Equal(list.ToJsonString(), past.ToJsonString());
    }

    [Fact]
    public async Task Are_at_the_revision_the_match_asks_for()
    {
        string first = (await server.Admin.Create("a")).Revision();
        string second = (await server.Admin.Create("b")).Revision();
        foreach ((string query, string revision, int count) in ((string, string, int)[])
        [
            ("", second, 2),
            ("resourceVersion=0", second, 2),
            ($"resourceVersion={first}", second, 2),
            ($"resourceVersion={first}&resourceVersionMatch=NotOlderThan", second, 2),
            ($"resourceVersion={first}&resourceVersionMatch=Exact", first, 1),
            ($"resourceVersion={first}&limit=5", first, 1),
            ($"resourceVersion={first}&limit=5&resourceVersionMatch=NotOlderThan", second, 2),
            ("resourceVersion=1&resourceVersionMatch=Exact", "1", 0),
        ])
        {
            JsonNode list = await server.Admin.Get($"{Sample.Jobs()}?{query}");
            Assert.Equal((query, revision, count), (query, list.Revision(), list["items"]!.AsArray().Count));
        }

        Assert.Equal(second, (await server.Admin.Get($"{Sample.Job("b")}?resourceVersion={first}")).Revision());
        Assert.Equal("a", (string)(await server.Admin.Get($"{Sample.Job("a")}?resourceVersion=0"))["metadata"]!["name"]!);
        using HttpResponseMessage future = await server.Admin.GetAsync($"{Sample.Job("b")}?resourceVersion=999999");
        Assert.Equal(HttpStatusCode.GatewayTimeout, future.StatusCode);
    }

    private async Task<(string Revision, List<string> Items, List<long?> Remaining)> Page(string selector, int limit)
    {
        (string? revision, List<string> all, List<long?> remaining, string? token) = (null, [], [], null);
        do
        {
            string from = token is null ? "" : $"&continue={token}";
            string text = await server.Admin.GetStringAsync($"{Everywhere}?limit={limit}&{selector}{from}");
            (string at, string[] items) = Items(text);
            Assert.Equal(revision ??= at, at);
            JsonNode metadata = JsonNode.Parse(text)!["metadata"]!;
            token = (string?)metadata["continue"];
            Assert.InRange(items.Length, string.IsNullOrEmpty(token) ? 0 : limit, limit);
            all.AddRange(items);
            remaining.Add((long?)metadata["remainingItemCount"]);
        }
        while (!string.IsNullOrEmpty(token));
        return (revision, all, remaining);
    }

    private static (string Revision, string[] Items) Items(string text)
    {
        using JsonDocument list = JsonDocument.Parse(text);
        return (list.RootElement.GetProperty("metadata").GetProperty("resourceVersion").GetString()!,
            [.. list.RootElement.GetProperty("items").EnumerateArray().Select(item => item.GetRawText())]);
    }

    private static IEnumerable<string> Keys(JsonNode list) =>
        list["items"]!.AsArray().Select(item => $"{(string)item!["metadata"]!["namespace"]!}/{(string)item["metadata"]!["name"]!}");

    private static string? Team(Job job) => (job.Metadata["labels"]?.Member("team") as Domain.Json.JsonText)?.Value;
}
