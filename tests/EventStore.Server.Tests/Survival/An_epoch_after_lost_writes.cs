using System.Diagnostics;
using System.Net;
using System.Text.Json.Nodes;
using EventStore.Server.Store.Lane;
using EventStore.Server.Tests.Fixtures;
using EventStore.Server.Tests.Watch;
using Npgsql;

namespace EventStore.Server.Tests.Survival;

/// <summary>
/// Answered writes are lost, by the promotion of a standby that had not got them or by a restored dump: no revision means two things.
/// </summary>
[Trait("Category", "Slow")]
public sealed class An_epoch_after_lost_writes
{
    private const string Checkpoint = "/apis/audit.eventstore.io/v1/checkpoint";

    [Fact]
    public async Task Names_every_revision_that_a_standby_lacked_and_gives_none_of_them_again()
    {
        await using OwnCluster a = await OwnCluster.Start(durable: true);
        TestDatabase onA = await TestDatabase.Create(a.Superuser);
        await using OwnCluster b = await a.StartStandby("-c hot_standby=on");
        TestDatabase onB = onA.At(b.Superuser);
        string both = new NpgsqlConnectionStringBuilder(onA.Serving) { Host = $"127.0.0.1:{a.Port},127.0.0.1:{b.Port}" }.ConnectionString;
        await using ServerProcess one = await ServerProcess.Start(both, "--activity", "on");
        await using ServerProcess two = await ServerProcess.Start(both, "--activity", "on");
        long kept = await CreateFive(one);
        await Eventually.Holds(
            async () => await b.Run($"SELECT pg_last_wal_replay_lsn() >= '{await a.Run("SELECT pg_current_wal_lsn()")}'") is true,
            "the standby has all");
        Assert.Equal((1L, 0), Epoch(await one.Admin.Get(Checkpoint)));

        await CutOff(a, b);
        await using WatchClient ofOne = await WatchClient.Open(one.Admin, Sample.Jobs(), $"resourceVersion={kept}");
        await using WatchClient ofTwo = await WatchClient.Open(two.Admin, Sample.Jobs(), $"resourceVersion={kept}&labelSelector=none=here");
        long lost = await WriteWhatWillBeLost(one, two, kept);
        for (long last = 0; last < lost;)
            last = (await ofOne.Next())!.Revision;

        await two.Signal("STOP"); // and it sleeps until all is over
        await a.Kill();
        await b.Promote();
        await Expires(ofOne);
        string labelled = await Label(one, "job-0", "after");
        await two.Signal("CONT");
        JsonNode first = await FirstAnswer(two, Sample.Job("job-0"));
        Assert.Equal(
            (labelled, null, "a"),
            (first.Revision(), (string?)first["metadata"]!["labels"]!["lost"], (string?)first["metadata"]!["labels"]!["after"]));
        await Expires(ofTwo);

        long epoch = await NameTheLoss(one, two, kept, lost);
        await KnowsNothingOfTheLost(one, kept, lost);
        await KnowsNothingOfTheLost(two, kept, lost);
        long next = await GoOnBehindTheLost(one, two, lost);
        await IsRefusedWhoSlept(onB, epoch, kept, next);
        await onB.AssertWhole();
        foreach (NpgsqlDataSource source in (NpgsqlDataSource[])[onA.Source, onA.OwnerSource, onB.Source, onB.OwnerSource])
            await source.DisposeAsync();
    }

    [Fact]
    public async Task Begins_where_a_dump_is_restored_under_a_server_that_has_seen_more()
    {
        await using OwnCluster cluster = await OwnCluster.Start(durable: true);
        TestDatabase database = await TestDatabase.Create(cluster.Superuser);
        var names = new NpgsqlConnectionStringBuilder(database.Owner);
        await using ServerProcess server = await ServerProcess.Start(database.Serving);
        long kept = long.Parse((await server.Admin.Create("kept")).Revision());
        await cluster.Kill();
        await cluster.Start();
        await Eventually.Holds(
            async () => (await Reply.Of(server.Admin.GetAsync(Checkpoint))).Code == HttpStatusCode.OK, "it is there again");
        Assert.Equal((1L, 0), Epoch(await server.Admin.Get(Checkpoint))); // the same place, and nothing lost
        string dump = Path.GetTempFileName();
        await Tool("pg_dump", names, "--format=custom", $"--file={dump}", names.Database!);
        long lost = 0;
        for (int i = 0; i < 4; i++)
            lost = long.Parse((await server.Admin.Create($"lost-{i}")).Revision());
        await using WatchClient watch = await WatchClient.Open(server.Admin, Sample.Jobs(), $"resourceVersion={lost - 1}");
        Assert.Equal(lost, (await watch.Next())!.Revision);

        await cluster.Run($"CREATE DATABASE restored OWNER {names.Username} TEMPLATE template0");
        await Tool("pg_restore", names, "--no-owner", "--single-transaction", "--exit-on-error", "--dbname=restored", dump);
        File.Delete(dump);
        await cluster.Run(
            $"REVOKE CONNECT, TEMPORARY ON DATABASE restored FROM PUBLIC; GRANT CONNECT ON DATABASE restored TO {database.ServingRoleName}");
        await cluster.Run($"ALTER DATABASE {names.Database} ALLOW_CONNECTIONS false");
        await cluster.Run($"SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE datname = '{names.Database}'");
        await cluster.Run($"ALTER DATABASE {names.Database} RENAME TO before");
        await cluster.Run($"ALTER DATABASE restored RENAME TO {names.Database}");

        await Expires(watch);
        Assert.Equal((kept + 1, lost), Lost(await server.Admin.Get(Checkpoint)));
        Assert.True(long.Parse((await server.Admin.Create("lost-0")).Revision()) > lost + uint.MaxValue);
        database.Source.Clear();
        database.OwnerSource.Clear();
        await database.AssertWhole();
        await database.Source.DisposeAsync();
        await database.OwnerSource.DisposeAsync();
    }

    [Fact]
    public async Task Begins_with_the_first_commit_to_a_copy_of_the_same_name()
    {
        await using OwnCluster cluster = await OwnCluster.Start();
        TestDatabase database = await TestDatabase.Create(cluster.Superuser);
        string name = new NpgsqlConnectionStringBuilder(database.Owner).Database!;
        await using (CommitLane lane = InProcess.Lane(database.Source))
        {
            long before = Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Create("a"))).Job.Revision;
            await cluster.Run($"ALTER DATABASE {name} ALLOW_CONNECTIONS false");
            await cluster.Run($"SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE datname = '{name}'");
            await cluster.Run($"CREATE DATABASE copy TEMPLATE {name}");
            await cluster.Run($"ALTER DATABASE {name} RENAME TO before");
            await cluster.Run($"ALTER DATABASE copy RENAME TO {name}");
            long next = Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Create("b"))).Job.Revision;
            Assert.True(next > before + uint.MaxValue, $"the next revision is {next}");
        }

        await database.Source.DisposeAsync();
        await database.OwnerSource.DisposeAsync();
    }

    private static async Task<long> CreateFive(ServerProcess server)
    {
        long last = 0;
        for (int i = 0; i < 5; i++)
            last = long.Parse((await server.Admin.Create($"job-{i}")).Revision());
        return last;
    }

    /// <summary>From here on the standby gets nothing.</summary>
    private static async Task CutOff(OwnCluster primary, OwnCluster standby)
    {
        await standby.Run("ALTER SYSTEM SET primary_conninfo = ''");
        await standby.Run("SELECT pg_reload_conf()");
        await Eventually.Holds(
            async () => await primary.Run("SELECT NOT EXISTS (SELECT FROM pg_stat_replication)") is true, "nothing is sent to the standby");
    }

    /// <summary>Changes the five jobs and creates three, and lets the second server see the changes.</summary>
    /// <returns>The last revision.</returns>
    private static async Task<long> WriteWhatWillBeLost(ServerProcess one, ServerProcess two, long kept)
    {
        string seenByTwo = "";
        for (int i = 0; i < 5; i++)
            seenByTwo = await Label(one, $"job-{i}", "lost");
        await Eventually.Equal(seenByTwo, async () => (await two.Admin.Get(Sample.Jobs())).Revision());
        await using (WatchClient shown = await WatchClient.Open(two.Admin, Sample.Jobs(), $"resourceVersion={kept}"))
        {
            for (long last = 0; last < long.Parse(seenByTwo);) // now the watch that is shown nothing has passed over what will be lost
                last = (await shown.Next())!.Revision;
        }

        long lost = 0;
        for (int i = 0; i < 3; i++)
            lost = long.Parse((await one.Admin.Create($"lost-{i}")).Revision());
        return lost;
    }

    /// <summary>Both servers name every lost revision and no other, in the checkpoint, the log and the metrics.</summary>
    /// <returns>The number of the epoch that has begun.</returns>
    private static async Task<long> NameTheLoss(ServerProcess one, ServerProcess two, long kept, long lost)
    {
        await Eventually.Holds(
            async () => Lost(await one.Admin.Get(Checkpoint)) == (kept + 1, lost), "every lost revision is named, and no other");
        JsonNode checkpoint = await one.Admin.Get(Checkpoint);
        Assert.Equal(checkpoint.ToJsonString(), (await two.Admin.Get(Checkpoint)).ToJsonString());
        Assert.Contains($"LOST: revisions {kept + 1} to ", one.Output + two.Output, StringComparison.Ordinal);
        Assert.Contains(
            $"eventstore_revisions_lost{{otel_scope_name=\"eventstore\"}} {lost - kept}", await one.Admin.GetStringAsync("/metrics"),
            StringComparison.Ordinal);
        return Epoch(checkpoint).Number;
    }

    private static async Task KnowsNothingOfTheLost(ServerProcess server, long kept, long lost)
    {
        foreach (string asked in (string[])
            ["?resourceVersion=", "?watch=true&resourceVersion=", "?resourceVersionMatch=Exact&resourceVersion=",
                "/job-0?resourceVersion="])
        {
            Reply reply = await Reply.Of(server.Admin.GetAsync($"{Sample.Jobs()}{asked}{lost}"));
            Assert.Equal((HttpStatusCode.Gone, "Expired"), (reply.Code, (string?)reply.Json["reason"]));
            Assert.Equal(HttpStatusCode.Gone, (await Reply.Of(server.Admin.GetAsync($"{Sample.Jobs()}{asked}{lost + 1000}"))).Code);
        }

        Reply activity = await Reply.Of(server.Admin.GetAsync($"/apis/audit.eventstore.io/v1/activity?resourceVersion={lost}"));
        Assert.Equal(HttpStatusCode.Gone, activity.Code);
        Assert.Equal(HttpStatusCode.OK, (await Reply.Of(server.Admin.GetAsync($"{Sample.Jobs()}?resourceVersion={kept}"))).Code);
        Assert.Null((await server.Admin.Get(Sample.Job("job-0")))["metadata"]!["labels"]!["lost"]);
        Assert.Equal(HttpStatusCode.NotFound, (await Reply.Of(server.Admin.GetAsync(Sample.Job("lost-0")))).Code);
    }

    /// <summary>Revisions go on far behind those that were lost, and what either server remembers of these is not decided upon.</summary>
    /// <returns>The revision of a change behind them.</returns>
    private static async Task<long> GoOnBehindTheLost(ServerProcess one, ServerProcess two, long lost)
    {
        JsonNode patched = await (await one.Admin.Patch(Sample.Job("job-4"), """{"metadata":{"labels":{"found":"again"}}}""")).Manifest();
        Assert.Null(patched["metadata"]!["labels"]!["lost"]);
        long next = long.Parse(patched.Revision());
        Assert.True(next > lost + uint.MaxValue, $"the next revision is {next}");
        Assert.True(long.Parse((await two.Admin.Create("lost-0")).Revision()) > next);
        Reply early = await Reply.Of(one.Admin.GetAsync($"{Sample.Jobs()}?resourceVersion={next + 1000}"));
        Assert.Equal(HttpStatusCode.GatewayTimeout, early.Code); // a revision that may yet come
        return next;
    }

    /// <summary>A commit by a server that knows of another epoch, or of more than there is, stores nothing and is told so.</summary>
    private static async Task IsRefusedWhoSlept(TestDatabase database, long epoch, long kept, long next)
    {
        await using NpgsqlConnection raw = await database.Source.OpenConnectionAsync();
        long rebuild = await database.Ask<long>("SELECT last_value + is_called::int FROM eventstore.rebuilds");
        Batch batch = InProcess.Decide([], InProcess.Create("of-a-server-that-slept"));
        foreach ((Fence fence, long answered) in ((Fence, long)[])[(new(rebuild, epoch - 1, kept), epoch),
            (new(rebuild, epoch, next + 1000), 0)])
        {
            Committed refused = await raw.Execute(batch, fence);
            Assert.Equal(answered, refused.Epoch);
            Assert.Equal([false], refused.Held);
            Assert.Equal([0], refused.Revisions);
        }

        Assert.All((await raw.Execute(batch, new Fence(rebuild, epoch, next))).Held, Assert.True);
    }

    private static async Task Expires(WatchClient watch)
    {
        Frame? last = null;
        for (Frame? frame = await watch.Next(); frame is not null; frame = await watch.Next())
            last = frame;
        Assert.Equal(
            ("ERROR", 410, "Expired"),
            (last?.Type, (int?)JsonNode.Parse(last!.Object)!["code"], (string?)JsonNode.Parse(last.Object)!["reason"]));
    }

    private static (long Number, int Losses) Epoch(JsonNode checkpoint) =>
        ((long)checkpoint["epoch"]!, ((JsonArray)checkpoint["lost"]!).Count);

    /// <summary>The first and the last revision that was lost, if the ranges follow upon one another.</summary>
    private static (long From, long To)? Lost(JsonNode checkpoint)
    {
        JsonNode[] lost = [.. ((JsonArray)checkpoint["lost"]!).OfType<JsonNode>()];
        for (int i = 1; i < lost.Length; i++)
            Assert.Equal((long)lost[i - 1]["to"]! + 1, (long)lost[i]["from"]!);
        return lost is [] ? null : ((long)lost[0]["from"]!, (long)lost[^1]["to"]!);
    }

    // Until it has heard of the failover it may refuse. What it answers must be of the new primary.
    private static async Task<JsonNode> FirstAnswer(ServerProcess server, string path)
    {
        Reply reply = await Eventually.Holds(
            () => Reply.Of(server.Admin.GetAsync(path)),
            reply => reply is not { Code: HttpStatusCode.ServiceUnavailable, RetryAfter: "1" });
        return reply.Json;
    }

    private static async Task<string> Label(ServerProcess server, string job, string label) =>
        (await (await server.Admin.Patch(Sample.Job(job), $$$$"""{"metadata":{"labels":{"{{{{label}}}}":"a"}}}""")).Manifest()).Revision();

    private static async Task Tool(string name, NpgsqlConnectionStringBuilder to, params string[] arguments)
    {
        var start = new ProcessStartInfo(name, [$"--host={to.Host}", $"--port={to.Port}", $"--username={to.Username}", .. arguments])
        {
            RedirectStandardError = true,
        };
        start.Environment["PGPASSWORD"] = to.Password;
        using Process tool = Process.Start(start)!;
        string said = await tool.StandardError.ReadToEndAsync();
        await tool.WaitForExitAsync();
        Assert.True(tool.ExitCode == 0, said);
    }
}
