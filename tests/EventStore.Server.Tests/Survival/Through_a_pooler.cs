using System.Net;
using EventStore.Server.Tests.Fixtures;
using EventStore.Server.Tests.Watch;

namespace EventStore.Server.Tests.Survival;

/// <summary>Between two servers and their database is PgBouncer.</summary>
[Trait("Category", "Slow")]
public sealed class Through_a_pooler : IAsyncLifetime
{
    private TestDatabase database = null!;

    public async Task InitializeAsync() => database = await TestDatabase.Create();

    public async Task DisposeAsync() => await database.DisposeAsync();

    [SkippableFact]
    public async Task Of_sessions_two_servers_write_hear_each_other_and_watch()
    {
        Skip.IfNot(PgBouncer.IsThere, PgBouncer.Missing);
        await using PgBouncer pooler = await PgBouncer.Start(database.Serving, "session");
        await using ServerProcess a = await ServerProcess.Start(pooler.ConnectionString);
        await using ServerProcess b = await ServerProcess.Start(pooler.ConnectionString);
        await a.Admin.Create("pooled");
        await using WatchClient watch = await WatchClient.Open(b.Admin, Sample.Jobs());
        Assert.Equal("ADDED", (await watch.Next(1))[0].Type);
        Assert.All(
            await Task.WhenAll(Enumerable.Range(0, 40).Select(i => Reply.Of((i % 2 == 0 ? a : b).Admin.Patch(
                Sample.Job("pooled"), $$$$"""{"metadata":{"labels":{"l{{{{i}}}}":"1"}}}""")))),
            reply => Assert.Equal(HttpStatusCode.OK, reply.Code));
        Assert.All(await watch.Next(40), frame => Assert.Equal("MODIFIED", frame.Type));
        Assert.Equal(41, await database.Events("pooled"));
        Assert.Equal("ok", await a.Admin.GetStringAsync("/readyz"));
        await database.AssertWhole();
    }

    [SkippableTheory]
    [InlineData("transaction")]
    [InlineData("statement")]
    public async Task Of_less_than_sessions_nothing_is_served(string mode)
    {
        Skip.IfNot(PgBouncer.IsThere, PgBouncer.Missing);
        await using PgBouncer pooler = await PgBouncer.Start(database.Serving, mode);
        await using ProgramRun refused = await ProgramRun.Ended(
            new Dictionary<string, string?> { ["ConnectionStrings__Postgres"] = pooler.ConnectionString }, "serve", "--urls", "http://127.0.0.1:0");
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains(
            "error: a pooler that does not pool whole sessions is between this server and the database\n", refused.Errors,
            StringComparison.Ordinal);

        await using ProgramRun replica = await ProgramRun.Ended(
            new Dictionary<string, string?>
            {
                ["ConnectionStrings__Postgres"] = database.Serving,
                ["ConnectionStrings__PostgresReplicas"] = pooler.ConnectionString,
            },
            "serve", "--urls", "http://127.0.0.1:0");
        Assert.Equal(1, replica.ExitCode);
        Assert.Equal(refused.Errors, replica.Errors);
    }
}
