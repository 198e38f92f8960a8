using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using EventStore.Server.Tests.Fixtures;
using EventStore.Server.Tests.Watch;
using Npgsql;

namespace EventStore.Server.Tests.Survival;

/// <summary>
/// Three servers that read a replica, and clients whose every request goes to another one. For a client that hands its resourceVersion on,
/// time never goes back, nor at a server that was frozen meanwhile.
/// </summary>
[Trait("Category", "Slow")]
public sealed class Three_servers
{
    private const int Clients = 6;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);
    private static readonly string[] Begins = ["initial", "none", "2"];

    private readonly int[] served = new int[Clients];
    private volatile ServerProcess[] balanced = [];

    [Fact]
    public async Task Answer_nothing_older_than_what_a_client_has_seen_at_another()
    {
        await using OwnCluster a = await OwnCluster.Start();
        TestDatabase database = await TestDatabase.Create(a.Superuser);
        await using OwnCluster b = await a.StartStandby("");
        await using ServerProcess one = await Serve(database, b), two = await Serve(database, b), three = await Serve(database, b);
        ServerProcess[] all = [one, two, three];
        for (int i = 0; i < Clients; i++)
            await one.Admin.Create($"job-{i}");
        var end = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
        Follower[] followers =
        [
            .. from begin in Begins
               from server in all
               select new Follower(server.Admin, Sample.Jobs(), "", _ => true, begin, 1 + Clients),
        ];
        Task following = Task.WhenAll(followers.Select(follower => follower.Follow(end.Task)));
        using var stop = new CancellationTokenSource();
        balanced = all;
        Task working = Task.WhenAll(Enumerable.Range(0, Clients).Select(i => Task.Run(() => Work(i, stop.Token))));

        await EachIsServed(60, working);
        foreach (ServerProcess frozen in all)
        {
            balanced = [.. all.Except([frozen])];
            await EachIsServed(2, working); // nobody waits for an answer of that one any more
            await frozen.Signal("STOP");
            await EachIsServed(60, working);
            await frozen.Signal("CONT");
            balanced = [frozen];
            await EachIsServed(30, working);
            balanced = all;
        }

        await stop.CancelAsync();
        await working.WaitAsync(Patience);
        end.SetResult(await database.Ask<long>("SELECT revision FROM eventstore.head"));
        await following.WaitAsync(Patience);
        Replay replay = await Replay.Of(database);
        Assert.All(followers, follower => follower.Check(replay));
        foreach (ServerProcess server in all)
            Assert.Contains("host=\"standby\"", await server.Admin.GetStringAsync("/metrics"), StringComparison.Ordinal);
        await database.AssertWhole();
        await database.Source.DisposeAsync();
        await database.OwnerSource.DisposeAsync();
    }

    /// <summary>The replica is no host of the primary's connection string, and its own role and names are its own matter.</summary>
    private static Task<ServerProcess> Serve(TestDatabase database, OwnCluster replica) => ServerProcess.Start(
        database.Serving,
        "--ConnectionStrings:PostgresReplicas",
        new NpgsqlConnectionStringBuilder(database.Serving) { Host = "127.0.0.1", Port = replica.Port }.ConnectionString,
        "--Feed:BookmarkEvery=00:00:00.2");

    /// <summary>Nobody else changes the client's job: whatever it reads of it must be what it wrote last.</summary>
    private async Task Work(int i, CancellationToken stop)
    {
        string name = $"job-{i}";
        (long own, long before, long seen) = (0, 0, 0);
        for (int n = 0; !stop.IsCancellationRequested; n++)
        {
            ServerProcess[] now = balanced;
            HttpClient client = now[n % now.Length].Admin;
            switch (n % 5)
            {
                case 0:
                    string lockOf = own == 0 ? "" : $"\"resourceVersion\":\"{own}\",";
                    Reply patched = await Reply.Of(client.Patch(
                        Sample.Job(name), $$$$"""{"metadata":{{{{{lockOf}}}}"labels":{"n":"{{{{n}}}}"}}}"""));
                    Assert.True((int)patched.Code == 200, patched.Text);
                    (before, own) = (own, Number(JsonNode.Parse(patched.Text)!));
                    seen = Math.Max(seen, own);
                    break;
                case 1:
                    Assert.Equal(own, Number(await client.Get($"{Sample.Job(name)}?resourceVersion={seen}")));
                    break;
                case 2:
                    JsonNode list = await client.Get($"{Sample.Jobs()}?resourceVersion={seen}");
                    Assert.True(Number(list) >= seen, $"the list of {Number(list)} is older than {seen}");
                    Assert.Equal(own, Number(list["items"]!.AsArray().Single(job => (string)job!["metadata"]!["name"]! == name)!));
                    seen = Number(list);
                    break;
                case 3:
                    Assert.Equal(own, Number(await client.Get(Sample.Job(name))));
                    break;
                case 4 when before > 0:
                    await using (WatchClient watch = await WatchClient.Open(
                        client, Sample.Jobs(), $"resourceVersion={before}&fieldSelector=metadata.name%3D{name}"))
                        Assert.Equal(own, (await watch.Next())!.Revision);
                    break;
            }

            Interlocked.Increment(ref served[i]);
        }
    }

    /// <summary>Waits until each client got so many more answers.</summary>
    private async Task EachIsServed(int more, Task working)
    {
        int[] before = [.. served];
        for (var waited = Stopwatch.StartNew(); served.Zip(before).Any(each => each.First < each.Second + more); await Task.Delay(20))
        {
            if (working.IsCompleted)
                await working;
            Assert.True(waited.Elapsed < Patience, $"not all are served: {string.Join(", ", served)}");
        }
    }

    private static long Number(JsonNode read) => long.Parse(read.Revision(), CultureInfo.InvariantCulture);
}
