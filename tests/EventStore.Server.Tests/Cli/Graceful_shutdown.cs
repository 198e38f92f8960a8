using System.Diagnostics;
using System.Net;
using EventStore.Server.Tests.Fixtures;
using EventStore.Server.Tests.Watch;

namespace EventStore.Server.Tests.Cli;

/// <summary>SIGTERM: nothing that was answered is lost, whoever watches is told where to go on, and it is over in time.</summary>
[Trait("Category", "Slow")]
public sealed class Graceful_shutdown : IAsyncLifetime
{
    private const int Writers = 16;
    private const int AnswersBeforeTheEnd = 200;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private TestDatabase database = null!;

    public async Task InitializeAsync() => database = await TestDatabase.Create();

    public async Task DisposeAsync() => await database.DisposeAsync();

    [Fact]
    public async Task Under_load_every_answered_write_is_there_and_watches_end_with_the_last_of_them()
    {
        await using ServerProcess server = await ServerProcess.Start(database.Serving);
        await Race.Of(Writers, [server], (client, i) => client.PostAsync(Sample.Jobs(), Sample.Body(Sample.Manifest($"job-{i}"))));
        await using WatchClient watch = await WatchClient.Open(server.Admin, Sample.Jobs(), "allowWatchBookmarks=true&resourceVersion=1");
        Task<List<Frame>> watched = watch.ToEnd(); // a broken connection would be an exception
        var answered = new List<long>();
        var enough = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Task[] writers = [.. Enumerable.Range(0, Writers).Select(i => Write(server, $"job-{i}", answered, enough))];
        await enough.Task.WaitAsync(Eventually.Deadline);

        await server.Stop().WaitAsync(Patience);
        await Task.WhenAll(writers);

        HashSet<long> stored = [.. await database.Ask<long[]>("SELECT array_agg(seq_id) FROM eventstore.mt_events")];
        Assert.All(answered, revision => Assert.Contains(revision, stored));
        List<Frame> frames = await watched;
        Assert.Equal("BOOKMARK", frames[^1].Type);
        // Where it says the watcher stands, it stands: what it was sent is all there is up to there.
        Assert.Equal(
            stored.Where(revision => revision <= frames[^1].Revision).Order(),
            frames.SkipLast(1).Where(frame => frame.Type != "BOOKMARK").Select(frame => frame.Revision));
        Assert.DoesNotContain("fail:", server.Output, StringComparison.Ordinal);
        await database.AssertWhole();
    }

    [Fact]
    public async Task A_write_under_way_is_answered()
    {
        await using ServerProcess server = await ServerProcess.Start(database.Serving);
        await server.Admin.Create("slow");
        Task<Reply> write;
        Task stopping;
        await using (CommitLock held = await CommitLock.Hold(database))
        {
            write = Reply.Of(server.Admin.Patch(Sample.Job("slow"), """{"metadata":{"labels":{"a":"b"}}}"""));
            await held.WaitForWaiting(1);
            stopping = server.Stop();
            await Eventually.Equal(false, () => TakesConnections(server));
        }

        Reply reply = await write;
        Assert.True(reply.Code == HttpStatusCode.OK, reply.Text);
        await stopping.WaitAsync(Patience);
    }

    [Fact]
    public async Task Whoever_spreads_the_load_is_told_first()
    {
        await using ServerProcess server = await ServerProcess.Start(database.Serving, "--Stop:Delay", "00:00:30");
        await using WatchClient watch = await WatchClient.Open(server.Admin, Sample.Jobs(), "allowWatchBookmarks=true");
        Task stopping = server.Stop();
        string text = await Eventually.Holds(() => Text(server.Admin, "/readyz"), said => said != "ok", "it is not ready");
        Assert.Contains("[+]lane ok\n[+]migrations ok\n[-]shutdown failed: reason withheld\n", text, StringComparison.Ordinal);

        // It still serves: who has not heard yet is not turned away, and nobody is sent off before the others know.
        string revision = (await server.Admin.Create("late")).Revision();
        Assert.Equal(("ADDED", revision), ((await watch.Next())!.Type, revision));
        Assert.False(stopping.IsCompleted);
        using (HttpResponseMessage last = await server.Admin.GetAsync(Sample.Job("late")))
            Assert.True(
                last.IsSuccessStatusCode && last.Headers.ConnectionClose == true, "its clients are not told to come by another connection");

        await server.Stop().WaitAsync(Patience); // a second signal cuts the delay short
        Assert.DoesNotContain(await watch.ToEnd(), frame => frame.Type != "BOOKMARK");
    }

    [Fact]
    public async Task Signals_that_come_at_once_begin_it_once()
    {
        await using ServerProcess server = await ServerProcess.Start(database.Serving);
        // A terminal's, and a parent's that passes it on.
        using (Process sending = Process.Start("sh", ["-c", $"kill -TERM {server.Id}; kill -INT {server.Id}; kill -TERM {server.Id}"]))
            await sending.WaitForExitAsync();

        await server.Stop().WaitAsync(Patience);
        Assert.Single(server.Output.Split('\n'), line => line.Contains("Stopping; still serving", StringComparison.Ordinal));
    }

    [Fact]
    public async Task It_ends_in_time_though_the_database_does_not_answer()
    {
        await using ServerProcess server = await ServerProcess.Start(database.Serving, "--Stop:Time", "00:00:04");
        await server.Admin.Create("held");
        await using CommitLock held = await CommitLock.Hold(database);
        Task<Reply> write = Reply.Of(server.Admin.Patch(Sample.Job("held"), """{"metadata":{"labels":{"a":"b"}}}"""));
        await held.WaitForWaiting(1);

        await server.Stop().WaitAsync(Patience);
        Assert.Contains("The lane has not finished within 2 s; ending all the same", server.Output, StringComparison.Ordinal);
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => write);
    }

    private static async Task Write(ServerProcess server, string job, List<long> answered, TaskCompletionSource enough)
    {
        try
        {
            for (int count = 1; ; count++)
            {
                Reply reply = await Reply.Of(
                    server.Admin.Patch(Sample.Job(job), $$$$"""{"metadata":{"labels":{"count":"{{{{count}}}}"}}}"""));
                Assert.True(reply.Code == HttpStatusCode.OK, reply.Text);
                lock (answered)
                {
                    answered.Add(long.Parse(reply.Json.Revision()));
                    if (answered.Count == AnswersBeforeTheEnd)
                        enough.SetResult();
                }
            }
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            // It takes no more.
        }
        catch (Exception e)
        {
            enough.TrySetException(e);
            throw;
        }
    }

    private static async Task<bool> TakesConnections(ServerProcess server)
    {
        try
        {
            using var stranger = new HttpClient { BaseAddress = server.Url };
            await Text(stranger, "/livez");
            return true;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private static async Task<string> Text(HttpClient client, string path)
    {
        using HttpResponseMessage answer = await client.GetAsync(path);
        return await answer.Content.ReadAsStringAsync();
    }
}
