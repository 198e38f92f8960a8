using EventStore.Server.Store.Hosts;
using EventStore.Server.Store.Lane;
using EventStore.Server.Tests.Fixtures;
using Npgsql;

namespace EventStore.Server.Tests.Store;

/// <summary>What servers know is compared with what a database has: the same of each order in which they come.</summary>
public sealed class Epochs_of_a_database : IAsyncLifetime
{
    private TestDatabase database = null!;
    private long head;

    public async Task InitializeAsync()
    {
        database = await TestDatabase.Create();
        await using NpgsqlConnection connection = await database.Source.OpenConnectionAsync();
        await connection.Commit(InProcess.Decide([], InProcess.Create("a"), InProcess.Create("b")));
        head = await database.Ask<long>("SELECT revision FROM eventstore.head");
    }

    public async Task DisposeAsync() => await database.DisposeAsync();

    [Theory]
    [InlineData(10, 50)]
    [InlineData(50, 10)]
    public async Task Name_all_that_was_lost_whichever_server_comes_first(int one, int other)
    {
        (Epochs first, Epochs second) = (await Begin(), await Begin());
        first.TryNote(head + one);
        second.TryNote(head + other);
        await Check(first);
        await Check(second);
        await Check(first);
        string lost = await database.Ask<string>(
            "SELECT string_agg(lost_from || ' to ' || lost_to, ', ' ORDER BY number) FROM eventstore.epoch");
        Assert.Equal(one < other ? $"{head + 1} to {head + one}, {head + one + 1} to {head + other}" : $"{head + 1} to {head + one}", lost);
        Assert.Equal(first.Known, second.Known);
        Assert.Equal(head, first.Seen);
        Assert.All((long[])[head + 1, head + one, head + other, head + 1000], revision => Assert.NotNull(first.Lacking(revision)));
        Assert.Null(first.Lacking(head));

        await using NpgsqlConnection connection = await database.Source.OpenConnectionAsync();
        long next = (await connection.Commit(InProcess.Decide([], InProcess.Create("c"))))[0].Revision;
        Assert.True(next == first.Known[^1].Floor + 1 && first.Lacking(next) is null, $"the next revision is {next}");
        await database.AssertWhole();
    }

    [Fact]
    public async Task Do_not_hide_what_is_seen_after_they_have_begun()
    {
        Primary primary = database.Source;
        await database.Execute("SELECT eventstore.epoch_add_1()");
        await using CommitLane lane = InProcess.Lane(primary);
        foreach (string job in (string[])["x", "y", "z"])
            Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Create(job)));
        Assert.Equal(await database.Ask<long>("SELECT revision FROM eventstore.head"), primary.Epochs.Seen);
    }

    [Fact]
    public async Task Begin_near_the_clock_however_soon_one_follows_another()
    {
        const long minute = 60L << 21;
        for (int i = 0; i < 3; i++)
            await database.Execute("SELECT eventstore.epoch_add_1()");
        long[] floors = await database.Ask<long[]>("SELECT array_agg(floor ORDER BY number) FROM eventstore.epoch WHERE number > 1");
        Assert.All(floors.Zip(floors.Skip(1)), pair => Assert.InRange(pair.Second - pair.First, 1L << 21, minute));
        await database.Execute(
            $"UPDATE eventstore.epoch SET floor = floor + {120 * minute} WHERE number = (SELECT max(number) FROM eventstore.epoch)");
        await database.Execute("SELECT eventstore.epoch_add_1()"); // as if the clock had been set back
        Assert.Equal(floors[^1] + (120 * minute) + (1L << 32), await database.Ask<long>("SELECT max(floor) FROM eventstore.epoch"));
    }

    [Fact]
    public async Task Stay_as_they_are_where_nothing_is_missing()
    {
        Epochs server = await Begin();
        server.TryNote(head);
        await Check(server);
        await Check(await Begin());
        Assert.Equal(1, await database.Ask<long>("SELECT count(*) FROM eventstore.epoch"));
        Assert.Equal(head, await database.Ask<long>("SELECT last_value FROM eventstore.mt_events_sequence"));
    }

    [Fact]
    public async Task Of_a_later_timeline_are_not_continued_by_a_former_primary()
    {
        Epochs server = await Begin();
        await using (NpgsqlConnection connection = await database.Source.OpenConnectionAsync())
        {
            await using var asked = new NpgsqlCommand("""
                SELECT is_former FROM eventstore.epoch e, eventstore.epoch_check_1(e.number + 1, NULL, e.system, e.timeline + 1)
                """, connection);
            Assert.True((bool?)await asked.ExecuteScalarAsync());
        }

        Assert.Equal(1, await database.Ask<long>("SELECT count(*) FROM eventstore.epoch"));
        Assert.Equal(1, server.Last);
    }

    [Fact]
    public async Task Cannot_be_driven_beyond_what_clients_can_tell_apart()
    {
        await using NpgsqlConnection connection = await database.Source.OpenConnectionAsync();
        await using var asked = new NpgsqlCommand("SELECT eventstore.epoch_check_1(1, 4503599627370497, 0, 0)", connection);
        Assert.Equal(
            PostgresErrorCodes.CheckViolation, (await Assert.ThrowsAsync<PostgresException>(() => asked.ExecuteScalarAsync())).SqlState);
        Assert.Equal(1, await database.Ask<long>("SELECT count(*) FROM eventstore.epoch"));
    }

    private async Task<Epochs> Begin()
    {
        var server = new Epochs();
        await Check(server);
        return server;
    }

    private async Task Check(Epochs server)
    {
        await using NpgsqlConnection connection = await database.Source.OpenConnectionAsync();
        await server.Check(connection);
    }
}
