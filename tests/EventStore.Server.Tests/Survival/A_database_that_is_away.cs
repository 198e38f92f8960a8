using System.Diagnostics;
using System.Net;
using EventStore.Server.Tests.Fixtures;
using EventStore.Server.Tests.Watch;
using Xunit.Abstractions;

namespace EventStore.Server.Tests.Survival;

/// <summary>
/// PostgreSQL is away for a while: clients are told to come back, probes take the server out and leave it alive, and when PostgreSQL is
/// there again so is everything else, by itself. With <c>SURVIVAL_AWAY_SECONDS=10</c> for so long, and then all must be well within 2 s:
/// who asks for that has a machine that is not busy with a thousand tests.
/// </summary>
[Trait("Category", "Slow")]
public sealed class A_database_that_is_away(ITestOutputHelper output)
{
    private static readonly TimeSpan Away = TimeSpan.FromSeconds(Rounds.Of("SURVIVAL_AWAY_SECONDS", 3));
    private static readonly TimeSpan WayBack = TimeSpan.FromSeconds(
        Environment.GetEnvironmentVariable("SURVIVAL_AWAY_SECONDS") is null ? 30 : 2);

    [Fact]
    public async Task Is_503_with_Retry_After_and_everything_works_again_by_itself()
    {
        await using OwnCluster cluster = await OwnCluster.Start();
        await using TestDatabase database = await TestDatabase.Create(cluster.Superuser);
        await using ServerProcess server = await ServerProcess.Start(database.Serving, "--Feed:BookmarkEvery=00:00:00.2");
        await server.Admin.Create("mnist");
        await using WatchClient watch = await WatchClient.Open(server.Admin, Sample.Jobs());
        await watch.Next(1);
        Assert.Equal(HttpStatusCode.OK, await Code(server, "/readyz"));

        await cluster.Stop();
        for (var away = Stopwatch.StartNew(); away.Elapsed < Away; await Task.Delay(200))
        {
            foreach (Reply reply in (Reply[])[
                await Reply.Of(server.Admin.Patch(Sample.Job("mnist"), """{"metadata":{"labels":{"while":"away"}}}""")),
                await Reply.Of(server.Admin.PostAsync(Sample.Jobs(), Sample.Body(Sample.Manifest("while-away")))),
                await Reply.Of(server.Admin.GetAsync(Sample.Job("mnist"))),
                await Reply.Of(server.Admin.GetAsync(Sample.Jobs())),
                await Reply.Of(server.Admin.GetAsync(Sample.Jobs() + "?watch=true"))])
            {
                Assert.Equal(
                    (HttpStatusCode.ServiceUnavailable, "1", "ServiceUnavailable"),
                    (reply.Code, reply.RetryAfter, (string?)reply.Json["reason"]));
                Assert.DoesNotContain("127.0.0.1", reply.Text, StringComparison.Ordinal); // where the database is, is nobody's business
            }

            Assert.NotEqual(HttpStatusCode.OK, await Code(server, "/readyz"));
            Assert.Equal(HttpStatusCode.OK, await Code(server, "/livez"));
        }

        foreach (string what in (string[])["Changes", "Reads"]) // once, however many there were
            Assert.Equal(2, server.Output.Split($"{what} are answered 503 from now on: ").Length);
        await cluster.Start();
        var back = Stopwatch.StartNew();
        Task<TimeSpan>[] recovering =
        [
            Recovers(
                back, async () => (await server.Admin.Patch(Sample.Job("mnist"), """{"metadata":{"labels":{"after":"it"}}}""")).StatusCode),
            Recovers(back, async () => (await server.Admin.GetAsync(Sample.Job("mnist"))).StatusCode),
            Recovers(back, async () => (await server.Admin.GetAsync(Sample.Jobs())).StatusCode),
            Recovers(back, () => Code(server, "/readyz")),
        ];
        TimeSpan[] times = await Task.WhenAll(recovering);
        Assert.Equal("MODIFIED", (await watch.Next(1))[0].Type);
        output.WriteLine(
            $"away for {Away.TotalSeconds:0} s; after its return a patch took {times[0].TotalSeconds:0.00} s, a get {times[1].TotalSeconds:0.00} s, "
            + $"a list {times[2].TotalSeconds:0.00} s, /readyz {times[3].TotalSeconds:0.00} s, and the watch {back.Elapsed.TotalSeconds:0.00} s");
        Assert.All(times, took => Assert.InRange(took, TimeSpan.Zero, WayBack));

        foreach (string what in (string[])["Changes", "Reads"])
            await server.Says($"{what} are answered as usual again; ");

        // What was answered 503 "nothing was changed" changed nothing.
        Reply job = await Reply.Of(server.Admin.GetAsync(Sample.Job("mnist")));
        Assert.Equal((null, "it"), (job.Label("while"), job.Label("after")));
        database.Source.Clear();
        database.OwnerSource.Clear();
        await database.AssertWhole();
    }

    [Fact]
    public async Task At_the_start_is_waited_for_and_the_server_is_ready_when_it_is_there()
    {
        await using OwnCluster cluster = await OwnCluster.Start();
        await using TestDatabase database = await TestDatabase.Create(cluster.Superuser);
        await cluster.Stop();
        await using ServerProcess server = await ServerProcess.Start(database.Serving);
        Assert.Equal(HttpStatusCode.OK, await Code(server, "/livez"));
        Assert.NotEqual(HttpStatusCode.OK, await Code(server, "/readyz"));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await Code(server, Sample.Jobs()));

        await cluster.Start();
        await Recovers(Stopwatch.StartNew(), () => Code(server, "/readyz"));
        await server.Admin.Create("mnist");
        database.Source.Clear();
        database.OwnerSource.Clear();
    }

    /// <summary>A session takes the default when it begins, so one that began meanwhile would be of no use for ever.</summary>
    [Fact]
    public async Task Or_was_read_only_for_a_while_is_named_so_and_works_again_by_itself()
    {
        await using OwnCluster cluster = await OwnCluster.Start();
        await using TestDatabase database = await TestDatabase.Create(cluster.Superuser);
        string name = await database.Ask<string>("SELECT current_database()");
        await database.Execute($"ALTER DATABASE {name} SET default_transaction_read_only = on");
        database.OwnerSource.Clear();
        await using ServerProcess server = await ServerProcess.Start(database.Serving);
        Assert.Equal(
            HttpStatusCode.ServiceUnavailable,
            (await Reply.Of(server.Admin.PostAsync(Sample.Jobs(), Sample.Body(Sample.Manifest("early"))))).Code);
        Reply reply = await Reply.Of(server.Admin.GetAsync(Sample.Jobs()));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, reply.Code);
        Assert.StartsWith("the database is read-only", (string)reply.Json["message"]!, StringComparison.Ordinal);

        using (HttpResponseMessage ready = await server.Admin.GetAsync("/readyz/database"))
            Assert.Equal("internal server error: the database is read-only\n", await ready.Content.ReadAsStringAsync());

        await using (var superuser = new Npgsql.NpgsqlConnection(cluster.Superuser))
        {
            await superuser.OpenAsync();
            await using var command = new Npgsql.NpgsqlCommand($"ALTER DATABASE {name} RESET default_transaction_read_only", superuser);
            await command.ExecuteNonQueryAsync();
        }

        await Recovers(Stopwatch.StartNew(), () => Code(server, "/readyz"));
        await server.Admin.Create("mnist");
        await database.AssertWhole();
    }

    private static async Task<HttpStatusCode> Code(ServerProcess server, string path)
    {
        using HttpResponseMessage answer = await server.Admin.GetAsync(path);
        return answer.StatusCode;
    }

    private static async Task<TimeSpan> Recovers(Stopwatch back, Func<Task<HttpStatusCode>> ask)
    {
        await Eventually.Equal(HttpStatusCode.OK, ask);
        return back.Elapsed;
    }
}
