using System.Text.RegularExpressions;
using EventStore.Server.Store.Proof;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Store;

/// <summary>Somebody with the owner's rights changes the store behind the function's back; <c>verify</c> says what, and where.</summary>
[Trait("Category", "Slow")]
public sealed class Verifying : IAsyncLifetime
{
    private TestDatabase database = null!;

    public async Task InitializeAsync()
    {
        database = await TestDatabase.Create();
        await RandomHistory.Write(database.Source, seed: 8, jobs: 12, events: 150);
    }

    public async Task DisposeAsync() => await database.DisposeAsync();

    [Fact]
    public async Task Finds_nothing_wrong_with_what_the_lane_wrote_and_counts_the_events()
    {
        string before = await database.Checksum();
        List<Finding> differences = [];
        Verified verified = await Verification.Run(database.Source, null, differences.Add, (_, _) => { }, default);
        Assert.Empty(differences);
        Assert.Equal(new Verified(await database.Ask<long>("SELECT count(*) FROM eventstore.mt_events"), MissingSnapshots: 0), verified);
        Assert.Equal(before, await database.Checksum());
    }

    [Fact]
    public async Task Finds_nothing_wrong_with_an_empty_store()
    {
        await using TestDatabase empty = await TestDatabase.Create();
        Assert.Equal(new Verified(0, 0), await Verification.Run(
            empty.Source, null, difference => Assert.Fail(difference.What), (_, _) => { }, default));
    }

    /// <summary>JOB stands for the row of one living job with at least five events.</summary>
    [Theory]
    [InlineData("UPDATE mt_doc_current_job SET data = jsonb_set(data, '{text}', to_jsonb(replace(data->>'text', '\"a\"', '\"b\"') || ' ')) WHERE id = JOB", "the current job is not what its events give")]
    [InlineData("UPDATE mt_doc_current_job SET data = data || '{\"deleted\": true}' WHERE id = JOB", "the row's document is not that of its columns")]
    [InlineData("UPDATE mt_doc_current_job SET data = data - 'revision' WHERE id = JOB", "the row's document is not that of its columns")]
    [InlineData("UPDATE mt_doc_current_job SET data = 'null' WHERE id = JOB", "the row's document is not that of its columns")]
    [InlineData("UPDATE mt_doc_current_job SET mt_last_modified = now() + interval '1 day' WHERE id = JOB", "the row's time is not that of the last event")]
    [InlineData("UPDATE mt_doc_current_job SET mt_last_modified = NULL WHERE id = JOB", "the row's time is not that of the last event")]
    [InlineData("UPDATE mt_doc_current_job SET deleted = true WHERE id = JOB", "by its events the job is alive, by its row it is deleted")]
    [InlineData("UPDATE mt_doc_current_job SET name = 'other' WHERE id = JOB", "the current job is named [^ ]+/other")]
    [InlineData("UPDATE mt_doc_current_job SET mt_version = mt_version + 1 WHERE id = JOB", @"the current job is at version \d+, its events end at \d+")]
    [InlineData("UPDATE mt_doc_current_job SET revision = revision + 1 WHERE id = JOB", @"the current job is at revision \d+, its events end at \d+")]
    [InlineData("DELETE FROM mt_doc_current_job WHERE id = JOB", @"there are \d+ events, but no current job")]
    [InlineData("UPDATE mt_streams SET version = version + 1 WHERE id = JOB", @"the stream's own version is not \d+")]
    [InlineData("UPDATE mt_streams SET version = NULL WHERE id = JOB", @"the stream's own version is not \d+")]
    [InlineData("UPDATE mt_events SET data = jsonb_set(data, '{manifest,spec,injected}', '1') WHERE stream_id = JOB AND version = 1", "the current job is not what its events give")]
    [InlineData("UPDATE mt_events SET type = 'job_patched', data = '{}' WHERE stream_id = JOB AND version = 2", @"the event of revision \d+ cannot be read: .+")]
    [InlineData("UPDATE mt_events SET data = '{}' WHERE stream_id = JOB AND version = 1", @"the event of revision \d+ cannot be read: .+")]
    [InlineData("UPDATE mt_events SET data = 'null' WHERE stream_id = JOB AND version = 2", @"the event of revision \d+ cannot be read: .+")]
    [InlineData("UPDATE mt_events SET data = '{\"manifest\": {\"metadata\": null}}' WHERE stream_id = JOB AND version = 1", @"the event of revision \d+ cannot be read: .+")]
    [InlineData("UPDATE mt_events SET type = 'job_patched', data = '{\"patch\": {\"metadata\": 1}, \"replaced\": {}, \"paths\": []}' WHERE stream_id = JOB AND version = (SELECT mt_version FROM mt_doc_current_job WHERE id = JOB)", "its events give no job: .+")]
    [InlineData("UPDATE mt_events SET data = jsonb_set(data, '{manifest,metadata,uid}', '\"00000000-0000-0000-0000-000000000001\"') WHERE stream_id = JOB AND version = 1", "its events give no job: its first event is that of 00000000-0000-0000-0000-000000000001")]
    [InlineData("UPDATE mt_events SET type = 'job_forgotten' WHERE stream_id = JOB AND version = 3", @"the event of revision \d+ cannot be read: .*job_forgotten.*")]
    [InlineData("UPDATE mt_events SET type = 'job_created' WHERE stream_id = JOB AND version = 3", @"the event of revision \d+ cannot be read: .+")]
    [InlineData("DELETE FROM mt_events WHERE stream_id = JOB AND version = 3", @"event 3 is missing: the next one, of revision \d+, is number 4")]
    [InlineData("DELETE FROM mt_events WHERE stream_id = JOB AND version = 1", @"event 1 is missing: the next one, of revision \d+, is number 2")]
    [InlineData("DELETE FROM mt_events e WHERE stream_id = JOB AND version = (SELECT version FROM mt_streams WHERE id = JOB)", @"the current job is at version \d+, its events end at \d+")]
    [InlineData("UPDATE mt_events SET version = 1000 WHERE stream_id = JOB AND version = 3", @"event 3 is missing: the next one, of revision \d+, is number 4")]
    public async Task Finds_what_was_done_to_a_job(string tampering, string expected)
    {
        Guid job = await Tamper(tampering);
        string before = await database.Checksum();
        string pattern = $"^({Regex.Escape(await Key(job))})?.*{job}\\)?: {expected}$";
        Assert.Contains(await Differences(), difference => Regex.IsMatch(difference, pattern));
        Assert.Equal(before, await database.Checksum());
    }

    [Theory]
    [InlineData("INSERT INTO mt_doc_current_job SELECT '00000000-0000-0000-0000-000000000001', data, now(), '', 1, 'x', 'added', false, 1 FROM mt_doc_current_job WHERE id = JOB", "00000000-0000-0000-0000-000000000001: there is a current job without events")]
    [InlineData("INSERT INTO mt_doc_current_job SELECT 'ffffffff-ffff-ffff-ffff-ffffffffffff', data, now(), '', 1, 'x', 'added', false, 1 FROM mt_doc_current_job WHERE id = JOB", "ffffffff-ffff-ffff-ffff-ffffffffffff: there is a current job without events")]
    [InlineData("INSERT INTO mt_streams (id, version) VALUES ('ffffffff-ffff-ffff-ffff-ffffffffffff', 1)", "ffffffff-ffff-ffff-ffff-ffffffffffff: there is a stream without events")]
    [InlineData("DELETE FROM mt_events WHERE stream_id = JOB; DELETE FROM mt_doc_current_job WHERE id = JOB", "[-0-9a-f]{36}: there is a stream without events")]
    [InlineData("INSERT INTO head (revision, time, hash) SELECT revision + 1, time, sha256(hash) FROM head; DELETE FROM head WHERE revision < (SELECT max(revision) FROM head)", @"the head is at revision \d+, the events end at \d+")]
    [InlineData("UPDATE head SET revision = revision - 1", @"the head is at revision \d+, the events end at \d+")]
    [InlineData("DELETE FROM epoch", "there is no epoch")]
    [InlineData("UPDATE epoch SET floor = 7", "the first epoch is not that of an empty store")]
    [InlineData("DELETE FROM head", @"the head is missing, the events end at \d+")]
    [InlineData("UPDATE head SET time = time - interval '1 day'", "the head's time is not that of the last event")]
    public async Task Finds_what_was_done_to_the_store(string tampering, string expected)
    {
        await Tamper(tampering);
        Assert.Contains(await Differences(), difference => Regex.IsMatch(difference, $"^{expected}$"));
    }

    [Fact]
    public async Task Finds_a_whole_stream_gone()
    {
        Guid job = await Tamper("DELETE FROM mt_streams WHERE id = JOB"); // its events go with it
        Assert.Contains($"{job}: there is a current job without events", await Differences());
    }

    [Fact]
    public async Task Finds_events_out_of_order()
    {
        Guid job = await Tamper("""
            ALTER TABLE mt_events DROP CONSTRAINT pkey_mt_events_seq_id;
            UPDATE mt_events SET seq_id = (SELECT max(seq_id) FROM mt_events WHERE stream_id = JOB) + CASE version WHEN 2 THEN 100000 ELSE 0 END
             WHERE stream_id = JOB AND version = 2
            """);
        Assert.Contains(await Differences(), difference => Regex.IsMatch(
            difference, $@"{job}\)?: event 3 has revision \d+, lower than the event before it"));
    }

    [Fact]
    public async Task Tells_of_every_damaged_job_and_goes_on()
    {
        await database.Execute("UPDATE eventstore.mt_events SET data = 'null' WHERE version = 1");
        long streams = await database.Ask<long>("SELECT count(*) FROM eventstore.mt_streams");
        Assert.Equal(streams, (await Differences()).Count(difference => difference.Contains("cannot be read", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Counts_missing_snapshots_as_no_damage_and_tells_of_each_wrong_one_where_it_is()
    {
        await RandomHistory.WriteLong(database.Source, events: 1100);
        long[] snapshots = await database.Ask<long[]>("SELECT array_agg(revision ORDER BY revision) FROM eventstore.job_snapshot");
        Assert.True(snapshots.Length >= 4, $"{snapshots.Length} snapshots");
        await database.Execute($"DELETE FROM eventstore.job_snapshot WHERE revision IN ({snapshots[0]}, {snapshots[1]})");
        List<Finding> findings = [];
        Verified verified = await Verification.Run(database.Source, null, findings.Add, (_, _) => { }, default);
        Assert.Empty(findings);
        Assert.InRange(verified.MissingSnapshots, 1, 2); // the next one may be near enough for the second

        await database.Execute($"""
            UPDATE eventstore.job_snapshot SET text = replace(text, '"n":"', '"n":"9') WHERE revision IN ({snapshots[2]}, {snapshots[3]});
            UPDATE eventstore.mt_doc_current_job SET mt_last_modified = NULL WHERE name = 'long'
            """);
        await Verification.Run(database.Source, null, findings.Add, (_, _) => { }, default);
        Assert.Equal(
            [snapshots[2], snapshots[3]],
            findings.FindAll(finding => finding.What.EndsWith($"the snapshot of revision {finding.Revision} is not what the events give",
                StringComparison.Ordinal)).Select(finding => finding.Revision).Order());
        Assert.Equal(3, findings.Count); // the row's own trouble is told of as well

        await Rebuilding.Run(database.OwnerSource, finding => Assert.Fail(finding.What), (_, _) => { }, default);
        Assert.Equal(
            0,
            (await Verification.Run(database.Source, null, finding => Assert.Fail(finding.What), (_, _) => { }, default)).MissingSnapshots);
    }

    [Fact]
    public async Task Is_not_deceived_by_what_is_written_meanwhile()
    {
        using var enough = new CancellationTokenSource();
        Task writing = Task.Run(async () =>
        {
            for (int seed = 100; !enough.IsCancellationRequested; seed++)
                await RandomHistory.Write(database.Source, seed, jobs: 12, events: 100);
        });
        long before = await database.Ask<long>("SELECT count(*) FROM eventstore.mt_events");
        for (int i = 0; i < 15; i++)
            Assert.Empty(await Differences());
        await enough.CancelAsync();
        await writing;
        Assert.True(await database.Ask<long>("SELECT count(*) FROM eventstore.mt_events") > before + 100, "nothing was written meanwhile");
    }

    private async Task<Guid> Tamper(string sql)
    {
        Guid job = await database.Ask<Guid>(
            "SELECT id FROM eventstore.mt_doc_current_job WHERE NOT deleted AND mt_version >= 5 ORDER BY revision LIMIT 1");
        await database.Execute("SET search_path = eventstore; " + sql.Replace("JOB", $"'{job}'", StringComparison.Ordinal));
        return job;
    }

    private async Task<string> Key(Guid job) =>
        (string?)await database.OwnerSource.CreateCommand(
            $"SELECT namespace || '/' || name FROM eventstore.mt_doc_current_job WHERE id = '{job}'").ExecuteScalarAsync() ?? "nothing";

    private async Task<List<string>> Differences()
    {
        List<string> differences = [];
        await Verification.Run(database.Source, null, difference => differences.Add(difference.What), (_, _) => { }, default);
        return differences;
    }
}
