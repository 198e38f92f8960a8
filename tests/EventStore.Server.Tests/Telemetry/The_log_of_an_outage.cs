using System.Net;
using System.Text;
using EventStore.Server.Tests.Fixtures;
using EventStore.Server.Tests.Page;
using EventStore.Server.Tests.Watch;
using Npgsql;

namespace EventStore.Server.Tests.Telemetry;

/// <summary>
/// While the database is away everything that needs it by itself tries again and again, and the log says of each that it goes without:
/// once. What is tried is counted at the database's door.
/// </summary>
[Trait("Category", "Slow")]
public sealed class The_log_of_an_outage
{
    private const int Tries = 50; // of all together, at about the same pace

    private static readonly string[] Lines =
    [
        "The feed cannot read the log",
        "Other processes' commits cannot be heard",
        "The mark that this server is running was lost",
        "Open pages are not told of changes",
    ];

    [Fact]
    public async Task Says_once_who_goes_without_the_database_and_again_in_the_next_outage()
    {
        await using TestDatabase database = await TestDatabase.Create();
        await using BreakableWire wire = BreakableWire.To(database.Serving);
        await using ServerProcess server = await ServerProcess.Start(wire.ConnectionString, "--Feed:RetryPause=00:00:01");
        await server.Admin.Create("mnist");
        await using WatchClient watch = await WatchClient.Open(server.Admin, Sample.Jobs());
        await watch.Next(1);
        using HttpClient reader = await PageClient.SignedIn(server.Url, ServerProcess.AdminToken);
        using HttpResponseMessage page = await reader.GetAsync(
            "/ui/jobs/live?namespace=kube-test", HttpCompletionOption.ResponseHeadersRead);
        using var told = new StreamReader(await page.Content.ReadAsStreamAsync(), Encoding.UTF8);

        await HaveTheDatabase(server, database, told, "outage-0");
        for (int outage = 1; outage <= 2; outage++)
        {
            wire.TurnAway();
            await Eventually.Holds(() => Counts().All(count => count >= outage), seen: () => server.Output);
            int tries = wire.TurnedAway;
            await Eventually.Holds(() => wire.TurnedAway >= tries + Tries, seen: () => $"{wire.TurnedAway - tries} tries");
            await Eventually.Equal(false, () => HasSession(database, "%"));
            Assert.Equal(Enumerable.Repeat(outage, Lines.Length), Counts());

            wire.LetThrough();
            await HaveTheDatabase(server, database, told, $"outage-{outage}");
        }

        int[] Counts()
        {
            string said = server.Output;
            return [.. Lines.Select(line => said.Split(line).Length - 1)];
        }
    }

    /// <summary>Waits until each of the four has it, by what each of them does with it.</summary>
    private static async Task HaveTheDatabase(ServerProcess server, TestDatabase database, StreamReader told, string label)
    {
        await Eventually.Equal(HttpStatusCode.OK, () => Code(server.Admin.GetAsync("/readyz/feed"))); // the feed, and the notifications
        // The mark is set, and others are looked for.
        await Eventually.Equal(true, () => HasSession(database, "%count(DISTINCT pid) FROM pg_locks%"));
        await Eventually.Equal(HttpStatusCode.OK, () => Code(
            server.Admin.Patch(Sample.Job("mnist"), $$$$"""{"metadata":{"labels":{"after":"{{{{label}}}}"}}}""")));
        long revision = long.Parse((await server.Admin.Get(Sample.Job("mnist"))).Revision());
        long last = 0;
        while (last < revision)
        {
            string line = await told.ReadLineAsync().WaitAsync(Eventually.Deadline) ?? throw new EndOfStreamException();
            last = line.StartsWith("data: ", StringComparison.Ordinal) ? long.Parse(line["data: ".Length..]) : last;
        }
    }

    private static async Task<HttpStatusCode> Code(Task<HttpResponseMessage> asked)
    {
        using HttpResponseMessage answer = await asked;
        return answer.StatusCode;
    }

    /// <summary>Whether a session of the serving role is there whose last statement is like this.</summary>
    private static async Task<bool> HasSession(TestDatabase database, string statement)
    {
        await using var connection = new NpgsqlConnection(await PostgresServer.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE usename = $1 AND query LIKE $2)", connection)
        {
            Parameters = { new() { Value = database.ServingRoleName }, new() { Value = statement } },
        };
        return (bool)(await command.ExecuteScalarAsync())!;
    }
}
