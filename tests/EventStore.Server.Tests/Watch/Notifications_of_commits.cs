using EventStore.Server.Tests.Fixtures;
using Npgsql;

namespace EventStore.Server.Tests.Watch;

/// <summary>Other processes are told of commits, and nobody pays for it where there are none.</summary>
[Trait("Category", "Slow")]
public sealed class Notifications_of_commits
{
    [Fact]
    public async Task Are_sent_while_another_process_serves_and_only_then()
    {
        await using TestDatabase database = await TestDatabase.Create();
        await using NpgsqlConnection listener = await database.Source.OpenConnectionAsync();
        var heard = new List<string>();
        listener.Notification += (_, notification) => heard.Add(notification.Payload);
        await using (var listen = new NpgsqlCommand("LISTEN eventstore_commit", listener))
            await listen.ExecuteNonQueryAsync();

        await using ServerProcess first = await ServerProcess.Start(database.Serving);
        await first.Admin.Create("alone");
        Assert.False(await listener.WaitAsync(TimeSpan.FromSeconds(2)), "a server alone told somebody");

        await using ServerProcess second = await ServerProcess.Start(database.Serving);
        int i = 0;
        await Eventually.Holds(IsTold, "somebody is told"); // the first looks once a second whether it is alone
        Assert.Contains(heard[^1], await Revisions(database));

        async Task<bool> IsTold()
        {
            await first.Admin.Create($"together-{i++}");
            await listener.WaitAsync(TimeSpan.FromMilliseconds(200));
            return heard.Count > 0;
        }
    }

    private static async Task<string[]> Revisions(TestDatabase database) =>
        await database.Ask<string[]>("SELECT array_agg(seq_id::text) FROM eventstore.mt_events");
}
