using System.Text.Json.Nodes;
using EventStore.Domain.History;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Proof;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Store;

/// <summary>
/// Somebody with the owner's rights, and some patience, changes the past: events, hashes, the index. <c>verify</c> says at which revision.
/// </summary>
[Trait("Category", "Slow")]
public sealed class The_chain : IAsyncLifetime
{
    private const string Broken = "the chain is broken: the event, or what is before it, is not as it was written";

    private const string Link = """
        revision_hash_1((SELECT hash FROM revision WHERE revision = (SELECT max(revision) FROM revision WHERE revision < e.seq_id)), e.seq_id, e.stream_id,
            e.version, e.type, (extract(epoch FROM e.timestamp) * 1000000)::bigint, e.user_name, e.headers, e.correlation_id, e.data)
        """;

    private const string RewriteFrom40 = $"""
        DO $$ DECLARE r bigint; BEGIN
            FOR r IN SELECT revision FROM revision WHERE revision >= 40 ORDER BY revision LOOP
                UPDATE revision SET hash = (SELECT {Link} FROM mt_events e WHERE e.seq_id = r) WHERE revision = r;
            END LOOP;
            UPDATE head SET hash = (SELECT hash FROM revision ORDER BY revision DESC LIMIT 1);
        END $$
        """;

    private TestDatabase database = null!;

    public async Task InitializeAsync()
    {
        database = await TestDatabase.Create();
        await RandomHistory.Write(database.Source, seed: 21, jobs: 10, events: 120);
    }

    public async Task DisposeAsync() => await database.DisposeAsync();

    [Fact]
    public async Task Is_whole_where_events_have_the_names_of_their_classes_which_were_stored_before()
    {
        Assert.Equal(0, await database.Ask<long>("SELECT count(mt_dotnet_type) FROM eventstore.mt_events"));
        await Tamper("""
            UPDATE mt_events SET mt_dotnet_type = 'EventStore.Domain.Jobs.' || replace(initcap(replace(type, '_', ' ')), ' ', '') || ', EventStore.Domain'
            """);
        Assert.Empty(await Verify());
    }

    [Theory]
    [InlineData("UPDATE mt_events SET data = jsonb_set(data, '{paths}', '[\"spec.cleanPodPolicy\"]') WHERE seq_id = 50", 50, Broken)]
    [InlineData("UPDATE mt_events SET user_name = 'mallory' WHERE seq_id = 50", 50, Broken)]
    [InlineData("UPDATE mt_events SET timestamp = timestamp + interval '1 microsecond' WHERE seq_id = 50", 50, Broken)]
    [InlineData("UPDATE mt_events SET timestamp = timestamp - interval '1 day' WHERE seq_id = 50", 50, Broken)]
    [InlineData("UPDATE mt_events SET headers = jsonb_set(headers, '{sourceAddress}', '\"10.0.0.1\"') WHERE seq_id = 50", 50, Broken)]
    [InlineData("UPDATE mt_events SET headers = jsonb_set(headers, '{groups}', '[]') WHERE seq_id = 50", 50, Broken)]
    [InlineData("UPDATE mt_events SET headers = headers || '{\"more\": 1}' WHERE seq_id = 50", 50, "the headers of the event were edited")]
    [InlineData("UPDATE mt_events SET headers = headers || '{\"impersonatedBy\": {\"name\": \"mallory\", \"groups\": []}}' WHERE seq_id = 50", 50, Broken)]
    [InlineData("UPDATE mt_events SET headers = headers || '{\"impersonatedBy\": null}' WHERE seq_id = 50", 50, Broken)]
    [InlineData("UPDATE mt_events SET headers = headers - 'impersonatedBy' WHERE seq_id = (SELECT max(seq_id) FROM mt_events WHERE headers ? 'impersonatedBy')", -1, Broken)]
    [InlineData("UPDATE mt_events SET correlation_id = 'another' WHERE seq_id = 50", 50, Broken)]
    [InlineData("UPDATE mt_events SET mt_dotnet_type = 'another' WHERE seq_id = 50", 50, "the class of the event was edited")]
    [InlineData("UPDATE mt_events SET is_archived = true WHERE seq_id = 50", 50, "a column that nothing writes was edited")]
    [InlineData("DELETE FROM mt_events WHERE seq_id = 50", 50, "the event was removed, its row in the index is still there")]
    [InlineData("DELETE FROM mt_events WHERE seq_id IN (50, 51); DELETE FROM revision WHERE revision IN (50, 51); DELETE FROM revision_path WHERE revision IN (50, 51)", 52, Broken)]
    [InlineData("DELETE FROM mt_events WHERE seq_id = 2; DELETE FROM revision WHERE revision = 2", 3, Broken)]
    [InlineData("DELETE FROM mt_events WHERE seq_id >= 100; DELETE FROM revision WHERE revision >= 100; DELETE FROM revision_path WHERE revision >= 100", 99, "the head's hash is not that of the last revision")]
    [InlineData("DELETE FROM mt_events WHERE seq_id >= 100; DELETE FROM revision WHERE revision >= 100; UPDATE head SET revision = 99, hash = (SELECT hash FROM revision WHERE revision = 99)", 99, "the head's time is not that of the last event")]
    [InlineData("INSERT INTO mt_events SELECT 100000, gen_random_uuid(), stream_id, version + 1000, data, bdata, type, now(), tenant_id, mt_dotnet_type, correlation_id, headers, user_name, false FROM mt_events WHERE seq_id = 50", 100000, Broken)]
    [InlineData("UPDATE revision SET type = 'job_deleted' WHERE revision = 50", 50, "its row in the index is not what the event says")]
    [InlineData("UPDATE revision SET job = 'another' WHERE revision = 50", 50, "its row in the index is not what the event says")]
    [InlineData("UPDATE revision SET user_name = 'mallory' WHERE revision = 50", 50, "its row in the index is not what the event says")]
    [InlineData("UPDATE revision SET hash = sha256(hash) WHERE revision = 50", 50, "its hash was edited; the event is as it was written")]
    [InlineData("UPDATE revision SET hash = sha256(hash) WHERE revision = (SELECT max(revision) FROM revision)", -1, "its hash was edited; the event is as it was written")]
    [InlineData("DELETE FROM revision WHERE revision = 50", 50, "its row in the index is missing")]
    [InlineData("DELETE FROM revision", 2, "its row in the index is missing")]
    [InlineData("INSERT INTO revision_path VALUES ('spec.never', 50)", 50, "the paths it is found by are not those the event changed")]
    [InlineData("DELETE FROM revision_path WHERE revision = (SELECT min(revision) FROM revision_path)", -1, "the paths it is found by are not those the event changed")]
    [InlineData("INSERT INTO revision_path VALUES ('spec.never', 100000)", 100000, "the index has it under spec.never, and there is no such event")]
    [InlineData("UPDATE head SET hash = sha256(hash)", -1, "the head's hash is not that of the last revision")]
    public async Task Shows_where_it_was_broken(string tampering, long revision, string what)
    {
        await Tamper(tampering);
        List<Finding> findings = await Verify();
        Assert.Contains(findings, finding => finding.What == what && (revision < 0 || finding.Revision == revision));
        if (what == Broken)
        {
            Finding broken = Assert.Single(findings, finding => finding.What.StartsWith(Broken, StringComparison.Ordinal));
            Assert.True(revision < 0 || broken.Revision == revision, $"revision {broken.Revision}");
        }
    }

    [Fact]
    public async Task Shows_two_events_that_changed_places()
    {
        await Tamper("""
            ALTER TABLE mt_events DROP CONSTRAINT pkey_mt_events_seq_id;
            UPDATE mt_events SET seq_id = CASE seq_id WHEN 50 THEN 60 ELSE 50 END WHERE seq_id IN (50, 60)
            """);
        List<Finding> findings = await Verify();
        Assert.Equal(50, findings.Min(finding => finding.Revision));
        Assert.Contains(findings, finding => finding.Revision == 60 && finding.What.StartsWith(Broken, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Shows_an_event_that_was_put_in_with_a_hash_of_its_own()
    {
        long gap = await database.Ask<long>("SELECT nextval('eventstore.mt_events_sequence')");
        await RandomHistory.Write(database.Source, seed: 22, jobs: 10, events: 5);
        await Tamper($"""
            INSERT INTO mt_events SELECT {gap}, gen_random_uuid(), stream_id, version + 1000, data, bdata, type,
                   (SELECT timestamp FROM mt_events WHERE seq_id = {gap} - 1), tenant_id, mt_dotnet_type, correlation_id, headers, user_name, false
              FROM mt_events WHERE seq_id = 50;
            INSERT INTO revision SELECT {gap}, r.namespace, r.job, r.type, r.user_name, {Link} FROM revision r, mt_events e WHERE r.revision = 50 AND e.seq_id = {gap};
            INSERT INTO revision_path SELECT path, {gap} FROM revision_path WHERE revision = 50
            """);
        Finding broken = Assert.Single(await Verify(), finding => finding.What.StartsWith(Broken, StringComparison.Ordinal));
        Assert.Equal((gap + 1, Broken), (broken.Revision, broken.What));
    }

    [Fact]
    public async Task Says_how_far_nothing_is_proven_when_the_stored_hashes_are_gone_too()
    {
        await Tamper("UPDATE mt_events SET user_name = 'mallory' WHERE seq_id = 50; DELETE FROM revision WHERE revision BETWEEN 50 AND 59");
        Finding broken = Assert.Single(await Verify(), finding => finding.What.StartsWith(Broken, StringComparison.Ordinal));
        Assert.Equal((50, $"{Broken}; nothing proves the 10 revisions after it either"), (broken.Revision, broken.What));
    }

    [Fact]
    public async Task Shows_a_wrong_snapshot()
    {
        await RandomHistory.WriteLong(database.Source, events: 300);
        long revision = await database.Ask<long>("SELECT min(revision) FROM eventstore.job_snapshot");
        await Tamper($"UPDATE job_snapshot SET text = replace(text, 'Never', 'Often') WHERE revision = {revision}");
        Assert.EndsWith(
            $"the snapshot of revision {revision} is not what the events give", Assert.Single(await Verify()).What,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("UPDATE mt_events SET user_name = 'mallory' WHERE seq_id = 40; UPDATE revision SET user_name = 'mallory' WHERE revision = 40;" + RewriteFrom40, "the checkpoint does not hold: the hash is")]
    [InlineData("DELETE FROM revision WHERE revision >= 90; DELETE FROM mt_events WHERE seq_id >= 90", "the checkpoint does not hold: there is no revision 90 any more")]
    public async Task Needs_a_kept_checkpoint_against_who_can_make_hashes(string tampering, string what)
    {
        Checkpoint kept = await Kept(90);
        Assert.Empty(await Verify(kept));
        await Tamper(tampering);
        if (!what.Contains("any more", StringComparison.Ordinal))
            Assert.Empty(await Verify()); // which is why one should be kept
        Finding finding = Assert.Single(await Verify(kept), finding => finding.What.StartsWith("the checkpoint", StringComparison.Ordinal));
        Assert.StartsWith(what, finding.What, StringComparison.Ordinal);
        Assert.Equal(90, finding.Revision);
    }

    [Fact]
    public async Task Is_computed_here_as_the_database_computes_it()
    {
        byte[] before = Chain.Hash(
            Chain.Beginning, new Link(9, Guid.Empty, 1, "ü", -1, "漢", null, "", "a,b:\"", null, "{\"😀\": 1.10}"u8.ToArray()));
        Assert.Equal(Convert.ToHexStringLower(before), await database.Ask<string>("""
            SELECT encode(eventstore.revision_hash_1(decode(repeat('00', 32), 'hex'), 9, '00000000-0000-0000-0000-000000000000', 1, 'ü', -1, '漢',
                '{"userAgent": "", "sourceAddress": "a,b:\""}', NULL, '{"😀":1.10}'), 'hex')
            """));
    }

    [Fact]
    public async Task Covers_an_impersonator_where_there_is_one_and_is_the_hash_of_old_where_there_is_none()
    {
        var link = new Link(9, Guid.Empty, 1, "t", 0, "alice", null, "", "", "r", "{}"u8.ToArray());
        // Computed by the function of V0004, before there were impersonators.
        Assert.Equal("5b6b66a936d075ed5ad7bd309a565e59c1e78e62fc2e9bd996b9c1c01d10bc6f", Convert.ToHexStringLower(
            Chain.Hash(Chain.Beginning, link)));
        byte[] impersonated = Chain.Hash(Chain.Beginning, link with { ImpersonatedBy = """{"name": "ü", "groups": []}""" });
        foreach ((byte[] here, string more) in ((byte[], string)[])[(Chain.Hash(Chain.Beginning, link), ""),
            (impersonated, """, "impersonatedBy": {"groups": [], "name": "ü"}""")])
        {
            Assert.Equal(Convert.ToHexStringLower(here), await database.Ask<string>($$"""
                SELECT encode(eventstore.revision_hash_1(decode(repeat('00', 32), 'hex'), 9, '00000000-0000-0000-0000-000000000000', 1, 't', 0, 'alice',
                    '{"userAgent": "", "sourceAddress": ""{{more}}}', 'r', '{}'), 'hex')
                """));
        }
    }

    [Fact]
    public async Task Is_answered_as_a_checkpoint_to_who_may_get_it()
    {
        await using ServerProcess server = await ServerProcess.Start(database.Serving);
        const string path = "/apis/audit.eventstore.io/v1/checkpoint";
        JsonNode answer = await server.Admin.Get(path);
        Assert.Equal(("Checkpoint", "audit.eventstore.io/v1"), ((string)answer["kind"]!, (string)answer["apiVersion"]!));
        Checkpoint checkpoint = Checkpoint.Parse(System.Text.Encoding.UTF8.GetBytes(answer.ToJsonString()));
        Assert.Equal(await Kept(checkpoint.Revision), checkpoint);
        await (await server.Client(ServerProcess.AliceToken).GetAsync(path)).Manifest(403);
        await (await server.Admin.PostAsync(path, Sample.Body("{}"))).Manifest(405);
    }

    private async Task<Checkpoint> Kept(long revision) =>
        new(revision, await database.Ask<string>($"SELECT encode(hash, 'hex') FROM eventstore.revision WHERE revision = {revision}"));

    private Task Tamper(string sql) => database.Execute("SET search_path = eventstore; " + sql);

    private async Task<List<Finding>> Verify(Checkpoint? kept = null)
    {
        List<Finding> findings = [];
        await Verification.Run(database.Source, kept, findings.Add, (_, _) => { }, default);
        return findings;
    }
}
