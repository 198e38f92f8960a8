using EventStore.Server.Store;
using EventStore.Server.Tests.Fixtures;
using Npgsql;

namespace EventStore.Server.Tests.Store;

public sealed class Rebuilding_current_jobs : IAsyncLifetime
{
    // Every column, the time too: the lane writes it, and so does a rebuild.
    private const string Rows = "SELECT string_agg(j::text, E'\\n' ORDER BY id) FROM eventstore.mt_doc_current_job j";

    private TestDatabase database = null!;

    public async Task InitializeAsync() => database = await TestDatabase.Create();

    public async Task DisposeAsync() => await database.DisposeAsync();

    [Fact]
    public async Task Gives_every_row_of_20000_events_byte_for_byte()
    {
        await RandomHistory.Write(database.Source, seed: 4, jobs: 1000, events: 20_000);
        await RequireEveryKindOfHistory();
        string before = await database.Ask<string>(Rows);
        Assert.Contains("1.10", before, StringComparison.Ordinal);
        Assert.Contains("9007199254740993", before, StringComparison.Ordinal);
        Assert.Empty(await Differences());

        await database.Execute("""
            DELETE FROM eventstore.mt_doc_current_job WHERE mt_version % 3 = 0;
            UPDATE eventstore.mt_doc_current_job SET data = data || '{"text": "{}"}', deleted = true, revision = 1 WHERE mt_version % 3 = 1;
            INSERT INTO eventstore.mt_doc_current_job SELECT gen_random_uuid(), '{}', now(), '', 1, 'kube-test', 'never-was', false, 1;
            """);
        Assert.NotEqual(before, await database.Ask<string>(Rows));
        Assert.NotEmpty(await Differences());

        long told = 0;
        await using NpgsqlConnection owner = await Owner();
        long jobs = await Rebuilding.Run(owner, (done, _) => told = done, default);

        Assert.Equal(before, await database.Ask<string>(Rows));
        Assert.Equal(await database.Ask<long>("SELECT count(*) FROM eventstore.mt_streams"), jobs);
        Assert.Equal(await database.Ask<long>("SELECT count(*) FROM eventstore.mt_events"), told);
        Assert.Empty(await Differences());

        // And life goes on upon the rebuilt rows.
        await RandomHistory.Write(database.Source, seed: 5, jobs: 100, events: 200);
        Assert.Empty(await Differences());
    }

    [Fact]
    public async Task Changes_nothing_when_an_event_cannot_be_read()
    {
        await RandomHistory.Write(database.Source, seed: 6, jobs: 10, events: 50);
        await database.Execute("UPDATE eventstore.mt_events SET data = '{}' WHERE seq_id = 7");
        string before = await database.Checksum();
        await using NpgsqlConnection owner = await Owner();

        FormatException refused = await Assert.ThrowsAsync<FormatException>(() => Rebuilding.Run(owner, (_, _) => { }, default));

        Assert.Contains("revision 7", refused.Message, StringComparison.Ordinal);
        Assert.Equal(before, await database.Checksum());
    }

    [Fact]
    public async Task Of_an_empty_log_is_an_empty_table()
    {
        await database.Execute("INSERT INTO eventstore.mt_doc_current_job SELECT gen_random_uuid(), '{}', now(), '', 1, 'kube-test', 'never-was', false, 1");
        await using NpgsqlConnection owner = await Owner();
        Assert.Equal(0, await Rebuilding.Run(owner, (_, _) => { }, default));
        Assert.Equal(0, await database.Ask<long>("SELECT count(*) FROM eventstore.mt_doc_current_job"));
    }

    [Fact]
    public async Task Waits_for_a_batch_that_is_being_committed()
    {
        await RandomHistory.Write(database.Source, seed: 7, jobs: 10, events: 50);
        string before = await database.Ask<string>(Rows);
        await using NpgsqlConnection owner = await Owner();
        await using NpgsqlConnection writer = await database.OwnerSource.OpenConnectionAsync();
        await using NpgsqlTransaction batch = await writer.BeginTransactionAsync();
        await using (var locked = new NpgsqlCommand("SELECT pg_advisory_xact_lock(7071)", writer))
            await locked.ExecuteNonQueryAsync();

        Task<long> rebuild = Rebuilding.Run(owner, (_, _) => { }, default);
        Assert.NotSame(rebuild, await Task.WhenAny(rebuild, Task.Delay(300)));
        await batch.RollbackAsync();
        await rebuild;

        Assert.Equal(before, await database.Ask<string>(Rows));
    }

    private async Task RequireEveryKindOfHistory()
    {
        Assert.Equal(MartenSetup.EventNames.Values.Order(), (await database.Ask<string[]>("SELECT array_agg(DISTINCT type::text) FROM eventstore.mt_events")).Order());
        Assert.True(await database.Ask<bool>("""
            SELECT (SELECT count(*) >= 20000 FROM eventstore.mt_events)
               AND (SELECT count(*) > 1000 FROM eventstore.mt_streams)
               AND (SELECT count(*) > 10 FROM eventstore.mt_events WHERE type = 'job_deleted' AND data ? 'patch')
               AND (SELECT count(DISTINCT (namespace, name)) = 1000 FROM eventstore.mt_doc_current_job)
               AND (SELECT count(*) > 10 FROM eventstore.mt_doc_current_job WHERE deleted)
               AND (SELECT count(*) > 10 FROM eventstore.mt_doc_current_job WHERE data ->> 'text' LIKE '%"conditions":null%')
            """));
    }

    private async Task<List<string>> Differences()
    {
        List<string> differences = [];
        await Verification.Run(database.Source, differences.Add, (_, _) => { }, default);
        return differences;
    }

    private async Task<NpgsqlConnection> Owner()
    {
        var connection = new NpgsqlConnection(database.Owner);
        await connection.OpenAsync();
        return connection;
    }
}
