using EventStore.Domain.Jobs;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Watch;

/// <summary>
/// The promise a watch is made of: whatever is written meanwhile, by whom and through which process, a watcher's frames are the event
/// table from where it began: none missing, none twice, in order.
/// </summary>
[Trait("Category", "Slow")]
public sealed class Watchers_and_writers
{
    private const int WritersCount = 16;
    private const int WatchersCount = 50;

    private static readonly string[] QuickBookmarks = ["--Feed:BookmarkEvery=00:00:00.3"];

    [Fact]
    public async Task On_one_process()
    {
        await using TestDatabase database = await TestDatabase.Create();
        await using ServerProcess server = await ServerProcess.Start(database.Serving, QuickBookmarks);
        await Run(database, new Writers(server.Admin), server.Admin);
    }

    [Fact]
    public async Task On_two_processes()
    {
        await using TestDatabase database = await TestDatabase.Create();
        await using ServerProcess writing = await ServerProcess.Start(database.Serving, QuickBookmarks);
        await using ServerProcess watching = await ServerProcess.Start(database.Serving, QuickBookmarks);
        await Run(database, new Writers(writing.Admin), watching.Admin);
    }

    [Fact]
    public async Task While_the_database_is_restarted()
    {
        (string superuser, Func<Task> restart) = await LocalCluster.Start();
        await using TestDatabase database = await TestDatabase.Create(superuser);
        await using ServerProcess writing = await ServerProcess.Start(database.Serving, QuickBookmarks);
        await using ServerProcess watching = await ServerProcess.Start(database.Serving, QuickBookmarks);

        await Run(database, new Writers(writing.Admin, watching.Admin) { MayFail = true }, watching.Admin, async () =>
        {
            for (int i = 0; i < 3; i++)
            {
                await Task.Delay(700);
                await restart();
            }
        });
    }

    [Fact]
    public async Task Beside_one_who_reads_a_byte_a_second()
    {
        await using TestDatabase database = await TestDatabase.Create();
        await using ServerProcess server = await ServerProcess.Start(database.Serving, QuickBookmarks);
        using StalledClient slow = await StalledClient.Get(server.Url, "/apis/kubeflow.org/v1/pytorchjobs?watch=true");
        using var stop = new CancellationTokenSource();
        Task trickling = slow.Trickle(stop.Token);
        int cutOff = await Run(database, new Writers(server.Admin), server.Admin);
        Assert.Equal(0, cutOff);
        Assert.False(trickling.IsCompleted, "the slow one was gone while the others watched");
        await stop.CancelAsync();
        await trickling;
    }

    [Theory]
    [InlineData("--Feed:Backlog=2", "--Feed:RingLength=3", "--Feed:KnownBytes=2000")]
    [InlineData("--Feed:BacklogBytes=2000", "--Feed:RingBytes=5000")]
    public async Task With_a_backlog_and_a_ring_so_short_that_watchers_are_cut_off(params string[] limits)
    {
        await using TestDatabase database = await TestDatabase.Create();
        await using ServerProcess server = await ServerProcess.Start(database.Serving, [.. QuickBookmarks, .. limits]);
        int cutOff = await Run(database, new Writers(server.Admin), server.Admin, untilCutOff: true);
        Assert.True(cutOff > 0, "nobody was cut off, so nothing was shown");
    }

    private static async Task<int> Run(
        TestDatabase database, Writers writers, HttpClient watching, Func<Task>? meanwhile = null, bool untilCutOff = false)
    {
        // A past to begin in, older than everything the feed has at hand.
        await writers.Write(WritersCount, 6, seed: 7);
        var random = new Random(42);
        var end = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
        using var stop = new CancellationTokenSource();
        Task writing = writers.WriteUntil(WritersCount, seed: 1, stop.Token);
        Task disturbing = meanwhile?.Invoke() ?? Task.CompletedTask;

        var followers = new List<Follower>();
        var following = new List<Task>();
        for (int i = 0; i < WatchersCount; i++)
        {
            Follower follower = await NextFollower(random, watching, database);
            followers.Add(follower);
            following.Add(Task.Run(() => follower.Follow(end.Task)));
            await Task.Delay(random.Next(50));
        }

        await disturbing;
        if (untilCutOff)
            await Eventually.Holds(() => followers.Any(follower => follower.CutOff > 0));
        await stop.CancelAsync();
        await writing;
        await Retry(async () => end.SetResult(await database.Ask<long>("SELECT revision FROM eventstore.head")));
        await Task.WhenAll(following).WaitAsync(Eventually.Deadline);

        Replay replay = null!;
        await Retry(async () => replay = await Replay.Of(database)); // the last restart may have closed our connection too
        Assert.All(followers, follower => follower.Check(replay));
        return followers.Sum(follower => follower.CutOff);
    }

    private static async Task<Follower> NextFollower(Random random, HttpClient client, TestDatabase database)
    {
        long head = 0;
        await Retry(async () => head = await database.Ask<long>("SELECT revision FROM eventstore.head"));
        string begin = random.Next(6) switch
        {
            0 => "none",
            1 => "0",
            2 => "initial",
            3 => $"{head}",
            _ => $"{random.NextInt64(1, head)}",
        };
        string space = Writers.Namespaces[random.Next(Writers.Namespaces.Length)];
        string name = $"job-{random.Next(6)}";
        const string everywhere = "/apis/kubeflow.org/v1/pytorchjobs";
        return random.Next(5) switch
        {
            0 => new Follower(client, everywhere, "", _ => true, begin, head),
            1 => new Follower(client, Sample.Jobs(space), "", job => job.Key.Namespace == space, begin, head),
            2 => new Follower(
                client, Sample.Jobs(space), $"fieldSelector=metadata.name={name}", job => job.Key == new JobKey(space, name), begin, head),
            3 => new Follower(client, everywhere, $"fieldSelector=metadata.name={name}", job => job.Key.Name == name, begin, head),
            _ => new Follower(
                client, Sample.Jobs(space), "labelSelector=team%3D1", job => job.Key.Namespace == space && Team(job) == "1", begin, head),
        };
    }

    private static string? Team(Job job) => (job.Metadata["labels"]?.Member("team") as Domain.Json.JsonText)?.Value;

    private static async Task Retry(Func<Task> ask)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                await ask();
                return;
            }
            catch (Npgsql.NpgsqlException) when (attempt < 100)
            {
                await Task.Delay(50);
            }
        }
    }
}
