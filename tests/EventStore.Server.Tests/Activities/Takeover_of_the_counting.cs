using EventStore.Server.Store.Activities;
using EventStore.Server.Tests.Fixtures;
using Npgsql;

namespace EventStore.Server.Tests.Activities;

/// <summary>
/// One of the servers counts. When it is killed in the middle of a page another goes on, and no event is counted twice or not at all.
/// </summary>
[Trait("Category", "Slow")]
public sealed class Takeover_of_the_counting : IAsyncLifetime
{
    private TestDatabase database = null!;

    public async Task InitializeAsync() => database = await TestDatabase.Create();

    public async Task DisposeAsync() => await database.DisposeAsync();

    [Fact]
    public async Task Go_on_where_one_that_was_killed_had_come_to()
    {
        ServerProcess[] servers = await Task.WhenAll(Enumerable.Range(0, 2).Select(number => ServerProcess.Start(
            $"{database.Serving};Application Name={Name(number)}", "--activity", "on")));
        try
        {
            var writers = new Writers(servers[0].Admin, servers[1].Admin);
            await writers.Write(8, 20);
            await CountedUpToTheHead();

            // A row of what is counted is held, so that the next page comes to a halt within its transaction: then the process is killed.
            await using NpgsqlConnection holder = await database.OwnerSource.OpenConnectionAsync();
            await using NpgsqlTransaction hold = await holder.BeginTransactionAsync();
            await using var rows = new NpgsqlCommand(
                "SELECT pg_current_xact_id()::text FROM (SELECT FROM eventstore.mt_doc_activity FOR UPDATE) held", holder, hold);
            object? holding = await rows.ExecuteScalarAsync();
            await writers.Write(8, 10, seed: 2);
            await Eventually.Holds(
                () => database.Ask<bool>($"SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND transactionid::text = '{holding}')"));
            int leader = await Leader();
            await servers[leader].Kill();
            await hold.RollbackAsync();

            await new Writers(servers[1 - leader].Admin).Write(8, 10, seed: 3);
            await CountedUpToTheHead();
            Assert.Equal(1 - leader, await Leader());
        }
        finally
        {
            foreach (ServerProcess server in servers)
                await server.DisposeAsync();
        }
    }

    private static string Name(int server) => $"server {server}";

    /// <summary>Which server has the lock, by the name it gives its sessions; -1 while none has it.</summary>
    private async Task<int> Leader()
    {
        await using NpgsqlCommand asked = database.Source.CreateCommand("""
            SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid)
             WHERE l.locktype = 'advisory' AND l.objid = 7075 AND l.granted AND a.datname = current_database()
            """);
        string? name = (string?)await asked.ExecuteScalarAsync();
        return Array.IndexOf([Name(0), Name(1)], name);
    }

    private async Task CountedUpToTheHead()
    {
        long head = await database.Ask<long>("SELECT revision FROM eventstore.head");
        await Eventually.Holds(Counted, counted => counted >= head, $"revision {head} is counted");
        List<string> differences = [];
        await using NpgsqlConnection verifying = await database.Source.OpenConnectionAsync();
        await ActivityOfLog.Compare(verifying, (_, what) => differences.Add(what), default);
        Assert.Empty(differences);
        Assert.Equal(
            await database.Ask<long>("SELECT count(*) FROM eventstore.mt_events"),
            await database.Ask<long>("SELECT sum((data->>'count')::bigint)::bigint FROM eventstore.mt_doc_activity WHERE field = ''"));
    }

    /// <summary>The revision up to which all is counted.</summary>
    private async Task<long> Counted()
    {
        await using NpgsqlConnection connection = await database.Source.OpenConnectionAsync();
        return await ActivityOfLog.Progress(connection, default) ?? 0;
    }
}
