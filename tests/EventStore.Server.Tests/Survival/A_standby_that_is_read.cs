using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using EventStore.Server.Tests.Fixtures;
using EventStore.Server.Tests.Watch;
using Npgsql;

namespace EventStore.Server.Tests.Survival;

/// <summary>
/// A server with <c>--standby-reads on</c>, and a standby that replays late: no answer may be older than it was asked to be.
/// </summary>
[Trait("Category", "Slow")]
public sealed class A_standby_that_is_read
{
    private const int Writers = 4;
    private const string Revisions = "/apis/audit.eventstore.io/v1/namespaces/kube-test/pytorchjobrevisions";
    private static readonly int RoundsCount = Rounds.Of("SURVIVAL_STANDBY_ROUNDS", 25);

    [Fact]
    public async Task Answers_nothing_older_than_the_primary_however_late_it_replays()
    {
        await using OwnCluster a = await OwnCluster.Start();
        TestDatabase onA = await TestDatabase.Create(a.Superuser);
        await using OwnCluster b = await a.StartStandby("");
        await Delay(b, "15ms");
        await using ServerProcess server = await ServerProcess.Start(
            new NpgsqlConnectionStringBuilder(onA.Serving) { Host = $"127.0.0.1:{a.Port},127.0.0.1:{b.Port}" }.ConnectionString,
            "--standby-reads", "on", "--Feed:BookmarkEvery=00:00:00.2");
        for (int i = 0; i < Writers; i++)
            await server.Admin.Create($"job-{i}");
        long begin = await onA.Ask<long>("SELECT revision FROM eventstore.head");
        var end = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);

        await All(server.Admin);
        Assert.True(await Answered(server, "standby") > 0, "the standby answered nothing");
        await Delay(b, "1h");
        double byPrimary = await Answered(server, "primary");
        await All(server.Admin);
        Assert.True(await Answered(server, "primary") > byPrimary, "the primary answered nothing, and the standby is an hour late");

        // The catch-up is longer than what the feed remembers by itself, and comes from whoever has it.
        await Delay(b, "0");
        Follower[] followers = [.. ((string[])["initial", $"{begin}"]).Select(from => new Follower(
            server.Admin, Sample.Jobs(), "", _ => true, from, begin))];
        double late = await Answered(server, "standby");
        await Eventually.Holds(
            async () => await server.Admin.Get(Sample.Jobs()) is not null && await Answered(server, "standby") > late,
            "the standby answers again");
        double before = await Answered(server, "standby");
        Task following = Task.WhenAll(followers.Select(follower => follower.Follow(end.Task)));
        await Eventually.Holds(async () => await Answered(server, "standby") > before, "a watch is begun from the standby");
        await All(server.Admin);
        end.SetResult(await onA.Ask<long>("SELECT revision FROM eventstore.head"));
        await following.WaitAsync(TimeSpan.FromMinutes(2));
        Replay replay = await Replay.Of(onA);
        Assert.All(followers, follower => follower.Check(replay));
        await onA.AssertWhole();

        TestDatabase onB = onA.At(b.Superuser);
        string[] there = await Exported(onB, replay.Head), here = await Exported(onA, replay.Head);
        Assert.Equal(here, there);
        foreach (NpgsqlDataSource source in (NpgsqlDataSource[])[onA.Source, onA.OwnerSource, onB.Source, onB.OwnerSource])
            await source.DisposeAsync();
    }

    private static async Task Delay(OwnCluster standby, string time)
    {
        await standby.Run($"ALTER SYSTEM SET recovery_min_apply_delay = '{time}'");
        await standby.Run("SELECT pg_reload_conf()");
        await Eventually.Equal(time, () => standby.Run("SHOW recovery_min_apply_delay"));
    }

    private static async Task<string[]> Exported(TestDatabase database, long until)
    {
        await Eventually.Holds(() => database.Ask<long>("SELECT revision FROM eventstore.head"), head => head >= until);
        await using ProgramRun run = await ProgramRun.Ended(
            new Dictionary<string, string?> { ["ConnectionStrings__Postgres"] = database.Serving }, "export", "--until", $"{until}");
        Assert.True(run.ExitCode == 0, run.Errors);
        return run.Output.Split('\n');
    }

    private static Task All(HttpClient client) => Task.WhenAll(Enumerable.Range(0, Writers).Select(async i =>
    {
        for (int round = 0; round < RoundsCount; round++)
            await PatchAndRead(client, $"job-{i}", Guid.NewGuid().ToString());
    }));

    /// <summary>Changes a job, and asks in every way that leads to a standby what it looks like.</summary>
    private static async Task PatchAndRead(HttpClient client, string name, string value)
    {
        JsonNode patched = await (await client.Patch(Sample.Job(name), $$$$"""{"metadata":{"labels":{"round":"{{{{value}}}}"}}}"""))
            .Manifest();
        string revision = patched.Revision();
        foreach (string query in (string[])["", "?resourceVersion=0", $"?resourceVersion={revision}",
            $"?resourceVersion={revision}&resourceVersionMatch=Exact", "?limit=3"])
        {
            JsonNode list = await client.Get(Sample.Jobs() + query);
            Assert.True(Number(list.Revision()) >= Number(revision), $"{query}: {list.Revision()} is older than {revision}");
            JsonNode? listed = list["items"]!.AsArray().SingleOrDefault(job => (string)job!["metadata"]!["name"]! == name);
            if (query == "?limit=3" && name == "job-3")
                Assert.Null(listed);
            else
                Assert.True(LabelOf(listed!) == value, query);
        }

        foreach (string query in (string[])["?resourceVersion=0", $"?resourceVersion={revision}", ""])
            Assert.True(LabelOf(await client.Get(Sample.Job(name) + query)) == value, query);
        JsonNode page = await client.Get($"{Revisions}?fieldSelector=job%3D{name}&limit=1");
        Assert.Equal($"{name}.{revision}", (string)page["items"]![0]!["metadata"]!["name"]!);
        JsonNode past = await client.Get($"{Sample.Job(name)}?resourceVersion={revision}&resourceVersionMatch=Exact");
        Assert.Equal(value, LabelOf(past));
        JsonNode diff = await client.Get($"{Sample.Job(name)}/diff?from={Number(revision) - 1}");
        Assert.Contains(value, diff.ToJsonString(), StringComparison.Ordinal);
        JsonNode blame = await client.Get($"{Sample.Job(name)}/blame");
        Assert.Contains(revision, blame.ToJsonString(), StringComparison.Ordinal);
    }

    private static string LabelOf(JsonNode job) => (string)job["metadata"]!["labels"]!["round"]!;

    private static long Number(string revision) => long.Parse(revision, CultureInfo.InvariantCulture);

    private static async Task<double> Answered(ServerProcess server, string host)
    {
        Match found = Regex.Match(
            await server.Admin.GetStringAsync("/metrics"), $$"""^eventstore_reads_total\{[^}]*host="{{host}}"[^}]*\} ([0-9]+)""",
            RegexOptions.Multiline);
        return found.Success ? double.Parse(found.Groups[1].Value, CultureInfo.InvariantCulture) : 0;
    }
}
