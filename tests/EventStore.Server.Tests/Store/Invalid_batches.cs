using EventStore.Domain.Jobs;
using EventStore.Server.Store.Lane;
using EventStore.Server.Tests.Fixtures;
using Npgsql;

namespace EventStore.Server.Tests.Store;

/// <summary>
/// What a server that was taken over, or one with a bug, hands to the functions it may call: they append nothing a reader cannot read.
/// </summary>
[Trait("Category", "Slow")]
public sealed class Invalid_batches : IAsyncLifetime
{
    private const int Streams = 7, Versions = 8, Types = 9, Rows = 17;
    private TestDatabase database = null!;
    private NpgsqlConnection connection = null!;
    private Job[] jobs = [];

    public async Task InitializeAsync()
    {
        database = await TestDatabase.Create();
        connection = await database.Source.OpenConnectionAsync();
        jobs = await connection.Commit(InProcess.Decide([], InProcess.Create("there")));
    }

    public async Task DisposeAsync()
    {
        await connection.DisposeAsync();
        await database.DisposeAsync();
    }

    public static TheoryData<int, string> Breaks()
    {
        var breaks = new TheoryData<int, string>();
        foreach (string what in (string[])["type", "no type", "creation", "version", "no version", "old version", "stream", "no row",
            "row of the first", "rows backwards", "after a deletion"])
        {
            breaks.Add(6, what);
            breaks.Add(7, what);
        }

        return breaks;
    }

    [Theory]
    [MemberData(nameof(Breaks))]
    public async Task Are_refused_whole(int release, string what)
    {
        string before = await Stored();
        Batch batch = InProcess.Decide(
            jobs, InProcess.Create("new"), InProcess.Label("there", "a", "1"), InProcess.Label("there", "a", "2"));
        await using NpgsqlCommand call = release == 6 ? InProcess.CallOfTheReleaseBefore(connection, batch) : CommitCall.Of(
            connection, batch, wakeOthers: false, null, allOrNone: false);
        switch (what)
        {
            case "type": Value<string?>(Types)[2] = "x"; break;
            case "no type": Value<string?>(Types)[2] = null; break;
            case "creation": Value<string?>(Types)[0] = "job_patched"; break;
            case "version": Value<long>(Versions)[2]++; break;
            case "no version": call.Parameters[Versions] = new NpgsqlParameter<long?[]> { TypedValue = [1, 2, null] }; break;
            case "old version": Value<long>(Versions)[1]--; break;
            case "stream": Value<Guid>(Streams)[2] = Guid.NewGuid(); break;
            case "no row": call.Parameters[Rows] = new NpgsqlParameter<int[]> { TypedValue = [1] }; break;
            case "row of the first": Value<int>(Rows)[1] = 2; break;
            case "rows backwards": Array.Reverse(Value<int>(Rows)); break;
            default: Value<string?>(Types)[1] = "job_deleted"; break;
        }

        PostgresException refused = await Assert.ThrowsAsync<PostgresException>(() => call.ExecuteNonQueryAsync());

        Assert.Equal(PostgresErrorCodes.CheckViolation, refused.SqlState);
        Assert.Equal(before, await Stored());
        await connection.Commit(InProcess.Decide(jobs, InProcess.Label("there", "a", "1"))); // the connection is as good as before

        T[] Value<T>(int parameter) => (T[])call.Parameters[parameter].Value!;
    }

    private Task<string> Stored() =>
        database.Ask<string>("SELECT format('%s %s', (SELECT count(*) FROM eventstore.mt_events), h) FROM eventstore.head h");

    [Fact]
    public async Task A_name_that_is_deleted_and_created_again_in_one_batch_is_none()
    {
        await connection.Commit(InProcess.Decide(
            jobs, InProcess.Label("there", "a", "1"), InProcess.Delete("there"), InProcess.Create("there"),
            InProcess.Label("there", "a", "2")));
        await database.AssertWhole();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(100)]
    public async Task A_sequence_behind_the_head_is_moved_up_and_no_revision_goes_back(int to)
    {
        for (int i = 0; i < 20; i++)
            jobs = await connection.Commit(InProcess.Decide(jobs, InProcess.Label("there", "a", $"{i}")));
        long before = jobs[0].Revision;
        await database.Execute($"SELECT setval('eventstore.mt_events_sequence', least({to}, {before} - 2))");
        List<string> said = [];
        connection.Notice += (_, e) => said.Add(e.Notice.MessageText);

        Job[] both = await connection.Commit(InProcess.Decide(jobs, InProcess.Create("new"), InProcess.Label("there", "a", "behind")));

        Assert.All(both, job => Assert.True(job.Revision > before, $"revision {job.Revision} is not above {before}"));
        Assert.Contains("the sequence of revisions was at", Assert.Single(said), StringComparison.Ordinal);
        Assert.Equal(both.Max(job => job.Revision), await database.Ask<long>("SELECT revision FROM eventstore.head"));
        await database.AssertWhole();
    }

    /// <summary>What the function says of it would otherwise be in PostgreSQL's log alone.</summary>
    [Fact]
    public async Task A_sequence_behind_the_head_is_told_of_in_the_log_of_the_server()
    {
        await using ServerProcess server = await ServerProcess.Start(database.Serving);
        await server.Admin.Create("one");
        await database.Execute("SELECT setval('eventstore.mt_events_sequence', 1)");
        await server.Admin.Create("two");
        await server.Says("it was moved up");
        Assert.Matches(@"WARNING\): the sequence of revisions was at 2, behind revision \d+: it was moved up", server.Output);
    }

    /// <summary>A backup keeps every old version of the head for an hour; a commit must not read them all.</summary>
    [Fact]
    public async Task A_commit_reads_as_little_of_the_head_under_an_old_snapshot()
    {
        // As the lane does; and a plan that is kept from when the head was known to be small must not read all of it later.
        await database.Execute("ANALYZE eventstore.head");
        var fence = new Fence(
            await database.Ask<long>("SELECT last_value + is_called::int FROM eventstore.rebuilds"),
            await database.Ask<long>("SELECT max(number) FROM eventstore.epoch"));
        for (int i = 0; i < 6; i++) // PostgreSQL keeps a plan from the sixth time on
            jobs = await connection.Commit(InProcess.Decide(jobs, InProcess.Label("there", "a", $"before-{i}")), fence);
        await using NpgsqlConnection backup = await database.OwnerSource.OpenConnectionAsync();
        await using NpgsqlTransaction snapshot = await backup.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead);
        await using (var read = new NpgsqlCommand("SELECT count(*) FROM eventstore.head", backup, snapshot))
            await read.ExecuteScalarAsync();
        await database.Execute($"DO $$ BEGIN FOR i IN 1 .. 5000 LOOP {TestDatabase.MoveHead("revision + 1")}; COMMIT; END LOOP; END $$");
        Assert.InRange(await database.Ask<long>("SELECT pg_relation_size('eventstore.head') / 8192"), 30, 1000);

        // Within a transaction the counters are those of this connection alone.
        await using NpgsqlTransaction counted = await connection.BeginTransactionAsync();
        long before = await Blocks();
        jobs = await connection.Commit(InProcess.Decide(jobs, InProcess.Label("there", "a", "after")), fence);
        Assert.InRange(await Blocks() - before, 1, 20);

        async Task<long> Blocks()
        {
            await using var count = new NpgsqlCommand("""
                SELECT sum(pg_stat_get_xact_blocks_fetched(c.oid))::bigint FROM pg_class c
                 WHERE c.oid = 'eventstore.head'::regclass
                    OR c.oid IN (SELECT i.indexrelid FROM pg_index i WHERE i.indrelid = 'eventstore.head'::regclass)
                """, connection);
            return (long)(await count.ExecuteScalarAsync())!;
        }
    }

    [Fact]
    public async Task A_stranger_who_may_connect_cannot_hold_up_a_commit_by_a_lock()
    {
        await using NpgsqlConnection stranger = await database.OwnerSource.OpenConnectionAsync();
        await using (var locks = new NpgsqlCommand("SELECT pg_advisory_lock(7072), pg_advisory_lock(7074)", stranger))
            await locks.ExecuteNonQueryAsync();
        await connection.Commit(InProcess.Decide(jobs, InProcess.Label("there", "a", "1"))).WaitAsync(Eventually.Deadline);
        await using var wait = new NpgsqlCommand(Server.Store.Format.DatabaseNames.WaitForCommits, connection);
        await wait.ExecuteNonQueryAsync();
    }

    [Fact]
    public async Task A_stranger_cannot_connect()
    {
        await using TestDatabase other = await TestDatabase.Create(); // the roles of another database of the same server
        var stranger = new NpgsqlConnectionStringBuilder(other.Serving)
        {
            Database = new NpgsqlConnectionStringBuilder(database.Serving).Database,
            Pooling = false,
        };
        await using var knocking = new NpgsqlConnection(stranger.ConnectionString);
        PostgresException refused = await Assert.ThrowsAsync<PostgresException>(() => knocking.OpenAsync());
        Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, refused.SqlState);
    }

    [Fact]
    public async Task Every_index_orders_names_by_their_bytes() => Assert.Equal(string.Empty, await database.Ask<string>("""
        SELECT coalesce(string_agg(DISTINCT i.indexrelid::regclass::text, ', '), '')
          FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid, unnest(i.indcollation::oid[]) o (id)
         WHERE c.relnamespace = 'eventstore'::regnamespace AND c.relname <> 'changelog' AND o.id <> 0 AND o.id <> '"C"'::regcollation
        """));
}
