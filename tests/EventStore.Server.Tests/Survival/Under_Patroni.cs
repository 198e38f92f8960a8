using System.Diagnostics;
using System.Text.Json.Nodes;
using EventStore.Server.Tests.Fixtures;
using EventStore.Server.Tests.Watch;
using Npgsql;
using Xunit.Abstractions;

namespace EventStore.Server.Tests.Survival;

/// <summary>
/// Two servers on three PostgreSQL under real Patroni, whose connection string names all hosts. Leaders are killed, frozen and switched
/// over in turn under load; with <c>SURVIVAL_PATRONI_FAILOVERS=50</c> so often.
/// </summary>
[Trait("Category", "Slow")]
public sealed class Under_Patroni(ITestOutputHelper output)
{
    private const int WritersCount = 16;
    private const int JobsCount = WritersCount / 2;
    private const string Checkpoint = "/apis/audit.eventstore.io/v1/checkpoint";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);
    private static readonly int Failovers = Rounds.Of("SURVIVAL_PATRONI_FAILOVERS", 20);
    private static readonly string[] Begins = ["initial", "none", "0", "2"];

    private readonly CountedWrites writes = new() { Pause = TimeSpan.FromMilliseconds(10) };

    /// <summary>What happened to a leader.</summary>
    /// <param name="What">For people.</param>
    /// <param name="Began">When it was done to it.</param>
    /// <param name="Succeeded">When another node took writes.</param>
    private sealed record Failover(string What, long Began, long Succeeded);

    [SkippableFact]
    public async Task With_a_synchronous_standby_each_failover_keeps_what_was_answered_once_and_in_order()
    {
        Skip.IfNot(PatroniCluster.IsThere, PatroniCluster.Missing);
        await using PatroniCluster cluster = await PatroniCluster.Start(isSynchronous: true);
        TestDatabase database = await TestDatabase.Create(cluster.Superuser((await cluster.IsHealthy()).Leader));
        await using ServerProcess one = await Serve(cluster, database), two = await Serve(cluster, database);
        for (int i = 0; i < JobsCount; i++)
            await one.Admin.Create($"job-{i}");

        using var stop = new CancellationTokenSource();
        var end = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
        Follower[] followers = [.. Begins.SelectMany(begin => (Follower[])
            [.. ((ServerProcess[])[one, two]).Select(server => new Follower(
                server.Admin, Sample.Jobs(), "", _ => true, begin, 1 + JobsCount))])];
        Task following = Task.WhenAll(followers.Select(follower => follower.Follow(end.Task)));
        Task working = Work(one, two, stop.Token);

        await Eventually.Holds(() => followers.All(follower => follower.HasBegun), "every watch has begun");
        int seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");
        var random = new Random(seed);
        List<Failover> failovers = [];
        while (failovers.Count < Failovers)
        {
            failovers.Add(await FailOver(cluster, failovers.Count, random, working));
            await writes.GoOn(working);
        }

        await stop.CancelAsync();
        await working.WaitAsync(Patience);
        await using TestDatabase now = database.At(cluster.Superuser((await cluster.IsHealthy()).Leader));
        end.SetResult(await now.Ask<long>("SELECT revision FROM eventstore.head"));
        await following.WaitAsync(Patience);
        Tell(failovers);
        int open = await writes.Check(now.OwnerSource);
        output.WriteLine(
            $"{writes.Answered} writes answered, all there once; {writes.Conflicts} met another revision than they required; {writes.Seen} reads; "
            + $"{writes.Unanswered} writes left open, {open} of them there\n{writes.Refusals}");
        Replay replay = await Replay.Of(now);
        Assert.All(followers, follower => follower.Check(replay));
        Assert.All(followers, follower => Assert.Equal(0, follower.CutOff));
        output.WriteLine($"{followers.Length} watches were never cut off, and missed none of {replay.Revisions.Count()} revisions");
        await now.AssertWhole();
        JsonNode checkpoint = await one.Admin.Get(Checkpoint);
        Assert.Equal("[]", checkpoint["lost"]!.ToJsonString());
        Assert.All(
            (ServerProcess[])[one, two], server => Assert.DoesNotContain("The lane failed", server.Output, StringComparison.Ordinal));
        await database.Source.DisposeAsync();
        await database.OwnerSource.DisposeAsync();
    }

    [SkippableFact]
    public async Task Without_one_what_a_failover_loses_is_named_and_whoever_saw_it_lists_anew()
    {
        Skip.IfNot(PatroniCluster.IsThere, PatroniCluster.Missing);
        await using PatroniCluster cluster = await PatroniCluster.Start(isSynchronous: false);
        TestDatabase database = await TestDatabase.Create(cluster.Superuser((await cluster.IsHealthy()).Leader));
        await using ServerProcess one = await Serve(cluster, database), two = await Serve(cluster, database);
        for (int i = 0; i < JobsCount; i++)
            await one.Admin.Create($"job-{i}");
        using var stop = new CancellationTokenSource();
        var end = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
        Informer[] informers = [.. Enumerable.Range(0, 8).Select(i => new Informer((i % 2 == 0 ? one : two).Admin, Sample.Jobs()))];
        Task following = Task.WhenAll(informers.Select(informer => informer.Follow(end.Task)));
        Task working = Work(one, two, stop.Token);

        for (int losses = 1; losses <= 2; losses++)
        {
            await Lose(cluster, working, informers, isKilled: losses == 1);
            int times = losses;
            await Eventually.Holds(
                () => informers.All(informer => informer.Expired >= times), "every watcher is told that what it saw has expired");
            await writes.GoOn(working);
        }

        await stop.CancelAsync();
        await working.WaitAsync(Patience);
        await using TestDatabase now = database.At(cluster.Superuser((await cluster.IsHealthy()).Leader));
        end.SetResult(await now.Ask<long>("SELECT revision FROM eventstore.head"));
        await following.WaitAsync(Patience);

        (IReadOnlyList<Fault> faults, _) = await writes.Faults(now.OwnerSource);
        // Also a write may have been refused because of one that is lost.
        Assert.Equal([], faults.Where(fault => fault.Kind is not (FaultKind.Lost or FaultKind.FalseConflict)));
        long[] lost = [.. faults.Where(fault => fault.Kind == FaultKind.Lost).Select(fault => fault.Revision).Distinct()];
        (long From, long To)[] named =
            [.. ((JsonArray)(await one.Admin.Get(Checkpoint))["lost"]!).Select(range => ((long)range!["from"]!, (long)range["to"]!))];
        output.WriteLine(
            $"{writes.Answered} writes answered, {lost.Length} revisions lost that somebody was told of; "
            + $"named are {string.Join(", ", named)}");
        Assert.True(lost.Length > 100, $"only {lost.Length} revisions were lost");
        Assert.All(lost, revision => Assert.Contains(named, range => range.From <= revision && revision <= range.To));
        Replay replay = await Replay.Of(now);
        Assert.DoesNotContain(replay.Revisions, revision => named.Any(range => range.From <= revision && revision <= range.To));
        Dictionary<string, long> there = replay.At(replay.Head).ToDictionary(job => job.Key.Name, job => job.Revision);
        Assert.All(informers, informer => Assert.Equal(there, informer.Jobs));
        await now.AssertWhole();
        await database.Source.DisposeAsync();
        await database.OwnerSource.DisposeAsync();
    }

    /// <summary>Cuts the standbys off from the leader, which goes on, and has one of them take its place.</summary>
    private async Task Lose(PatroniCluster cluster, Task working, Informer[] informers, bool isKilled)
    {
        (int leader, int standby) = await cluster.IsHealthy();
        await Eventually.Holds(
            async () =>
            {
                await cluster.Ask(leader, "ALTER ROLE replicator NOLOGIN");
                await cluster.Ask(leader, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_replication");
                return await cluster.Ask(leader,
                    "SELECT NOT rolcanlogin AND NOT EXISTS (SELECT FROM pg_stat_replication) FROM pg_roles WHERE rolname = 'replicator'")
                    is true;
            },
            "nothing is sent to a standby");
        await writes.GoOn(working);
        long lost = writes.Done.Max(write => write.Revision);
        await Eventually.Holds(() => informers.All(informer => informer.Last >= lost), "every watcher has seen what will be lost");
        Task<(int Node, long At)> awaited = cluster.Successor(leader);
        await (isKilled ? cluster.Kill(leader) : cluster.FailOver(standby));
        int successor = (await awaited).Node;
        await Eventually.Holds(
            async () =>
            {
                await cluster.Ask(successor, "ALTER ROLE replicator LOGIN");
                return await cluster.Ask(successor, "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'replicator'") is true;
            },
            "standbys may follow again");
        await writes.GoOn(working);
        if (isKilled)
            await cluster.Start(leader);
    }

    /// <summary>Servers that read standbys: what they list must be no older than what they get of the leader.</summary>
    private static Task<ServerProcess> Serve(PatroniCluster cluster, TestDatabase database)
    {
        // A host with a port of its own needs none beside it.
        var target = new NpgsqlConnectionStringBuilder(database.Serving) { Host = cluster.Hosts };
        return ServerProcess.Start(target.ConnectionString, "--Feed:BookmarkEvery=00:00:00.2", "--standby-reads", "on");
    }

    /// <summary>
    /// Of each job one writer patches blindly and one requires the revision it knows; they and a reader ask both servers.
    /// </summary>
    private Task Work(ServerProcess one, ServerProcess two, CancellationToken stop) =>
        Task.WhenAll(Enumerable.Range(0, JobsCount).SelectMany(i =>
        {
            (HttpClient here, HttpClient there) = i % 2 == 0 ? (one.Admin, two.Admin) : (two.Admin, one.Admin);
            return (Task[])
            [
                Task.Run(() => writes.Write(here, $"job-{i}", stop), CancellationToken.None),
                Task.Run(() => writes.WriteOptimistically(there, $"job-{i}", stop), CancellationToken.None),
                Task.Run(() => writes.Read([here, there], $"job-{i}", stop, alsoLists: true), CancellationToken.None),
            ];
        }));

    private async Task<Failover> FailOver(PatroniCluster cluster, int count, Random random, Task working)
    {
        (int leader, int standby) = await cluster.IsHealthy();
        await Task.Delay(random.Next(1000));
        long began = Stopwatch.GetTimestamp();
        Task<(int Node, long At)> awaited = cluster.Successor(leader);
        switch (count % 3)
        {
            case 0:
                await cluster.Kill(leader);
                long killed = (await awaited).At;
                await writes.GoOn(working);
                await cluster.Start(leader);
                return new Failover("killed", began, killed);
            case 1:
                await cluster.Freeze(leader);
                long frozen = (await awaited).At;
                // Sometimes before the servers know of the successor: the former leader takes reads again, until Patroni looks at it.
                await Task.Delay(random.Next(1500));
                await cluster.Thaw(leader);
                return new Failover("frozen", began, frozen);
            default:
                await cluster.SwitchOver(leader, standby);
                return new Failover("switched over", began, (await awaited).At);
        }
    }

    /// <summary>Prints for how long nothing was written, and how much of that was Patroni's.</summary>
    private void Tell(List<Failover> failovers)
    {
        long[] answers = [.. writes.Done.Select(write => write.Ended).Order()];
        List<double> gaps = [], own = [];
        foreach (Failover each in failovers)
        {
            // The longest pause that ended before the next one began: a pause may begin with the last answer before that.
            long until = failovers.Select(other => other.Began).FirstOrDefault(other => other > each.Began, long.MaxValue);
            (long last, long first) = answers.Zip(answers.Skip(1))
                .Where(pair => pair.Second > each.Began && pair.Second < until).MaxBy(pair => pair.Second - pair.First);
            gaps.Add(Stopwatch.GetElapsedTime(last, first).TotalSeconds);
            own.Add(Stopwatch.GetElapsedTime(each.Succeeded, first).TotalSeconds);
            output.WriteLine(
                $"a leader {each.What}: {gaps[^1]:0.00} s between two answered writes; Patroni took {gaps[^1] - own[^1]:0.00} s of it, the store {own[^1]:0.00} s");
        }

        gaps.Sort();
        own.Sort();
        output.WriteLine(
            $"{failovers.Count} failovers: gap p50 {Of(gaps, 0.5):0.00} s, p99 {Of(gaps, 0.99):0.00} s; the store's part p50 {Of(own, 0.5):0.00} s, p99 {Of(own, 0.99):0.00} s");
        Assert.InRange(own[^1], double.MinValue, 30); // of a busy machine; what is usual is printed
    }

    private static double Of(List<double> sorted, double quantile) => sorted[Math.Min(sorted.Count - 1, (int)(quantile * sorted.Count))];
}
