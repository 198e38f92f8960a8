using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using EventStore.Server.Tests.Fixtures;
using EventStore.Server.Tests.Watch;
using Npgsql;
using Xunit.Abstractions;

namespace EventStore.Server.Tests.Survival;

/// <summary>
/// One server, a primary and a standby that commits wait for. The primary hangs, and then its successor is killed; each time the standby is
/// promoted under load. The first write must be answered before the time-out of a commit would have noticed; with
/// <c>SURVIVAL_FAILOVER_SECONDS=2</c> within that: who asks for it has a machine that is not busy.
/// </summary>
[Trait("Category", "Slow")]
public sealed class A_failover(ITestOutputHelper output)
{
    private const int WritersCount = 16;
    private static readonly TimeSpan WayBack = TimeSpan.FromSeconds(Rounds.Of("SURVIVAL_FAILOVER_SECONDS", 15));

    private readonly CountedWrites writes = new();

    [Fact]
    public async Task Loses_no_answered_write_doubles_none_and_leaves_no_watcher_behind()
    {
        await using OwnCluster a = await OwnCluster.Start(durable: true);
        TestDatabase onA = await TestDatabase.Create(a.Superuser);
        // Without hot_standby it refuses every session as long as it is a standby (57P03).
        await using OwnCluster b = await a.StartStandby("-c hot_standby=off");
        TestDatabase onB = onA.At(b.Superuser);
        await a.RequireStandby();
        await using ServerProcess server = await ServerProcess.Start(
            new NpgsqlConnectionStringBuilder(onA.Serving) { Host = $"127.0.0.1:{a.Port},127.0.0.1:{b.Port}" }.ConnectionString,
            "--Feed:BookmarkEvery=00:00:00.2", "--require-synchronous", "off");
        await IsReadyAs(server, "[+]hosts degraded: host 1 is the primary; host 2 is starting up or shutting down", "[+]replication ok");
        for (int i = 0; i < WritersCount; i++)
            await server.Admin.Create($"job-{i}");

        using var stop = new CancellationTokenSource();
        var end = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
        Follower[] followers = [.. ((string[])["initial", "2"]).Select(begin => new Follower(
            server.Admin, Sample.Jobs(), "", _ => true, begin, 1 + WritersCount))];
        Task following = Task.WhenAll(followers.Select(follower => follower.Follow(end.Task)));
        Task working = Task.WhenAll(Enumerable.Range(0, 2 * WritersCount).Select(i => Task.Run(() =>
            i < WritersCount ? writes.Write(server.Admin, $"job-{i}", stop.Token) : writes.Read(
                [server.Admin], $"job-{i - WritersCount}", stop.Token))));

        await Hang(a, b, server, working);
        await a.Rejoin(b);
        await b.RequireStandby();
        await IsReadyAs(server, "[+]hosts ok", "[+]replication ok");
        await Die(b, a, server, working);

        await stop.CancelAsync();
        await working.WaitAsync(Eventually.Deadline);
        onA.Source.Clear();
        onA.OwnerSource.Clear();
        end.SetResult(await onA.Ask<long>("SELECT revision FROM eventstore.head"));
        await following.WaitAsync(Eventually.Deadline);
        int open = await writes.Check(onA.OwnerSource);
        output.WriteLine(
            $"{writes.Answered} writes answered, all there; {writes.Unanswered} left open, {open} of them there\n{writes.Refusals}");
        Replay replay = await Replay.Of(onA);
        Assert.All(followers, follower => follower.Check(replay));
        Assert.All(followers, follower => Assert.Equal(0, follower.CutOff));
        await onA.AssertWhole();
        await TellsOfBoth(server, a, b);
        foreach (NpgsqlDataSource source in (NpgsqlDataSource[])[onA.Source, onA.OwnerSource, onB.Source, onB.OwnerSource])
            await source.DisposeAsync();
    }

    [Fact]
    public async Task Finds_the_primary_behind_a_host_that_hangs_and_one_without_an_address()
    {
        await using TestDatabase database = await TestDatabase.Create();
        using var hanging = new TcpListener(IPAddress.Loopback, 0);
        hanging.Start(); // the kernel takes connections for it, and nobody else does
        var target = new NpgsqlConnectionStringBuilder(database.Serving);
        target.Host = $"127.0.0.1:{((IPEndPoint)hanging.LocalEndpoint).Port},nowhere.invalid,{target.Host}:{target.Port}";
        await using ServerProcess server = await ServerProcess.Start(target.ConnectionString);
        await server.Admin.Create("found");
        using (HttpResponseMessage patched = await server.Admin.Patch(Sample.Job("found"), """{"metadata":{"labels":{"a":"1"}}}"""))
            Assert.Equal(HttpStatusCode.OK, patched.StatusCode);
        string text = await IsReadyAs(
            server, "[+]hosts degraded: host 1 does not answer; host 2 has a name that cannot be resolved; host 3 is the primary",
            "[+]database ok");
        Assert.DoesNotContain("nowhere", text, StringComparison.Ordinal); // where the database is, is nobody's business
        await server.Says("The database's host nowhere.invalid:");
    }

    [Fact]
    public async Task Is_not_waited_for_where_answered_writes_would_not_survive_it()
    {
        await using TestDatabase database = await TestDatabase.Create();
        await using ProgramRun refused = await ProgramRun.Ended(
            new Dictionary<string, string?> { ["ConnectionStrings__Postgres"] = database.Serving }, "serve", "--urls", "http://127.0.0.1:0",
            "--require-synchronous", "on");
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains(
            "error: the database's primary waits for no standby, which --require-synchronous refuses\n", refused.Errors,
            StringComparison.Ordinal);
    }

    /// <summary>The first primary hangs, its standby is promoted, and it comes back as one that does not know.</summary>
    private async Task Hang(OwnCluster a, OwnCluster b, ServerProcess server, Task working)
    {
        await writes.GoOn(working);
        await a.Freeze();
        await Promote(b, "hangs", working);
        await IsReadyAs(
            server, "host 1 does not answer; host 2 is the primary", "[+]replication degraded: the primary waits for no standby");
        await a.Thaw();
        await IsReadyAs(server, "host 1 is a former primary that still takes writes; host 2 is the primary");
        await server.Says($"The database's host 127.0.0.1:{a.Port} is a former primary that still takes writes, on timeline 1");
        await a.Run("ALTER SYSTEM SET default_transaction_read_only = on");
        await a.Run("SELECT pg_reload_conf()");
        await IsReadyAs(server, "host 1 is read-only; host 2 is the primary");
    }

    /// <summary>The second primary is killed, and its standby, the first one, is promoted.</summary>
    private async Task Die(OwnCluster b, OwnCluster a, ServerProcess server, Task working)
    {
        await writes.GoOn(working);
        await b.Kill();
        await Promote(a, "is killed", working);
        await IsReadyAs(server, "host 1 is the primary; host 2 cannot be reached", "[+]database ok", "[+]feed ok", "[+]lane ok");
    }

    private async Task Promote(OwnCluster standby, string what, Task working)
    {
        await standby.Promote();
        var there = Stopwatch.StartNew();
        int before = writes.Answered;
        await Eventually.Holds(() => writes.Answered > before, $"a write after a primary that {what}", () => writes.Refusals, WayBack);
        output.WriteLine($"a primary that {what}: first write answered {there.Elapsed.TotalSeconds:0.00} s after its successor was there");
        Assert.InRange(there.Elapsed, TimeSpan.Zero, WayBack);
        await writes.GoOn(working);
    }

    /// <summary>
    /// The checkpoint has an epoch for each promotion and nothing that was lost, and the log says who was the primary when.
    /// </summary>
    private static async Task TellsOfBoth(ServerProcess server, OwnCluster a, OwnCluster b)
    {
        JsonNode checkpoint = await server.Admin.Get("/apis/audit.eventstore.io/v1/checkpoint");
        Assert.Equal((3, "[]"), ((int)checkpoint["epoch"]!, checkpoint["lost"]!.ToJsonString()));
        Assert.DoesNotContain("The lane failed", server.Output, StringComparison.Ordinal);
        Assert.Contains(
            $"The primary is 127.0.0.1:{b.Port} now, on timeline 2; before it was 127.0.0.1:{a.Port}", server.Output,
            StringComparison.Ordinal);
        Assert.Contains(
            $"The primary is 127.0.0.1:{a.Port} now, on timeline 3; before it was 127.0.0.1:{b.Port}", server.Output,
            StringComparison.Ordinal);
    }

    private static async Task<string> IsReadyAs(ServerProcess server, params string[] texts)
    {
        string said = "";
        return await Eventually.Holds(
            async () => said = await (await server.Admin.GetAsync("/readyz?verbose")).Content.ReadAsStringAsync(),
            text => texts.All(each => text.Contains(each, StringComparison.Ordinal)),
            string.Join(" and ", texts),
            () => $"{said}\n{server.Output}");
    }
}
