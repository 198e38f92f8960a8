using System.Text.RegularExpressions;
using EventStore.Server.Store.Format;
using EventStore.Server.Tests.Fixtures;
using Npgsql;

namespace EventStore.Server.Tests.Store;

/// <summary>Every list and the beginning of every watch reads the head, which every commit writes anew.</summary>
public sealed partial class Reads_of_the_head : IAsyncLifetime
{
    private TestDatabase database = null!;

    public async Task InitializeAsync() => database = await TestDatabase.Create();

    public async Task DisposeAsync() => await database.DisposeAsync();

    [Fact]
    public async Task Meet_no_dead_row_while_somebody_holds_a_snapshot()
    {
        await using NpgsqlConnection holder = await database.OwnerSource.OpenConnectionAsync();
        await using NpgsqlTransaction held = await holder.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead);
        await using (var look = new NpgsqlCommand("SELECT revision FROM eventstore.head", holder))
            await look.ExecuteScalarAsync();
        await database.Execute($"DO $$ BEGIN FOR i IN 1..5000 LOOP {TestDatabase.MoveHead("revision + 1")}; END LOOP; END $$");

        int scanned = await Pages("eventstore.head");
        Assert.True(scanned > 20, $"{scanned} pages"); // there are dead rows
        Assert.InRange(await Pages(HeadRow.Sql), 1, 5);
    }

    private async Task<int> Pages(string from)
    {
        await using NpgsqlCommand command = database.Source.CreateCommand(
            $"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) SELECT h.revision FROM {from} h");
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync();
        await reader.ReadAsync();
        string plan = reader.GetString(0);
        while (!Hit().IsMatch(plan) && await reader.ReadAsync())
            plan = reader.GetString(0);
        Match hit = Hit().Match(plan);
        Assert.True(hit.Success, plan);
        return int.Parse(hit.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture);
    }

    [GeneratedRegex("Buffers: shared hit=([0-9]+)")]
    private static partial Regex Hit();
}
