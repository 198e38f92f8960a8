using System.Collections.Concurrent;
using System.Diagnostics;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Lane;
using EventStore.Server.Store.Proof;
using EventStore.Server.Tests.Fixtures;
using Npgsql;

namespace EventStore.Server.Tests.Store;

[Trait("Category", "Slow")]
public sealed class Rebuilding_current_jobs : IAsyncLifetime
{
    // Every column, the time too: the lane writes it, and so does a rebuild.
    private const string Rows = "SELECT string_agg(j::text, E'\\n' ORDER BY id) FROM eventstore.mt_doc_current_job j";

    private const string Index = """
        SELECT (SELECT string_agg(r::text, E'\n' ORDER BY revision) FROM eventstore.revision r)
            || (SELECT string_agg(p::text, E'\n' ORDER BY revision, path) FROM eventstore.revision_path p)
        """;

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
        await Rebuild((done, _) => told = done);

        Assert.Equal(before, await database.Ask<string>(Rows));
        Assert.Equal(2 * await database.Ask<long>("SELECT count(*) FROM eventstore.mt_events"), told);
        Assert.Empty(await Differences());

        // And life goes on upon the rebuilt rows.
        await RandomHistory.Write(database.Source, seed: 5, jobs: 100, events: 200);
        Assert.Empty(await Differences());
    }

    [Fact]
    public async Task Gives_the_index_byte_for_byte_and_snapshots_that_are_true()
    {
        await RandomHistory.Write(database.Source, seed: 12, jobs: 10, events: 300);
        await RandomHistory.WriteLong(database.Source, events: 600);
        string before = await database.Ask<string>(Index);
        Assert.True(await database.Ask<long>("SELECT count(*) FROM eventstore.job_snapshot") > 0);
        await database.Execute("""
            DELETE FROM eventstore.revision WHERE revision % 3 = 0;
            UPDATE eventstore.revision SET hash = sha256(hash), user_name = 'mallory' WHERE revision % 7 = 1;
            DELETE FROM eventstore.revision_path WHERE revision % 2 = 0;
            INSERT INTO eventstore.revision_path (path, revision) SELECT 'spec.never', revision FROM eventstore.revision WHERE revision % 5 = 0;
            INSERT INTO eventstore.revision_path (path, revision) VALUES ('spec.never', 1), ('spec.never', 1000000);
            UPDATE eventstore.job_snapshot SET text = '{}' WHERE revision % 2 = 0;
            DELETE FROM eventstore.job_snapshot WHERE revision % 2 = 1;
            INSERT INTO eventstore.job_snapshot VALUES (gen_random_uuid(), 7, 1, '{}');
            """);
        Assert.NotEmpty(await Differences());

        await Rebuild();

        Assert.Equal(before, await database.Ask<string>(Index));
        Assert.Empty(await Differences());
        Assert.Equal(
            await database.Ask<long>("SELECT sum(version / 128)::bigint FROM eventstore.mt_streams"),
            await database.Ask<long>("SELECT count(*) FROM eventstore.job_snapshot WHERE version % 128 = 0"));
        Assert.Equal(0, (await Rebuild()).Changed);
    }

    [Fact]
    public async Task Makes_no_proof_anew_for_what_was_edited_and_says_so()
    {
        await RandomHistory.Write(database.Source, seed: 6, jobs: 10, events: 50);
        await database.Execute("UPDATE eventstore.mt_events SET data = '{}' WHERE seq_id = 7");
        string before = await database.Checksum();
        var damage = new List<Finding>();

        await Rebuild(wrong: damage.Add);

        Assert.Contains(damage, finding => finding.Revision == 7 && finding.What.Contains("the chain is broken", StringComparison.Ordinal));
        Assert.Contains(damage, finding => finding.What.Contains("the event of revision 7 cannot be read", StringComparison.Ordinal));
        Assert.Equal(before, await database.Checksum());
    }

    [Fact]
    public async Task Of_an_empty_log_is_an_empty_table()
    {
        await database.Execute(
            "INSERT INTO eventstore.mt_doc_current_job SELECT gen_random_uuid(), '{}', now(), '', 1, 'kube-test', 'never-was', false, 1");
        Assert.Equal(1, (await Rebuild()).Changed);
        Assert.Equal(0, await database.Ask<long>("SELECT count(*) FROM eventstore.mt_doc_current_job"));
    }

    [Fact]
    public async Task Takes_away_nothing_that_got_events_since_it_was_looked_at()
    {
        await RandomHistory.Write(database.Source, seed: 13, jobs: 5, events: 20);
        string before = await database.Ask<string>(Rows);
        var never = Guid.NewGuid();
        await database.Execute(
            $"INSERT INTO eventstore.mt_doc_current_job SELECT '{never}', '{{}}', now(), '', 1, 'kube-test', 'never-was', false, 1");
        Guid[] rows = await database.Ask<Guid[]>("SELECT array_agg(id) FROM eventstore.mt_doc_current_job");
        await using (NpgsqlConnection owner = await database.OwnerSource.OpenConnectionAsync())
            await DerivedRows.DeleteWithoutEvents(owner, rows, default);
        Assert.Equal(before, await database.Ask<string>(Rows));
    }

    [Fact]
    public async Task Fails_when_it_cannot_write_and_leaves_the_way_to_the_next()
    {
        await RandomHistory.Write(database.Source, seed: 14, jobs: 5, events: 40);
        string before = await database.Ask<string>(Index);
        await database.Execute("""
            DELETE FROM eventstore.revision_path;
            CREATE FUNCTION eventstore.no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no room'; END $$;
            CREATE TRIGGER no_room BEFORE INSERT ON eventstore.revision_path EXECUTE FUNCTION eventstore.no_room();
            """);
        Assert.Contains("no room", (await Assert.ThrowsAsync<PostgresException>(() => Rebuild())).Message, StringComparison.Ordinal);
        await database.Execute("DROP TRIGGER no_room ON eventstore.revision_path; DROP FUNCTION eventstore.no_room()");
        Assert.NotNull((await Rebuild()).GoesOn);
        Assert.Equal(before, await database.Ask<string>(Index));
    }

    [Fact]
    public async Task Goes_on_where_one_was_stopped_and_is_the_only_one()
    {
        await RandomHistory.Write(database.Source, seed: 7, jobs: 400, events: 1500);
        string before = await database.Ask<string>(Rows);
        await database.Execute("DELETE FROM eventstore.mt_doc_current_job");
        using var stop = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Rebuild(
            (read, _) =>
            {
                if (read < 1200) // by then a batch of jobs is on its way, and another is not yet full
                    return;
                Assert.True(SpinWait.SpinUntil(IsNoted, TimeSpan.FromMinutes(1)), "nothing was written");
                stop.Cancel();
            },
            stop: stop.Token));
        bool IsNoted() => database.OwnerSource.CreateCommand("SELECT stream IS NOT NULL FROM eventstore.rebuild").ExecuteScalar() is true;
        long done = await database.Ask<long>("SELECT count(*) FROM eventstore.mt_doc_current_job");
        Assert.InRange(done, 1, 399);

        await using (NpgsqlConnection other = await database.OwnerSource.OpenConnectionAsync())
        {
            await using var locked = new NpgsqlCommand("SELECT pg_advisory_lock(7074)", other);
            await locked.ExecuteNonQueryAsync();
            Assert.Null(await Rebuilding.Run(database.OwnerSource, _ => { }, (_, _) => { }, default));
            locked.CommandText = "SELECT pg_advisory_unlock(7074)";
            await locked.ExecuteNonQueryAsync();
        }

        Rebuilding rebuilt = await Rebuild();
        Assert.NotNull(rebuilt.GoesOn);
        Assert.Equal(await database.Ask<long>("SELECT count(*) FROM eventstore.mt_doc_current_job") - done, rebuilt.Changed);
        Assert.Equal(before, await database.Ask<string>(Rows));
        Assert.Equal(0, await database.Ask<long>("SELECT count(*) FROM eventstore.rebuild"));
    }

    [Fact]
    public async Task Goes_on_beside_servers_that_write_and_read()
    {
        await using ServerProcess one = await ServerProcess.Start(database.Serving);
        await using ServerProcess two = await ServerProcess.Start(database.Serving);
        var writers = new Writers(one.Admin, two.Admin) { Names = 40 };
        await writers.Write(writers: 8, requests: 40);
        using var enough = new CancellationTokenSource();
        Task writing = writers.WriteUntil(writers: 6, seed: 3, enough.Token);
        Task reading = Task.Run(async () =>
        {
            while (!enough.IsCancellationRequested)
                await one.Admin.Get(Sample.Jobs("a"));
        });
        for (int i = 0; i < 4; i++)
        {
            // Jobs nobody writes any more are deleted ones, and those are safe to damage under the writers' hands.
            await database.Execute("""
                DELETE FROM eventstore.mt_doc_current_job WHERE deleted AND revision % 2 = 0;
                UPDATE eventstore.mt_doc_current_job SET data = data || '{"text": "{}"}' WHERE deleted AND revision % 2 = 1;
                DELETE FROM eventstore.revision_path WHERE revision % 2 = 0
                """);
            Assert.True((await Rebuild()).Changed > 0);
        }

        await enough.CancelAsync();
        await Task.WhenAll(writing, reading); // none was answered with anything unexpected
        await Rebuild();
        Assert.Empty(await Differences());
    }

    /// <summary>
    /// A batch decided upon a wrong row waits for the commit lock behind the rebuild that mends the row, whose version and revision were
    /// right. No notification is heard here at all.
    /// </summary>
    [Fact]
    public async Task Is_not_undone_by_a_batch_that_was_decided_before_it()
    {
        await using CommitLane lane = InProcess.Lane(database.Source);
        Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Create("remembered")));
        await database.Execute(
            "UPDATE eventstore.mt_doc_current_job SET data = jsonb_set(data, '{text}', to_jsonb(replace(data ->> 'text', 'Never', 'Often')))");
        await using (CommitLane other = InProcess.Lane(database.Source))
            Assert.IsType<Outcome.Done>(await other.Execute(InProcess.Label("remembered", "n", "1")));
        Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Label("remembered", "n", "2"))); // and now it remembers
        Assert.NotEmpty(await Differences());

        Task<Rebuilding> rebuilding;
        Task<Outcome> decided;
        await using (CommitLock held = await CommitLock.Hold(database))
        {
            rebuilding = Rebuild();
            await held.WaitForWaiting(1);
            decided = lane.Execute(InProcess.Label("remembered", "n", "3"));
            await held.WaitForWaiting(2);
        }

        Assert.Equal(1, (await rebuilding).Changed);
        Assert.IsType<Outcome.Done>(await decided);
        Assert.Empty(await Differences());
        Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Label("remembered", "n", "4")));
        Assert.Empty(await Differences());
    }

    /// <summary>The same of many commands at once, which read the wrong rows just before.</summary>
    [Fact]
    public async Task Is_not_undone_by_many_at_once_that_were_decided_before_it()
    {
        await using (CommitLane lane = InProcess.Lane(database.Source))
            Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Create("together")));
        await database.Execute(
            "UPDATE eventstore.mt_doc_current_job SET data = jsonb_set(data, '{text}', to_jsonb(replace(data ->> 'text', 'Never', 'Often')))");
        Assert.NotEmpty(await Differences());
        WholeBatches together = InProcess.Together(database.Source);

        Task<Rebuilding> rebuilding;
        Task<(IReadOnlyList<CommandVerdict> Verdicts, Outcome? Failure)> decided;
        await using (CommitLock held = await CommitLock.Hold(database))
        {
            rebuilding = Rebuild();
            await held.WaitForWaiting(1);
            decided = together.ExecuteAll(InProcess.Label("together", "n", "1"));
            await held.WaitForWaiting(2);
        }

        Assert.Equal(1, (await rebuilding).Changed);
        Assert.Null((await decided).Failure);
        Assert.Empty(await Differences());
        Assert.Null((await together.ExecuteAll(InProcess.Label("together", "n", "2"))).Failure);
        Assert.Empty(await Differences());
    }

    /// <summary>Whoever commits asks for the last rebuild before it reads the first job: nothing is sent and turned away.</summary>
    [Fact]
    public async Task Is_known_to_a_server_that_starts_after_it()
    {
        await database.Execute("SELECT nextval('eventstore.rebuilds'), nextval('eventstore.rebuilds')");
        string name = new NpgsqlConnectionStringBuilder(database.Serving).Database!;
        var calls = new ConcurrentQueue<string>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "Npgsql",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = command =>
            {
                string told = string.Join(' ', command.TagObjects.Select(tag => tag.Value));
                if (told.Contains(name, StringComparison.Ordinal) && told.Contains("commit_jobs", StringComparison.Ordinal))
                    calls.Enqueue(told);
            },
        };
        ActivitySource.AddActivityListener(listener);

        await using CommitLane lane = InProcess.Lane(database.Source, new LaneLimits { AttemptsMax = 1 });
        Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Create("new")));
        Assert.Single(calls);
        Assert.Null((await InProcess.Together(database.Source).ExecuteAll(InProcess.Label("new", "n", "1"))).Failure);
        Assert.Equal(2, calls.Count);
        Assert.Equal(2, await database.Ask<long>("SELECT count(*) FROM eventstore.mt_events"));
    }

    private async Task RequireEveryKindOfHistory()
    {
        Assert.Equal(
            EventCodec.Names.Values.Order(),
            (await database.Ask<string[]>("SELECT array_agg(DISTINCT type::text) FROM eventstore.mt_events")).Order());
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
        await Verification.Run(database.Source, null, difference => differences.Add(difference.What), (_, _) => { }, default);
        return differences;
    }

    private async Task<Rebuilding> Rebuild(
        Action<long, long>? progress = null, Action<Finding>? wrong = null, CancellationToken stop = default) =>
        (await Rebuilding.Run(database.OwnerSource, wrong ?? (finding => Assert.Fail(finding.What)), progress ?? ((_, _) => { }), stop))!;
}
