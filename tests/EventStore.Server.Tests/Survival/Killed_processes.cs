using EventStore.Server.Tests.Fixtures;
using EventStore.Server.Tests.Watch;
using Npgsql;
using Xunit.Abstractions;

namespace EventStore.Server.Tests.Survival;

/// <summary>
/// Servers and PostgreSQL are killed at random moments while 16 write and some watch: every answered write is there, every other one is
/// there or not but never by half, and who watched missed nothing. With <c>SURVIVAL_KILLS=50</c> as often as that.
/// </summary>
[Trait("Category", "Slow")]
public sealed class Killed_processes(ITestOutputHelper output)
{
    private const int WritersCount = 16;

    // Every column of every current job.
    private const string Rows = "SELECT string_agg(j::text, E'\\n' ORDER BY id) FROM eventstore.mt_doc_current_job j";

    private static readonly int Kills = Rounds.Of("SURVIVAL_KILLS", 3);
    private static readonly string[] QuickBookmarks = ["--Feed:BookmarkEvery=00:00:00.3"];

    private static readonly string[] Begins = ["initial", "none", "2", "5"];

    private readonly CountedWrites writes = new();

    [Fact]
    public async Task Lose_nothing_that_was_answered_and_leave_nothing_by_half()
    {
        await using OwnCluster cluster = await OwnCluster.Start(durable: true);
        await using TestDatabase database = await TestDatabase.Create(cluster.Superuser);
        List<ServerProcess> servers =
            [await ServerProcess.Start(database.Serving, QuickBookmarks), await ServerProcess.Start(database.Serving, QuickBookmarks)];
        await using var proxy = new TcpProxy([.. servers.Select(server => server.Url)]);
        using HttpClient client = proxy.Client();
        try
        {
            for (int i = 0; i < WritersCount; i++)
                await client.Create($"job-{i}");
            using var stop = new CancellationTokenSource();
            var end = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
            Follower[] followers = [.. Begins.Select(begin => new Follower(client, Sample.Jobs(), "", _ => true, begin, 1 + WritersCount))];
            Task[] following = [.. followers.Select(follower => follower.Follow(end.Task))];
            // Of each job one patches blindly, one requires the revision it knows, and one reads.
            Task[] writing = [.. Enumerable.Range(0, WritersCount / 2).SelectMany(i => (Task[])
                [writes.Write(client, $"job-{i}", stop.Token), writes.WriteOptimistically(client, $"job-{i}", stop.Token), writes.Read(
                    [client], $"job-{i}", stop.Token)])];

            await KillAtRandom(cluster, database, servers, proxy, Task.WhenAll(writing));

            await stop.CancelAsync();
            await Task.WhenAll(writing).WaitAsync(Eventually.Deadline);
            NpgsqlConnection.ClearAllPools();
            database.Source.Clear();
            database.OwnerSource.Clear();
            end.SetResult(await database.Ask<long>("SELECT revision FROM eventstore.head"));
            await Task.WhenAll(following).WaitAsync(Eventually.Deadline);

            int open = await writes.Check(database.OwnerSource);
            output.WriteLine(
                $"{Kills} kills: {writes.Answered} writes answered, all there; {writes.Unanswered} not answered, {open} of them there; "
                + $"{writes.Conflicts} met another revision; {writes.Seen} reads");
            output.WriteLine(writes.Refusals);
            Replay replay = await Replay.Of(database);
            Assert.All(followers, follower => follower.Check(replay));
            output.WriteLine(
                $"watches resumed {followers.Sum(follower => follower.CutOff)} times, and missed none of {replay.Head - 1} revisions");
        }
        finally
        {
            foreach (ServerProcess server in servers)
                await server.DisposeAsync();
        }

        await database.AssertWhole();
        string before = await database.Ask<string>(Rows);
        await using ProgramRun rebuilt = await ProgramRun.Ended(
            new Dictionary<string, string?>
            {
                ["ConnectionStrings__Postgres"] = database.Serving,
                ["ConnectionStrings__PostgresOwner"] = database.Owner,
            },
            "rebuild");
        Assert.True(rebuilt.ExitCode == 0, rebuilt.Everything);
        Assert.Equal(before, await database.Ask<string>(Rows));
    }

    private async Task KillAtRandom(OwnCluster cluster, TestDatabase database, List<ServerProcess> servers, TcpProxy proxy, Task working)
    {
        int seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        for (int kill = 0; kill < Kills; kill++)
        {
            await writes.GoOn(working); // they write again
            await Task.Delay(random.Next(1000));
            int victim = kill % 3; // one server, the other, PostgreSQL
            if (victim == 2)
            {
                await cluster.Kill();
                await Task.Delay(random.Next(500));
                await cluster.Start();
                continue;
            }

            await servers[victim].Kill();
            proxy.SendTo(servers[1 - victim].Url);
            await servers[victim].DisposeAsync();
            servers[victim] = await ServerProcess.Start(database.Serving, QuickBookmarks);
            proxy.SendTo([.. servers.Select(server => server.Url)]);
        }
    }
}
