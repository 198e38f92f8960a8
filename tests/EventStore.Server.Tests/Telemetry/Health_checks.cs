using System.Collections;
using System.Net;
using EventStore.Domain.Jobs;
using EventStore.Server.Store.Lane;
using EventStore.Server.Tests.Fixtures;
using Npgsql;

namespace EventStore.Server.Tests.Telemetry;

/// <summary>Health in kube-apiserver's form: what probes read, what an operator reads, and what a stranger does not learn.</summary>
[Trait("Category", "Slow")]
public sealed class Health_checks(ServedDatabase served) : IClassFixture<ServedDatabase>
{
    private const string NoStandby = "[+]replication degraded: the primary waits for no standby: answered writes can be lost with it\n";
    private const string AllWell = "[+]ping ok\n" + NoStandby
        + "[+]database ok\n[+]feed ok\n[+]lane ok\n[+]migrations ok\n[+]shutdown ok\n[+]authentication-tokens ok\nreadyz check passed\n";

    [Theory]
    [InlineData("/livez", "ok")]
    [InlineData("/healthz", "ok")]
    [InlineData("/readyz", "ok")]
    [InlineData("/livez?verbose", "[+]ping ok\nlivez check passed\n")]
    [InlineData("/readyz?verbose", AllWell)]
    [InlineData("/readyz?exclude=feed", "ok")]
    public async Task Need_no_credential(string path, string text)
    {
        using var stranger = new HttpClient { BaseAddress = served.Server.Url };
        Assert.Equal((HttpStatusCode.OK, text), await Ask(stranger, path));
    }

    [Fact]
    public async Task One_may_be_left_out_and_one_that_is_not_there_is_named() => Assert.Equal(
        (HttpStatusCode.OK, "[+]ping ok\n" + NoStandby
            + "[+]database ok\n[+]feed excluded: ok\n[+]lane excluded: ok\n[+]migrations ok\n[+]shutdown ok\n[+]authentication-tokens ok\n"
            + "warn: some health checks cannot be excluded: no matches for \"etcd\"\nreadyz check passed\n"),
        await Ask(served.Server.Admin, "/readyz?verbose&exclude=feed&exclude=lane&exclude=etcd"));

    [Theory]
    [InlineData("/readyz/database", HttpStatusCode.OK)]
    [InlineData("/readyz/ping", HttpStatusCode.OK)]
    [InlineData("/livez/ping", HttpStatusCode.OK)]
    [InlineData("/livez/database", HttpStatusCode.NotFound)]
    [InlineData("/readyz/etcd", HttpStatusCode.NotFound)]
    public async Task One_by_its_name_is_for_those_with_the_right(string path, HttpStatusCode code)
    {
        Assert.Equal(code, (await Ask(served.Server.Admin, path)).Code);
        using HttpClient alice = served.Server.Client(ServerProcess.AliceToken);
        Assert.Equal(HttpStatusCode.Forbidden, (await Ask(alice, path)).Code);
    }

    /// <summary>Probes come every second, and what is degraded is said once, by what is.</summary>
    [Fact]
    public async Task What_is_degraded_is_not_said_to_the_log_at_every_probe()
    {
        for (int i = 0; i < 5; i++)
            await Ask(served.Server.Admin, "/readyz");
        Assert.Contains("DURABILITY: ", served.Server.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("with status Degraded", served.Server.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_its_database_the_server_lives_and_is_not_ready()
    {
        await using TestDatabase database = await TestDatabase.Create();
        await using BreakableWire wire = BreakableWire.To(database.Serving);
        await using ServerProcess server = await ServerProcess.Start(wire.ConnectionString);
        using var stranger = new HttpClient { BaseAddress = server.Url };

        wire.StayAway();
        string text = await WaitUntil(stranger, text => text.Contains(
            "[-]database failed: reason withheld\n[-]feed failed: reason withheld\n[+]lane ok\n", StringComparison.Ordinal));
        Assert.EndsWith("readyz check failed\n", text, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.InternalServerError, (await Ask(stranger, "/readyz")).Code);
        Assert.Equal((HttpStatusCode.OK, "ok"), await Ask(stranger, "/livez"));
        Assert.StartsWith("internal server error: ", (await Ask(server.Admin, "/readyz/database")).Text, StringComparison.Ordinal);

        wire.ComeBack();
        Assert.Equal(AllWell, await WaitUntil(stranger, text => text.EndsWith("passed\n", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_schema_that_is_behind_is_not_ready()
    {
        await using TestDatabase database = await TestDatabase.Create();
        await using ServerProcess server = await ServerProcess.Start(database.Serving);
        await database.Execute("DELETE FROM eventstore.changelog WHERE name LIKE 'V0002%'");
        Assert.Equal(
            (HttpStatusCode.InternalServerError,
                "internal server error: 1 migrations are not applied, the first is V0002__current_jobs.sql\n"),
            await Ask(server.Admin, "/readyz/migrations"));
    }

    [Fact]
    public async Task A_commit_that_does_not_end_is_the_lane_s_trouble()
    {
        await using TestDatabase database = await TestDatabase.Create();
        await using CommitLane lane = InProcess.Lane(database.Source, new LaneLimits { StuckAfter = TimeSpan.FromMilliseconds(50) });
        Assert.Null(lane.Trouble);
        Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Create("before")));

        Task<Outcome> waiting;
        await using (await CommitLock.Hold(database))
        {
            waiting = lane.Execute(InProcess.Create("stuck"));
            await Eventually.Holds(() => lane.Trouble is not null);
            Assert.Equal("a commit has been under way for more than 0.05 s", lane.Trouble);
        }

        Assert.IsType<Outcome.Done>(await waiting);
        Assert.Null(lane.Trouble);
    }

    [Fact]
    public async Task A_job_that_cannot_be_read_is_the_lane_s_trouble()
    {
        await using TestDatabase database = await TestDatabase.Create();
        await using (CommitLane before = InProcess.Lane(database.Source))
            Assert.IsType<Outcome.Done>(await before.Execute(InProcess.Create("read-by-the-lane")));
        await using CommitLane lane = InProcess.Lane(
            database.Source, new LaneLimits { EarlyReadTime = TimeSpan.FromMilliseconds(10), StuckAfter = TimeSpan.FromMilliseconds(50) });
        Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Create("other")));

        Task<Outcome> waiting;
        await using (NpgsqlConnection owner = await database.OwnerSource.OpenConnectionAsync())
        {
            await using NpgsqlTransaction holding = await owner.BeginTransactionAsync();
            await using (var held = new NpgsqlCommand("LOCK TABLE eventstore.mt_doc_current_job IN ACCESS EXCLUSIVE MODE", owner))
                await held.ExecuteNonQueryAsync();
            waiting = lane.Execute(InProcess.Label("read-by-the-lane", "a", "b"));
            await Eventually.Holds(() => lane.Trouble is not null || waiting.IsCompleted);
            Assert.False(waiting.IsCompleted, "the lane saw no trouble");
            Assert.Equal("a read of jobs has been under way for more than 0.05 s", lane.Trouble);
        }

        Assert.IsType<Outcome.Done>(await waiting);
        Assert.Null(lane.Trouble);
    }

    [Fact]
    public async Task A_decision_that_does_not_end_is_the_lane_s_trouble()
    {
        await using TestDatabase database = await TestDatabase.Create();
        await using CommitLane lane = InProcess.Lane(database.Source, new LaneLimits { StuckAfter = TimeSpan.FromMilliseconds(50) });
        var groups = new BlockedGroups();
        JobCommand create = InProcess.Create("long-decided");
        // As large as this it is not decided before its turn.
        Task<Outcome> waiting = lane.Execute(
            create with { Origin = create.Origin with { Groups = groups } }, false, bodyBytes: 1 << 20, CancellationToken.None);
        await Eventually.Holds(() => lane.Trouble is not null || waiting.IsCompleted);
        Assert.Equal("a decision has been under way for more than 0.05 s", lane.Trouble);
        groups.Release();
        Assert.IsType<Outcome.Done>(await waiting);
        Assert.Null(lane.Trouble);
    }

    private static async Task<(HttpStatusCode Code, string Text)> Ask(HttpClient client, string path)
    {
        using HttpResponseMessage answer = await client.GetAsync(path);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }

    private static Task<string> WaitUntil(HttpClient client, Func<string, bool> fits) =>
        Eventually.Holds(async () => (await Ask(client, "/readyz?verbose")).Text, fits, "another answer of /readyz");

    /// <summary>The groups of a caller, which a decision prints: it lasts until they are released.</summary>
    private sealed class BlockedGroups : IReadOnlyList<string>
    {
        private readonly TaskCompletionSource released = new();

        public int Count => 0;

        public string this[int index] => throw new ArgumentOutOfRangeException(nameof(index));

        public void Release() => released.SetResult();

        public IEnumerator<string> GetEnumerator()
        {
            released.Task.Wait();
            yield break;
        }

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
