using System.Text.RegularExpressions;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Watch;

[Trait("Category", "Slow")]
public sealed class A_slow_watcher
{
    [Fact]
    public async Task Is_cut_off_and_slows_nobody()
    {
        await using TestDatabase database = await TestDatabase.Create();
        await using ServerProcess server = await ServerProcess.Start(
            database.Serving, "--Feed:BookmarkEvery=00:00:00.3", "--Feed:Backlog=150");
        await server.Admin.Create("large");
        using StalledClient slow = await StalledClient.Get(server.Url, Sample.Jobs() + "?watch=true");
        using var stop = new CancellationTokenSource();
        Task trickling = slow.Trickle(stop.Token);
        var end = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
        Follower[] others = [.. Enumerable.Range(0, 4).Select(_ => new Follower(server.Admin, Sample.Jobs(), "", _ => true, "initial", 1))];
        Task[] following = [.. others.Select(other => other.Follow(end.Task))];

        // More than the kernel keeps for the slow one, and then more frames than the feed does.
        string large = new('x', 40_000);
        for (int i = 0; i < 400; i++)
        {
            using HttpResponseMessage answer = await server.Admin.Patch(
                Sample.Job("large"), $$$$"""{"metadata":{"annotations":{"a":"{{{{i}}}}{{{{large}}}}"}}}""");
            await answer.Manifest();
        }

        end.SetResult(await database.Ask<long>("SELECT revision FROM eventstore.head"));
        await Task.WhenAll(following).WaitAsync(Eventually.Deadline);
        Replay replay = await Replay.Of(database);
        Assert.All(others, other => other.Check(replay));
        Assert.All(others, other => Assert.Equal(0, other.CutOff));

        await stop.CancelAsync();
        await trickling;
        (string text, bool broken) = await slow.ReadToEnd();
        Assert.True(broken, "it was told that the watch ended properly");
        Assert.DoesNotContain($"\"resourceVersion\":\"{replay.Head}\"", text, StringComparison.Ordinal);
        await server.Says("was cut off: its client reads too slowly, and more than 150 changes");
        await Eventually.Holds(
            () => server.Admin.GetStringAsync("/metrics"), // a scrape is cached for 0.3 s
            metrics => Regex.IsMatch(metrics, @"(?m)^eventstore_watchers_slow_total\{[^}]*\} 1$"));
    }

    [Fact]
    public async Task Over_a_WebSocket_that_answers_no_ping_is_given_up()
    {
        await using TestDatabase database = await TestDatabase.Create();
        await using ServerProcess server = await ServerProcess.Start(database.Serving, "--Feed:PingEvery=00:00:00.2");
        using StalledClient silent = await StalledClient.Get(
            server.Url, Sample.Jobs() + "?watch=true",
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
        (string text, bool broken) = await silent.ReadToEnd(); // reading is no answer to a ping
        Assert.StartsWith("HTTP/1.1 101 ", text, StringComparison.Ordinal);
        Assert.True(broken);
        await Eventually.Holds(
            () => server.Admin.GetStringAsync("/metrics"), metrics => Regex.IsMatch(metrics, @"(?m)^eventstore_watchers\{[^}]*\} 0$"));
    }
}
