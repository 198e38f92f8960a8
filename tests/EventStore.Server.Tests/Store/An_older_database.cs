using System.Diagnostics;
using EventStore.Server.Postgres;
using EventStore.Server.Store;
using EventStore.Server.Tests.Fixtures;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace EventStore.Server.Tests.Store;

/// <summary>A database from before the chain, with years in it, is brought up to date under writers that still use the old function.</summary>
public sealed class An_older_database : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly string before = Directory.CreateTempSubdirectory("es-before-").FullName;
    private TestDatabase database = null!;

    public async Task InitializeAsync()
    {
        foreach (string file in Directory.EnumerateFiles(Migrations.DefaultFolder).Where(file => string.CompareOrdinal(Path.GetFileName(file), "V0004") < 0))
            File.Copy(file, Path.Combine(before, Path.GetFileName(file)));
        database = await TestDatabase.CreateEmpty();
        await Migrations.Apply(database.Owner, NullLogger.Instance, before, Patience);
        await ServingRole.Grant(database.Owner, database.ServingRoleName);
        await RandomHistory.Write(database.Source, seed: 41, jobs: 20, events: 600);
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
        await Migrate();
        Assert.Equal(events, await database.Ask<string>("SELECT md5(string_agg(e::text, '' ORDER BY seq_id)) FROM eventstore.mt_events e"));
        Assert.Equal(await database.Ask<long>("SELECT count(*) FROM eventstore.mt_events"), await database.Ask<long>("SELECT count(*) FROM eventstore.revision"));
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
        await using (var command = new NpgsqlCommand(CommitCall.LockSql, holder))
            await command.ExecuteNonQueryAsync();

        Task migrating = Migrate(); // first in the queue for the lock
        await Waiting(1);
        Task<Committed> refused = CommitCall.Execute(raw, InProcess.Decide([], InProcess.Create("turned-away")));
        await Waiting(2);
        Task<Outcome> patched = lane.Execute(InProcess.Label("there", "n", "1"));
        await Waiting(3);
        await held.RollbackAsync();

        PostgresException refusal = await Assert.ThrowsAsync<PostgresException>(() => refused);
        Assert.Matches(@"revision \d+ is not linked to the one before", refusal.MessageText);
        Assert.IsType<Outcome.Done>(await patched);
        await migrating;
        Assert.Equal(0, await database.Ask<long>("SELECT count(*) FROM eventstore.mt_doc_current_job WHERE name = 'turned-away'"));
        Assert.Empty(await Verify());
    }

    private async Task Migrate()
    {
        await Migrations.Apply(database.Owner, NullLogger.Instance);
        await ServingRole.Grant(database.Owner, database.ServingRoleName);
    }

    private async Task Waiting(long count)
    {
        for (long started = Stopwatch.GetTimestamp(); ; await Task.Delay(20))
        {
            long waiting = await database.Ask<long>("""
                SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                 WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.objid = 7071 AND NOT l.granted
                """);
            if (waiting == count)
                return;
            Assert.True(Stopwatch.GetElapsedTime(started) < Patience, $"{waiting} wait, not {count}");
        }
    }

    private async Task<List<Finding>> Verify()
    {
        List<Finding> findings = [];
        await Verification.Run(database.Source, null, findings.Add, (_, _) => { }, default);
        return findings;
    }
}
