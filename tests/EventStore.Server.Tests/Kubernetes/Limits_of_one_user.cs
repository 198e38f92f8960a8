using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using EventStore.Server.Tests.Fixtures;
using EventStore.Server.Tests.Watch;

namespace EventStore.Server.Tests.Kubernetes;

/// <summary>
/// What one user may ask for, and what a request may be. The limits on a user are made to hold for system:masters here, so that there are
/// two who may write.
/// </summary>
[Trait("Category", "Slow")]
public sealed class Limits_of_one_user : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private TestDatabase database = null!;

    public async Task InitializeAsync() => database = await TestDatabase.Create();

    public async Task DisposeAsync() => await database.DisposeAsync();

    [Fact]
    public async Task Changes_beyond_the_rate_are_429_with_Retry_After_before_anything_is_done_and_another_user_has_a_rate_of_its_own()
    {
        await using ServerProcess server = await Start(
            "--Limits:ChangesPerSecond=1", "--Limits:ChangesBurst=5", "--Limits:ChangesWaiting=0");
        using HttpClient bob = server.Client(ServerProcess.BobToken);
        await server.Admin.Create("mnist");
        var replies = new List<Reply>();
        for (int i = 0; i < 30 && replies.LastOrDefault()?.Code != HttpStatusCode.TooManyRequests; i++)
            replies.Add(await Reply.Of(server.Admin.Patch(Sample.Job("mnist"), $$$$"""{"metadata":{"labels":{"n":"{{{{i}}}}"}}}""")));

        Refused(replies[^1], "user \"admin\" asks for more than 1 changes a second");
        Assert.All(replies.SkipLast(1), reply => Assert.Equal(HttpStatusCode.OK, reply.Code));
        Assert.Equal(replies.Count, await database.Events("mnist")); // the creation and all patches but the last

        await (await bob.Patch(Sample.Job("mnist"), """{"metadata":{"labels":{"by":"bob"}}}""")).Manifest();
        Assert.Equal("mnist", (string?)(await server.Admin.Get(Sample.Job("mnist")))["metadata"]!["name"]); // reading is no change
        // A refusal is no lockout: the next second brings the next change.
        await Eventually.Equal(HttpStatusCode.OK, async () =>
            (await Reply.Of(server.Admin.Patch(Sample.Job("mnist"), """{"metadata":{"labels":{"later":"yes"}}}"""))).Code);
    }

    [Fact]
    public async Task A_share_of_the_lane_is_all_that_one_user_gets()
    {
        await using ServerProcess server = await Start("--Limits:ChangesAtOnce=2", "--Limits:ChangesWaiting=3");
        using HttpClient bob = server.Client(ServerProcess.BobToken);
        await server.Admin.Create("mnist");
        List<Task<Reply>> flood;
        Task<Reply> other;
        await using (CommitLock held = await CommitLock.Hold(database))
        {
            flood = [.. Enumerable.Range(0, 8).Select(i => Reply.Of(
                server.Admin.Patch(Sample.Job("mnist"), $$$$"""{"metadata":{"labels":{"n{{{{i}}}}":"x"}}}""")))];
            for (int refused = 0; refused < 3; refused++) // two are under way and three wait: the others are the only ones answered
            {
                Task<Reply> answered = await Task.WhenAny(flood).WaitAsync(Eventually.Deadline);
                flood.Remove(answered);
                Refused(await answered, "user \"admin\" has 2 changes under way and 3 more waiting");
            }

            other = Reply.Of(bob.Patch(Sample.Job("mnist"), """{"metadata":{"labels":{"by":"bob"}}}"""));
        }

        Assert.Equal(HttpStatusCode.OK, (await other.WaitAsync(Eventually.Deadline)).Code);
        Assert.All(await Task.WhenAll(flood).WaitAsync(Eventually.Deadline), reply => Assert.Equal(HttpStatusCode.OK, reply.Code));
        Assert.Equal(7, await database.Events("mnist"));
    }

    [Fact]
    public async Task Reads_beyond_their_rate_are_refused_and_changes_are_none()
    {
        await using ServerProcess server = await Start("--Limits:ReadsPerSecond=1", "--Limits:ReadsWaiting=0");
        await server.Admin.Create("mnist");
        Reply last = await Reply.Of(server.Admin.GetAsync(Sample.Job("mnist")));
        for (int i = 0; i < 30 && last.Code == HttpStatusCode.OK; i++)
            last = await Reply.Of(server.Admin.GetAsync(Sample.Job("mnist")));
        Refused(last, "user \"admin\" asks for more than 1 reads a second");
        await (await server.Admin.Patch(Sample.Job("mnist"), """{"metadata":{"labels":{"by":"admin"}}}""")).Manifest();
    }

    [Fact]
    public async Task Reads_have_a_share_of_their_own()
    {
        await using ServerProcess server = await Start(
            "--Limits:ReadsAtOnce=2", "--Limits:ReadsWaiting=1", "--Limits:ListsAtOnce=1", "--Limits:ListsWaiting=0");
        using HttpClient bob = server.Client(ServerProcess.BobToken);
        await server.Admin.Create("mnist");
        // Whoever reads it waits until it is there.
        string later = Sample.Job("mnist") + $"?resourceVersion={await database.Ask<long>("SELECT revision + 1 FROM eventstore.head")}";
        List<Task<Reply>> flood = [.. Enumerable.Range(0, 4).Select(_ => Reply.Of(server.Admin.GetAsync(later)))];
        Task<Reply> answered = await Task.WhenAny(flood).WaitAsync(Eventually.Deadline);
        flood.Remove(answered);
        Refused(await answered, "user \"admin\" has 2 reads under way and 1 more waiting");

        await (await bob.GetAsync(Sample.Job("mnist"))).Manifest();
        await (await server.Admin.GetAsync(Sample.Jobs())).Manifest(); // a list is no read of one object
        await (await server.Admin.GetAsync("/apis")).Manifest(); // and what costs nothing has no limit
        await (await server.Admin.Patch(Sample.Job("mnist"), """{"metadata":{"labels":{"by":"admin"}}}""")).Manifest();
        Assert.All(await Task.WhenAll(flood).WaitAsync(Eventually.Deadline), reply => Assert.Equal(HttpStatusCode.OK, reply.Code));
    }

    [Fact]
    public async Task Watches_are_counted_for_each_user_and_for_all_and_given_back()
    {
        await using ServerProcess server = await Start("--Limits:WatchesPerUser=2", "--Limits:Watches=3");
        using HttpClient bob = server.Client(ServerProcess.BobToken);
        await using WatchClient first = await WatchClient.Open(server.Admin, Sample.Jobs());
        await using (await WatchClient.Open(server.Admin, Sample.Jobs()))
        {
            Reply third = await Reply.Of(server.Admin.GetAsync(Sample.Jobs() + "?watch=true"));
            Refused(third, "user \"admin\" has 2 watches open, or all users together 3");
            await using WatchClient bobs = await WatchClient.Open(bob, Sample.Jobs());
            Refused(await Reply.Of(bob.GetAsync(Sample.Jobs() + "?watch=1")), "all users together 3");
            await (await server.Admin.GetAsync(Sample.Jobs())).Manifest(); // a list is no watch
        }

        await Eventually.Equal(HttpStatusCode.OK, async () => // as soon as the watch that ended counts no more
        {
            using HttpResponseMessage again = await server.Admin.GetAsync(
                Sample.Jobs() + "?watch=true", HttpCompletionOption.ResponseHeadersRead);
            return again.StatusCode;
        });
    }

    [Fact]
    public async Task Whoever_is_exempt_has_no_share_and_no_rate()
    {
        await using ServerProcess server = await ServerProcess.Start(
            database.Serving, "--Limits:ChangesPerSecond=1", "--Limits:ChangesBurst=1", "--Limits:ChangesAtOnce=1",
            "--Limits:ChangesWaiting=0");
        await server.Admin.Create("mnist");
        Reply[] replies = await Race.Of(
            20, [server], (client, i) => client.Patch(Sample.Job("mnist"), $$$$"""{"metadata":{"labels":{"n{{{{i}}}}":"x"}}}"""));
        Assert.All(replies, reply => Assert.Equal(HttpStatusCode.OK, reply.Code));
    }

    [Fact]
    public async Task Sizes_have_settings()
    {
        await using ServerProcess server = await Start(
            "--Limits:BodyBytes=4096", "--Limits:Nesting=20", "--Limits:Labels=3", "--Limits:AnnotationBytes=100", "--Lists:Page=2",
            "--Lists:Revisions=2");
        foreach (string name in (string[])["a", "b", "c"])
            await server.Admin.Create(name);

        // One byte too many: of more the web server would close the connection upon a client that is still sending.
        string large = """{"metadata":{"annotations":{"a":"x"}}}""";
        JsonNode refused = await (await server.Admin.Patch(
            Sample.Job("a"), large.Replace("x", new string('x', 4098 - large.Length), StringComparison.Ordinal))).Manifest(413);
        Assert.Equal("Request entity too large: limit is 4096", (string?)refused["message"]);
        string deep = string.Concat(Enumerable.Repeat("{\"a\":", 20)) + "1" + new string('}', 20);
        refused = await (await server.Admin.Patch(Sample.Job("a"), deep.Replace("1", "{}", StringComparison.Ordinal))).Manifest(400);
        Assert.Contains("may be nested 20 levels deep", (string?)refused["message"], StringComparison.Ordinal);
        refused = await (await server.Admin.Patch(Sample.Job("a"), """{"metadata":{"labels":{"a":"","b":"","c":""}}}""")).Manifest(422);
        Assert.Contains("metadata.labels: Too many: 4: must have at most 3 items", (string?)refused["message"], StringComparison.Ordinal);
        refused =
            await (await server.Admin.Patch(Sample.Job("a"), $$$$"""{"metadata":{"annotations":{"a":"{{{{new string('x', 100)}}}}"}}}"""))
            .Manifest(422);
        Assert.Contains(
            "metadata.annotations: Too long: may not be more than 100 bytes", (string?)refused["message"], StringComparison.Ordinal);

        const string revisions = "/apis/audit.eventstore.io/v1/namespaces/kube-test/pytorchjobrevisions";
        foreach (string path in (string[])[Sample.Jobs(), revisions, revisions + "?limit=3"])
            Assert.Equal(2, (await server.Admin.Get(path))["items"]!.AsArray().Count);
        JsonNode page = await server.Admin.Get(Sample.Jobs());
        page = await server.Admin.Get($"{Sample.Jobs()}?limit=500&continue={page["metadata"]!["continue"]}");
        Assert.Equal("c", (string?)Assert.Single(page["items"]!.AsArray())!["metadata"]!["name"]);
        Assert.Equal(3, await database.Ask<long>("SELECT count(*) FROM eventstore.mt_events"));
    }

    /// <summary>A rollback is a change like a patch: a limit lowered since holds for what it would bring back.</summary>
    [Theory]
    [InlineData("--Limits:Labels=1", "metadata.labels: Too many: 3: must have at most 1 items")]
    [InlineData("--Limits:AnnotationBytes=10", "metadata.annotations: Too long: may not be more than 10 bytes")]
    public async Task Metadata_are_limited_for_a_rollback_too(string limit, string said)
    {
        long then;
        await using (ServerProcess before = await ServerProcess.Start(database.Serving))
        {
            await before.Admin.Create("mnist");
            then = long.Parse(
                (await (await before.Admin.Patch(
                    Sample.Job("mnist"), """{"metadata":{"labels":{"a":"","b":""},"annotations":{"a":"0123456789"}}}""")).Manifest())
                    .Revision(), CultureInfo.InvariantCulture);
            await (await before.Admin.Patch(Sample.Job("mnist"), """{"metadata":{"labels":null,"annotations":null}}""")).Manifest();
        }

        await using ServerProcess server = await ServerProcess.Start(database.Serving, limit);
        JsonNode refused =
            await (await server.Admin.PostAsync(Sample.Job("mnist") + "/rollback", JsonContent.Create(new { revision = then })))
            .Manifest(422);
        Assert.Contains(said, (string?)refused["message"], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--Limits:HeaderBytes=2048", "X-Large: LARGE", "HTTP/1.1 431 ")]
    [InlineData("--Limits:Headers=10", "X-A: 1\r\nX-B: 1\r\nX-C: 1\r\nX-D: 1\r\nX-E: 1\r\nX-F: 1\r\nX-G: 1\r\nX-H: 1\r\nX-I: 1\r\nX-J: 1", "HTTP/1.1 431 ")]
    [InlineData("--Limits:HeaderTime=00:00:01", "UNFINISHED", "HTTP/1.1 408 ")]
    public async Task Headers_too_large_too_many_or_too_slow_are_refused(string limit, string headers, string status)
    {
        await using ServerProcess server = await Start(limit);
        using var client = new TcpClient();
        await client.ConnectAsync(server.Url.Host, server.Url.Port);
        string end = headers == "UNFINISHED" ? string.Empty
            : $"{headers.Replace("LARGE", new string('x', 3000), StringComparison.Ordinal)}\r\n\r\n";
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes($"GET /version HTTP/1.1\r\nHost: x\r\n{end}"));
        using var reader = new StreamReader(client.GetStream());
        Assert.StartsWith(status, await reader.ReadLineAsync().WaitAsync(Patience), StringComparison.Ordinal);
        await server.Admin.Create("others-are-served");
    }

    [Fact]
    public async Task A_body_that_trickles_is_cut_off_with_a_Status()
    {
        await using ServerProcess server = await Start("--Limits:BodyBytesPerSecond=1000", "--Limits:BodyGrace=00:00:01.5");
        await server.Admin.Create("mnist");
        using var client = new TcpClient();
        await client.ConnectAsync(server.Url.Host, server.Url.Port);
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(
            $"PATCH {Sample.Job("mnist")} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ServerProcess.AdminToken}\r\n"
            + "Content-Type: application/merge-patch+json\r\nContent-Length: 5000\r\n\r\n{"));
        using var reader = new StreamReader(client.GetStream());
        string answer = await reader.ReadToEndAsync().WaitAsync(Patience);
        Assert.StartsWith("HTTP/1.1 408 ", answer, StringComparison.Ordinal);
        Assert.Contains("\"kind\":\"Status\"", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_request_that_takes_too_long_is_504_with_Retry_After_and_changes_nothing()
    {
        await using ServerProcess server = await Start("--Limits:RequestTime=00:00:04"); // its first request is slow
        await server.Admin.Create("mnist");
        await using WatchClient watch = await WatchClient.Open(server.Admin, Sample.Jobs());
        await using (CommitLock held = await CommitLock.Hold(database))
        {
            Task<Reply> committing = Reply.Of(server.Admin.Patch(Sample.Job("mnist"), """{"metadata":{"labels":{"n":"1"}}}"""));
            await held.WaitForWaiting(1);
            Reply waiting = await Reply.Of(server.Admin.Patch(Sample.Job("mnist"), """{"metadata":{"labels":{"n":"2"}}}"""))
                .WaitAsync(Patience);
            Assert.Equal(
                (HttpStatusCode.GatewayTimeout, "Timeout", "1"), (waiting.Code, (string?)waiting.Json["reason"], waiting.RetryAfter));
            await held.DisposeAsync();
            await committing.WaitAsync(Eventually.Deadline);
        }

        Assert.Equal(2, (await watch.Next(2)).Count); // a watch has a time of its own
        Assert.Equal("1", (string?)(await server.Admin.Get(Sample.Job("mnist")))["metadata"]!["labels"]!["n"]);
        Assert.Equal(2, await database.Events("mnist"));
    }

    private Task<ServerProcess> Start(params string[] limits) =>
        ServerProcess.Start(database.Serving, ["--Limits:Masters=true", .. limits]);

    private static void Refused(Reply reply, string why)
    {
        Assert.Equal((HttpStatusCode.TooManyRequests, "TooManyRequests"), (reply.Code, (string?)reply.Json["reason"]));
        Assert.True(int.Parse(reply.RetryAfter!, System.Globalization.CultureInfo.InvariantCulture) >= 1);
        Assert.Contains(why, (string?)reply.Json["message"], StringComparison.Ordinal);
    }
}
