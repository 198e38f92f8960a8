using EventStore.Domain.Jobs;
using EventStore.Server.Postgres;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Lane;
using EventStore.Server.Store.Proof;
using EventStore.Server.Tests.Fixtures;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace EventStore.Server.Tests.Store;

/// <summary>
/// A database from before the chain, with years in it, is brought up to date under writers that still use the old function.
/// </summary>
[Trait("Category", "Slow")]
public sealed class An_older_database : IAsyncLifetime
{
    // The call of this release, as the one before would have made it.
    private const string AsBefore = """
        CREATE FUNCTION eventstore.wait_for_commits_2() RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint';
        CREATE FUNCTION eventstore.epoch_check_1(bigint, bigint, bigint, bigint, OUT number bigint, OUT revision bigint, OUT has_begun boolean, OUT is_former boolean)
        LANGUAGE sql AS 'SELECT 0, revision, false, false FROM eventstore.head';
        CREATE TABLE eventstore.epoch (
            number bigint, revision bigint, floor bigint, system bigint, timeline bigint, database bigint, lost_from bigint, lost_to bigint,
            began timestamptz, hash bytea);
        GRANT SELECT ON eventstore.epoch TO PUBLIC;
        CREATE FUNCTION eventstore.commit_jobs_7(
            text[], text[], uuid[], bigint[], bigint[], int[], uuid[], uuid[], bigint[], text[], text[], jsonb[], text[], jsonb[], text[],
            int[], text[], int[], boolean[], text[], text[], boolean, boolean, bigint, bigint, bigint, bigint,
            OUT held boolean[], OUT revisions bigint[], OUT committed_at timestamptz, OUT rebuild bigint, OUT lease bigint, OUT epoch bigint)
        LANGUAGE sql SECURITY DEFINER AS $$SELECT c.*, coalesce($24, 0), $25, $26 FROM
            (SELECT coalesce(array_agg($8[e] IS DISTINCT FROM $3[$6[e]]), '{}') AS new, coalesce(array_agg($10[e] = 'job_deleted'), '{}') AS gone
               FROM unnest($18) e) row,
            eventstore.commit_jobs_1($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$18,row.new,row.gone,$20,$21,$22) c$$
        """;

    private const string AsItWas = """
        DROP FUNCTION IF EXISTS eventstore.commit_jobs_7, eventstore.epoch_check_1, eventstore.wait_for_commits_2;
        DROP TABLE IF EXISTS eventstore.epoch
        """;

    private const string OldLock = "SELECT pg_advisory_xact_lock(7071)";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly string before = Directory.CreateTempSubdirectory("es-before-").FullName;
    private TestDatabase database = null!;

    public async Task InitializeAsync()
    {
        database = await TestDatabase.CreateEmpty();
        await MigrateTo("V0004");
        await database.Execute(AsBefore);
        await ServingRole.Grant(database.Owner, database.ServingRoleName);
        await RandomHistory.Write(database.Source, seed: 41, jobs: 20, events: 600, impersonates: false);
    }

    public async Task DisposeAsync()
    {
        await database.DisposeAsync();
        Directory.Delete(before, recursive: true);
    }

    [Fact]
    public async Task Is_linked_and_indexed_as_if_it_had_always_been()
    {
        Assert.Equal("V0003__commit_jobs_1.sql", await database.Ask<string>("SELECT max(name) FROM eventstore.changelog WHERE type = 0"));
        string events = await database.Ask<string>("SELECT md5(string_agg(e::text, '' ORDER BY seq_id)) FROM eventstore.mt_events e");
        await MigrateTo("V0008");
        await Migrate();
        Assert.Equal(events, await database.Ask<string>("SELECT md5(string_agg(e::text, '' ORDER BY seq_id)) FROM eventstore.mt_events e"));
        Assert.Equal(await database.Ask<long>("SELECT count(*) FROM eventstore.mt_events"), await database.Ask<long>(
            "SELECT count(*) FROM eventstore.revision"));
        Assert.True(await database.Ask<long>("SELECT count(*) FROM eventstore.revision_path") > 0);
        Assert.Empty(await Verify());
        await RandomHistory.Write(database.Source, seed: 42, jobs: 20, events: 100);
        Assert.Empty(await Verify());
    }

    [Fact]
    public async Task Turns_away_who_waited_within_the_old_function_and_the_lane_comes_back_through_the_new_one()
    {
        await using var lane = InProcess.Lane(database.Source);
        Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Create("there")));
        await using NpgsqlConnection raw = await database.Source.OpenConnectionAsync();
        await using NpgsqlConnection holder = await database.OwnerSource.OpenConnectionAsync();
        await using NpgsqlTransaction held = await holder.BeginTransactionAsync();
        await using (var command = new NpgsqlCommand(OldLock, holder))
            await command.ExecuteNonQueryAsync();

        Task migrating = MigrateTo("V0008"); // first in the queue for the lock
        await Waiting(1);
        Task<Committed> refused = raw.Execute(InProcess.Decide([], InProcess.Create("turned-away")));
        await Waiting(2);
        Task<Outcome> patched = lane.Execute(InProcess.Label("there", "n", "1"));
        await Waiting(3);
        await held.RollbackAsync();

        PostgresException refusal = await Assert.ThrowsAsync<PostgresException>(() => refused);
        Assert.Matches(@"revision \d+ is not linked to the one before", refusal.MessageText);
        Assert.IsType<Outcome.Done>(await patched);
        await migrating;
        await Migrate();
        Assert.Equal(0, await database.Ask<long>("SELECT count(*) FROM eventstore.mt_doc_current_job WHERE name = 'turned-away'"));
        Assert.Empty(await Verify());
    }

    [Fact]
    public async Task Goes_on_taking_the_calls_of_the_release_before()
    {
        await Migrate();
        await using NpgsqlConnection connection = await database.Source.OpenConnectionAsync();
        Job[] jobs = [];
        for (int i = 0; i <= SnapshotRow.Every; i++)
        {
            Batch batch = i == 0 ? InProcess.Decide([], InProcess.Create("old")) : InProcess.Decide(
                jobs, InProcess.Label("old", $"n{i % 3}", $"{i}"));
            Committed committed = await connection.CommitAsTheReleaseBefore(batch);
            jobs = [Assert.Single(batch.Entries).After with { Revision = Assert.Single(committed.Revisions) }];
        }

        Assert.Equal(2L * SnapshotRow.Every, await database.Ask<long>("""
            SELECT count(*) FROM eventstore.revision r JOIN eventstore.revision_path p USING (revision) WHERE r.job = 'old'
            """));
        Assert.Equal(1, await database.Ask<long>($"SELECT count(*) FROM eventstore.job_snapshot WHERE uid = '{jobs[0].Uid}'"));
        Assert.Empty(await Verify());
    }

    [Fact]
    public async Task Turns_away_a_batch_that_waited_for_the_lock_of_the_release_before_and_takes_it_the_next_time()
    {
        await MigrateTo("V0009");
        await using NpgsqlConnection raw = await database.OwnerSource.OpenConnectionAsync();
        await using NpgsqlConnection holder = await database.OwnerSource.OpenConnectionAsync();
        await using NpgsqlTransaction held = await holder.BeginTransactionAsync();
        await using (var command = new NpgsqlCommand(OldLock, holder))
            await command.ExecuteNonQueryAsync();
        await database.Execute(AsItWas);
        Task migrating = MigrateTo("V0010"); // first in the queue for the lock
        await Waiting(1);
        Batch batch = InProcess.Decide([], InProcess.Create("late"));
        await using NpgsqlCommand call = CallWithTheOldLock(raw, batch);
        Task<object?> refused = call.ExecuteScalarAsync();
        await Waiting(2);
        await held.RollbackAsync();

        Assert.True(CommitCall.IsOutrun(await Assert.ThrowsAsync<PostgresException>(() => refused)));
        await migrating;
        await using NpgsqlCommand again = CallWithTheOldLock(raw, batch);
        Assert.True((long)(await again.ExecuteScalarAsync())! > 1);
        await Migrate();
        Assert.Empty(await Verify());
    }

    /// <summary>The call of <c>commit_jobs_2</c>, which took the old lock and was told two more things of each row.</summary>
    private static NpgsqlCommand CallWithTheOldLock(NpgsqlConnection connection, Batch batch)
    {
        NpgsqlCommand call = CommitCall.Of(connection, batch, wakeOthers: false, null, allOrNone: false);
        Batch.Entry[] rows = [.. batch.Entries.Where(entry => entry.WritesRow)];
        call.CommandText = """
            SELECT revisions[1] FROM eventstore.commit_jobs_2($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24)
            """;
        while (call.Parameters.Count > 22)
            call.Parameters.RemoveAt(22);
        call.Parameters.Insert(
            18, new NpgsqlParameter<bool[]> { TypedValue = [.. rows.Select(row => row.OfKey.Basis?.Uid != row.After.Uid)] });
        call.Parameters.Insert(19, new NpgsqlParameter<bool[]> { TypedValue = [.. rows.Select(row => row.After.Deleted)] });
        return call;
    }

    private async Task MigrateTo(string end)
    {
        foreach (string file in Directory.EnumerateFiles(Migrations.DefaultFolder).Where(
            file => string.CompareOrdinal(Path.GetFileName(file), end) < 0))
            File.Copy(file, Path.Combine(before, Path.GetFileName(file)), overwrite: true);
        await Migrations.Apply(database.Owner, NullLogger.Instance, before, Patience);
    }

    private async Task Migrate()
    {
        await database.Execute(AsItWas);
        await Migrations.Apply(database.Owner, NullLogger.Instance);
        await ServingRole.Grant(database.Owner, database.ServingRoleName);
    }

    private Task Waiting(long count) => Eventually.Equal(
        count,
        () => database.Ask<long>("""
            SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
             WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.objid = 7071 AND NOT l.granted
            """),
        "how many wait for the lock");

    private async Task<List<Finding>> Verify()
    {
        List<Finding> findings = [];
        await Verification.Run(database.Source, null, findings.Add, (_, _) => { }, default);
        return findings;
    }
}
