using EventStore.Server.Store.Format;
using EventStore.Server.Store.Hosts;
using EventStore.Server.Store.Lane;
using EventStore.Server.Tests.Fixtures;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace EventStore.Server.Tests.Store;

/// <summary>What the watch on the hosts finds, and what it makes of it.</summary>
public sealed class The_watch_on_the_hosts : IAsyncLifetime
{
    private TestDatabase database = null!;

    public async Task InitializeAsync() => database = await TestDatabase.Create();

    public async Task DisposeAsync() => await database.DisposeAsync();

    /// <summary>A former primary, or a restored one, at the address of the one that is gone.</summary>
    [Fact]
    public async Task Asks_nothing_of_a_primary_that_came_back_with_an_earlier_history()
    {
        Primary primary = database.Source;
        using PrimaryWatch watch = Watch(primary);
        watch.Note(0, Found(timeline: 2));
        Assert.Equal("head", await Head(primary));
        Term served = primary.Term;

        watch.Note(0, Found(timeline: 1));
        Assert.True(served.IsOver);
        await Assert.ThrowsAsync<StrayPrimaryException>(() => Head(primary));
        await Assert.ThrowsAsync<StrayPrimaryException>(async () => await primary.OpenConnectionAsync());
        Assert.Equal("host 1 is a former primary that still takes writes", watch.Trouble);
        watch.Note(0, Found(timeline: 2, system: 8));
        await Assert.ThrowsAsync<StrayPrimaryException>(() => Head(primary));
        Assert.Equal("host 1 is the primary of another cluster", watch.Trouble);

        watch.Note(0, Found(timeline: 2));
        Assert.Equal("head", await Head(primary));
        Assert.Null(watch.Trouble);
    }

    /// <summary>A name that has come to mean another server, or a host that was promoted again.</summary>
    [Fact]
    public void Leaves_the_sessions_of_a_host_whose_timeline_has_changed_and_not_of_one_that_was_only_away()
    {
        Primary primary = database.Source;
        using PrimaryWatch watch = Watch(primary);
        watch.Note(0, Found(timeline: 1));
        Term served = primary.Term;
        watch.Note(0, new HostState(HostKind.Unreachable));
        watch.Note(0, Found(timeline: 1));
        Assert.False(served.IsOver);
        watch.Note(0, Found(timeline: 3));
        Assert.True(served.IsOver);
        Assert.NotSame(served, primary.Term);
    }

    /// <summary>A server that knows no history yet would serve a former primary's, and write to it.</summary>
    [Fact]
    public async Task Lets_nothing_be_served_before_every_host_was_asked()
    {
        await using var primary = new Primary(database.Source, database.OwnerSource);
        using PrimaryWatch watch = Watch(primary, hosts: 2);
        watch.Note(0, Found(timeline: 1));
        Assert.False(watch.Settled.IsCompleted);
        watch.Note(1, Found(timeline: 2));
        Assert.True(watch.Settled.IsCompleted);
        Assert.Equal(1, primary.Term.Host);
    }

    /// <summary>A replica that was promoted: whoever promotes it names it among those that may be the primary first.</summary>
    [Fact]
    public void Never_takes_a_replica_for_the_primary()
    {
        Primary primary = database.Source; // the replica is no host of it
        using PrimaryWatch watch = Watch(primary, hosts: 2, candidates: 1);
        watch.Note(0, Found(timeline: 1));
        watch.Note(1, new HostState(HostKind.Standby));
        Assert.Null(watch.Trouble);
        Term served = primary.Term;
        watch.Note(1, Found(timeline: 2));
        Assert.Same(served, primary.Term);
        Assert.Equal("host 1 is the primary; host 2 is a primary, and is named as a replica", watch.Trouble);
        watch.Note(0, new HostState(HostKind.Unreachable));
        Assert.Same(served, primary.Term);
    }

    /// <summary>As a read endpoint does that leads to the primary where there is no standby, and that answers first.</summary>
    [Fact]
    public void Asks_a_replica_that_is_a_primary_again_also_before_any_primary_is_known()
    {
        Primary primary = database.Source;
        using PrimaryWatch watch = Watch(primary, hosts: 2, candidates: 1);
        watch.Note(1, Found(timeline: 1));
        watch.Note(0, Found(timeline: 1));
        Assert.Null(watch.Trouble); // it is the same one
        watch.Note(1, new HostState(HostKind.Standby));
        Assert.Null(watch.Trouble);
    }

    [Fact]
    public async Task Lets_nothing_be_written_while_a_standby_is_required_and_the_primary_waits_for_none()
    {
        Primary primary = database.Source;
        using PrimaryWatch watch = Watch(primary, requiresSynchronous: true);
        await using CommitLane lane = InProcess.Lane(primary);
        watch.Note(0, Found(timeline: 1) with { IsSynchronous = true });
        Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Create("safe")));
        Assert.Null(watch.ReplicationTrouble);

        watch.Note(0, Found(timeline: 1));
        Assert.Equal(new Outcome.Unavailable(false, DatabaseAway.NotSynchronous), await lane.Execute(InProcess.Create("unsafe")));
        Assert.NotNull(watch.ReplicationTrouble);

        watch.Note(0, Found(timeline: 1) with { IsSynchronous = true });
        Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Create("safe-again")));
        Assert.Equal(0, await database.Events("unsafe"));
    }

    [Fact]
    public async Task Knows_a_primary_also_where_the_control_file_may_not_be_read()
    {
        HostState plain = await Ask(database.Serving);
        Assert.Equal(HostKind.Primary, plain.Kind);
        Assert.NotEqual(0, plain.Lineage.System);

        await using (var superuser = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(await PostgresServer.ConnectionString)
        {
            Pooling = false,
            Database = new NpgsqlConnectionStringBuilder(database.Owner).Database,
        }.ConnectionString))
        {
            await superuser.OpenAsync();
            await using var revoke = new NpgsqlCommand("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC", superuser);
            await revoke.ExecuteNonQueryAsync();
        }

        HostState modest = await Ask(database.Serving);
        Assert.Equal((HostKind.Primary, new Lineage(0, plain.Lineage.Timeline)), (modest.Kind, modest.Lineage));
    }

    [Fact]
    public async Task Tells_a_wrong_password_from_a_host_that_is_away()
    {
        var target = new NpgsqlConnectionStringBuilder(database.Serving) { Password = "wrong" };
        Assert.Equal(HostKind.Refused, (await Ask(target.ConnectionString)).Kind);
        target.Port = 1;
        Assert.Equal(HostKind.Unreachable, (await Ask(target.ConnectionString)).Kind);
    }

    private static HostState Found(long timeline, long system = 7) => new(HostKind.Primary) { Lineage = new Lineage(system, timeline) };

    private static PrimaryWatch Watch(Primary primary, bool requiresSynchronous = false, int hosts = 1, int? candidates = null) => new(
        new WatchedHosts([.. Enumerable.Repeat(("db:5432", NpgsqlDataSource.Create("Host=127.0.0.1;Port=1")), hosts)], requiresSynchronous)
        {
            Candidates = candidates ?? hosts,
        },
        [primary],
        primary,
        NullLogger<PrimaryWatch>.Instance);

    private static async Task<string> Head(Primary primary)
    {
        await using NpgsqlCommand command = primary.CreateCommand("SELECT 'head' FROM eventstore.head");
        return (string)(await command.ExecuteScalarAsync())!;
    }

    private static async Task<HostState> Ask(string connectionString)
    {
        await using NpgsqlDataSource source = EventStore.Server.Hosting.HostList.Probing(connectionString);
        await using var probe = new HostProbe(source);
        return await probe.Ask(default);
    }
}
