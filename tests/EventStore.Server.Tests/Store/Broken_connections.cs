using System.Net;
using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Lane;
using EventStore.Server.Tests.Fixtures;
using Npgsql;

namespace EventStore.Server.Tests.Store;

/// <summary>
/// The connection to the database breaks while a batch is under way. Nobody knows then whether it was committed, so the lane looks
/// before it decides anything again: a request is answered once and stored once.
/// </summary>
[Trait("Category", "Slow")]
public sealed class Broken_connections : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private TestDatabase database = null!;
    private BreakableWire wire = null!;
    private ServerProcess server = null!;

    public async Task InitializeAsync()
    {
        database = await TestDatabase.Create();
        wire = BreakableWire.To(database.Serving);
        server = await ServerProcess.Start(wire.ConnectionString);
    }

    public async Task DisposeAsync()
    {
        await server.DisposeAsync();
        await wire.DisposeAsync();
        await database.DisposeAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_request_is_answered_once_and_stored_once(bool afterTheCommit)
    {
        Cut("fragile-create", afterTheCommit);
        Reply created = await Reply.Of(
            server.Admin.PostAsync(Sample.Jobs(), Sample.Body(Sample.Manifest("broken", """{"glass":"fragile-create"}"""))));
        Assert.True(created.Code == HttpStatusCode.Created, created.Text);
        Assert.Equal((1, 1), (wire.Cuts, await database.Events("broken")));

        Cut("fragile-patch", afterTheCommit);
        Reply patched = await Reply.Of(server.Admin.Patch(Sample.Job("broken"), """{"metadata":{"labels":{"glass":"fragile-patch"}}}"""));
        Assert.True(patched.Code == HttpStatusCode.OK, patched.Text);
        Assert.Equal((2, 2), (wire.Cuts, await database.Events("broken")));
        Assert.Equal(patched.Text, (await Reply.Of(server.Admin.GetAsync(Sample.Job("broken")))).Text);
        Assert.Equal(await database.Ask<long>("SELECT max(seq_id) FROM eventstore.mt_events"), long.Parse(patched.Json.Revision()));

        Cut("job_deleted", afterTheCommit);
        Reply deleted = await Reply.Of(server.Admin.DeleteAsync(Sample.Job("broken")));
        Assert.True(deleted.Code == HttpStatusCode.OK, deleted.Text);
        Assert.Equal((3, 3), (wire.Cuts, await database.Ask<long>("SELECT count(*) FROM eventstore.mt_events")));
        await database.AssertWhole();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Many_at_once_are_answered_once_and_stored_once(bool afterTheCommit)
    {
        string[] jobs = ["many-a", "many-b", "many-c"];
        foreach (string job in jobs)
            await server.Admin.Create(job);
        await server.Admin.Create("many-unchanged"); // it is decided upon too, and no event tells what became of that
        long then = await database.Ask<long>("SELECT revision FROM eventstore.head");
        foreach (string job in jobs)
            await (await server.Admin.Patch(Sample.Job(job), """{"spec":{"cleanPodPolicy":"All"}}""")).Manifest();

        Cut("job_rolled_back", afterTheCommit);
        Reply back = await Reply.Of(server.Admin.PostAsync(Sample.Jobs() + "/rollback", Sample.Body($$"""{"revision":{{then}}}""")));
        Assert.True(back.Code == HttpStatusCode.OK, back.Text);
        Assert.Equal(1, wire.Cuts);
        Assert.Equal(jobs, back.Json["items"]!.AsArray().Select(item => (string)item!["name"]!));
        foreach (string job in jobs)
            Assert.Equal(3, await database.Events(job));
        await database.AssertWhole();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_whole_batch_is_answered_once_and_stored_once(bool afterTheCommit)
    {
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(wire.ConnectionString);
        await using CommitLane lane = InProcess.Lane(source);
        foreach (string job in (string[])["shared", "gone", "again"])
            Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Create(job)));
        Task<Outcome> first;
        Task<Outcome>[] batch;
        await using (CommitLock held = await CommitLock.Hold(database))
        {
            first = lane.Execute(InProcess.Label("shared", "first", "yes"));
            await held.WaitForWaiting(1);
            Cut("fragile", afterTheCommit);
            JobCommand[] commands =
            [
                InProcess.Create("new", team: "fragile"), InProcess.Delete("gone"), InProcess.Delete("again"), InProcess.Create("again"),
                InProcess.Patch("new", "{}"), .. Enumerable.Range(0, 16).Select(i => InProcess.Label("shared", "same", $"value-{i}")),
            ];
            batch = [.. commands.Select(lane.Execute)];
        }

        Assert.All(await Task.WhenAll([first, .. batch]).WaitAsync(Patience), outcome => Assert.IsType<Outcome.Done>(outcome));
        Assert.Equal(1, wire.Cuts);
        Assert.Equal((18, 1, 0, 1), (
            await database.Events("shared"), await database.Events("new"), await database.Events("gone"), await database.Events("again")));
        await database.AssertWhole();
    }

    [Fact]
    public async Task While_the_database_stays_away_the_answer_is_503_with_Retry_After_and_afterwards_the_lane_works_again()
    {
        await server.Admin.Create("away");
        wire.CutReplyTo("fragile", andStayAway: true);

        Reply inFlight = await Reply.Of(server.Admin.Patch(Sample.Job("away"), """{"metadata":{"labels":{"glass":"fragile"}}}"""));
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "1"), (inFlight.Code, inFlight.RetryAfter));
        Assert.Contains("may have been applied", (string)inFlight.Json["message"]!, StringComparison.Ordinal);

        Reply later = await Reply.Of(server.Admin.Patch(Sample.Job("away"), """{"metadata":{"labels":{"later":"yes"}}}"""));
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "1"), (later.Code, later.RetryAfter));
        Assert.Contains("nothing was changed", (string)later.Json["message"]!, StringComparison.Ordinal);

        wire.ComeBack();
        Reply again = await Reply.Of(server.Admin.Patch(Sample.Job("away"), """{"metadata":{"labels":{"again":"yes"}}}"""));
        Assert.True(again.Code == HttpStatusCode.OK, again.Text);
        Assert.Equal(("fragile", null, "yes"), (again.Label("glass"), again.Label("later"), again.Label("again")));
        Assert.Equal(3, await database.Events("away"));
    }

    [Fact]
    public async Task Connections_the_database_closed_while_nothing_happened_are_not_noticed_by_anybody()
    {
        await server.Admin.Create("quiet");
        await server.Admin.Get(Sample.Job("quiet"));
        await CloseConnections();

        // A job the lane does not know: it is loaded first, which is where the broken connection shows.
        Reply unknown = await Reply.Of(server.Admin.Patch(Sample.Job("nobody"), """{"metadata":{"labels":{"a":"b"}}}"""));
        Assert.True(unknown.Code == HttpStatusCode.NotFound, unknown.Text);
        Reply known = await Reply.Of(server.Admin.Patch(Sample.Job("quiet"), """{"metadata":{"labels":{"a":"b"}}}"""));
        Assert.True(known.Code == HttpStatusCode.OK, known.Text);
    }

    [Theory]
    [InlineData("/apis/kubeflow.org/v1/namespaces/fragile/pytorchjobs/quiet")]
    [InlineData("/apis/kubeflow.org/v1/namespaces/fragile/pytorchjobs/quiet?resourceVersion=2&resourceVersionMatch=Exact")]
    [InlineData("/apis/kubeflow.org/v1/namespaces/fragile/pytorchjobs?limit=1")]
    [InlineData("/apis/kubeflow.org/v1/namespaces/fragile/pytorchjobs?watch=true&timeoutSeconds=1")]
    [InlineData("/apis/audit.eventstore.io/v1/namespaces/fragile/pytorchjobrevisions")]
    public async Task Nor_are_they_by_a_reader_who_is_the_first_to_meet_one(string path)
    {
        await server.Admin.Create("quiet", "fragile");
        wire.CutBefore("fragile");
        Assert.Contains("\"quiet\"", await server.Admin.GetStringAsync(path), StringComparison.Ordinal);
        Assert.Equal(1, wire.Cuts);
    }

    [Fact]
    public async Task A_reader_does_not_try_for_ever()
    {
        wire.CutBefore("fragile", always: true);
        Reply reply = await Reply.Of(server.Admin.GetAsync(Sample.Job("quiet", "fragile")));
        Assert.Equal((HttpStatusCode.ServiceUnavailable, 2), (reply.Code, wire.Cuts));
    }

    [Fact]
    public async Task A_look_that_fails_for_another_reason_does_not_end_the_lane()
    {
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(wire.ConnectionString);
        await using CommitLane lane = InProcess.Lane(
            source, new LaneLimits { LookUpTime = TimeSpan.FromMilliseconds(200), LookUpPause = TimeSpan.FromMilliseconds(20) });
        await lane.Execute(InProcess.Create("looked-for"));
        await database.Execute($"REVOKE SELECT ON eventstore.mt_events FROM {database.ServingRoleName}");
        wire.CutReplyTo("fragile");

        Outcome outcome = await lane.Execute(InProcess.Label("looked-for", "glass", "fragile")).WaitAsync(Patience);

        Assert.Equal(new Outcome.Failed(MayHaveBeenApplied: true), outcome);
        await database.Execute($"GRANT SELECT ON eventstore.mt_events TO {database.ServingRoleName}");
        Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Label("looked-for", "after", "it")).WaitAsync(Patience));
        Assert.Equal(3, await database.Events("looked-for"));
    }

    [Fact]
    public async Task The_lost_reply_of_many_commands_at_once_is_looked_up_too()
    {
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(wire.ConnectionString);
        using WholeBatches together = InProcess.Together(source);
        wire.CutReplyTo("fragile");

        (IReadOnlyList<CommandVerdict> verdicts, Outcome? failure) =
            await together.ExecuteAll(InProcess.Create("one", team: "fragile"), InProcess.Create("two")).WaitAsync(Patience);

        Assert.Equal((null, 1), (failure, wire.Cuts));
        Assert.Equal(
            await database.Ask<long[]>("SELECT array_agg(seq_id ORDER BY seq_id) FROM eventstore.mt_events"),
            verdicts.Select(verdict => verdict.Revision));
    }

    [Fact]
    public async Task Many_commands_at_once_may_have_been_applied_where_that_cannot_be_looked_up()
    {
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(wire.ConnectionString);
        var limits = new LaneLimits { LookUpTime = TimeSpan.FromMilliseconds(200), LookUpPause = TimeSpan.FromMilliseconds(20) };
        using WholeBatches together = InProcess.Together(source, limits: limits);
        await database.Execute($"REVOKE SELECT ON eventstore.mt_events FROM {database.ServingRoleName}");
        wire.CutReplyTo("fragile");

        (_, Outcome? failure) = await together.ExecuteAll(InProcess.Create("one", team: "fragile")).WaitAsync(Patience);

        Assert.Equal(new Outcome.Failed(MayHaveBeenApplied: true), failure);
        Assert.Equal(1, await database.Events("one"));
    }

    [Fact]
    public async Task A_command_that_breaks_the_connection_each_time_fails_alone()
    {
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(wire.ConnectionString);
        await using CommitLane lane = InProcess.Lane(source);
        wire.CutBefore("fragile", always: true);
        Task<Outcome> first;
        Task<Outcome>[] batch;
        await using (CommitLock held = await CommitLock.Hold(database))
        {
            first = lane.Execute(InProcess.Create("first"));
            await held.WaitForWaiting(1);
            batch = [.. Enumerable.Range(0, 8).Select(i => lane.Execute(
                InProcess.Create($"job-{i}", team: i == 5 ? "fragile" : "robust")))];
        }

        Assert.IsType<Outcome.Done>(await first);
        Outcome[] outcomes = await Task.WhenAll(batch).WaitAsync(Patience);
        Assert.All(outcomes.Where((_, i) => i != 5), outcome => Assert.IsType<Outcome.Done>(outcome));
        Assert.Equal(new Outcome.Unavailable(MayHaveBeenApplied: false), outcomes[5]);
        await database.AssertWhole();
    }

    [Fact]
    public async Task What_is_still_on_its_way_when_the_answer_is_given_is_never_committed()
    {
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(wire.ConnectionString);
        await using CommitLane lane = InProcess.Lane(source, new LaneLimits { BreaksMax = 2 });
        Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Create("on-its-way")));
        wire.HoldBack("fragile");

        Assert.Equal(
            new Outcome.Unavailable(MayHaveBeenApplied: false),
            await lane.Execute(InProcess.Label("on-its-way", "glass", "fragile")).WaitAsync(Patience));
        await wire.Deliver();

        Assert.Equal(2, wire.Cuts);
        Assert.Equal(1, await database.Events("on-its-way"));
        Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Label("on-its-way", "after", "it")).WaitAsync(Patience));
    }

    [Fact]
    public async Task A_look_takes_no_lock_and_waits_for_none()
    {
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(wire.ConnectionString);
        await using CommitLane lane = InProcess.Lane(source);
        await lane.Execute(InProcess.Create("long-look"));
        Task<Outcome> patch;
        await using (CommitLock held = await CommitLock.Hold(database))
        {
            wire.CutBefore("fragile");
            patch = lane.Execute(InProcess.Label("long-look", "glass", "fragile"));
            await held.WaitForWaiting(1); // it has looked, and is committing again
            Assert.Equal(1, wire.Cuts);
        }

        Assert.IsType<Outcome.Done>(await patch.WaitAsync(Patience));
        Assert.Equal(2, await database.Events("long-look"));
    }

    [Fact]
    public async Task A_server_that_freezes_while_it_looks_holds_nobody_up()
    {
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(wire.ConnectionString);
        CommitLane frozen = InProcess.Lane(source, new LaneLimits { LookUpTime = 2 * Eventually.Deadline });
        await frozen.Execute(InProcess.Create("frozen"));
        wire.CutReplyTo("fragile", andStayAway: true);
        Task<Outcome> looking = frozen.Execute(InProcess.Label("frozen", "glass", "fragile"));
        await Eventually.Holds(() => wire.Cuts > 0);
        wire.HoldBack("WITH ORDINALITY AS e (stream"); // what it asks with; whatever it asks before is answered
        wire.ComeBack();
        await Eventually.Holds(() => wire.Cuts > 1);

        await using CommitLane other = InProcess.Lane(database.Source);
        // While the other still looks.
        Assert.IsType<Outcome.Done>(await other.Execute(InProcess.Create("meanwhile")).WaitAsync(Eventually.Deadline));
        await wire.Deliver();
        Assert.IsType<Outcome.Done>(await looking.WaitAsync(Patience));
        await frozen.DisposeAsync();
    }

    [Fact]
    public async Task A_batch_that_takes_too_long_is_halved_until_it_does_not()
    {
        await database.Execute("""
            CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF (SELECT count(*) FROM appended) > 2 THEN PERFORM pg_sleep(60); END IF;
                RETURN NULL;
            END $$
            """);
        await database.Execute("GRANT USAGE ON SCHEMA public TO PUBLIC");
        await database.Execute(
            "CREATE TRIGGER slow AFTER INSERT ON eventstore.mt_events REFERENCING NEW TABLE AS appended FOR EACH STATEMENT EXECUTE FUNCTION slow()");
        await using CommitLane lane = InProcess.Lane(database.Source, new LaneLimits { CommitTime = TimeSpan.FromSeconds(2) });
        Task<Outcome> first;
        Task<Outcome>[] batch;
        await using (CommitLock held = await CommitLock.Hold(database))
        {
            first = lane.Execute(InProcess.Create("first"));
            await held.WaitForWaiting(1);
            batch = [.. Enumerable.Range(0, 5).Select(i => lane.Execute(InProcess.Create($"job-{i}")))];
        }

        Assert.IsType<Outcome.Done>(await first);
        Assert.All(await Task.WhenAll(batch).WaitAsync(Patience), outcome => Assert.IsType<Outcome.Done>(outcome));
        Assert.InRange(
            await database.Ask<long>("SELECT max(n) FROM (SELECT count(*) AS n FROM eventstore.mt_events GROUP BY timestamp) b"), 1, 2);
        await database.Execute("DROP TRIGGER slow ON eventstore.mt_events"); // verify names what migrations did not make
        await database.AssertWhole();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)] // the statement that fails is the one that would be prepared
    [InlineData(2)]
    public async Task Text_that_PostgreSQL_cannot_take_leaves_no_connection_in_doubt(int before)
    {
        var kept =
            new NpgsqlConnectionStringBuilder(database.Serving) { MaxAutoPrepare = 100, AutoPrepareMinUsages = 2, NoResetOnClose = true };
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(kept.ConnectionString);
        await using CommitLane lane = InProcess.Lane(source);
        for (int i = 0; i < before; i++)
            Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Create($"before-{i}")).WaitAsync(Patience));
        JobCommand bad = InProcess.Create("bad");
        Assert.IsType<Outcome.Failed>(await lane.Execute(bad with { Origin = bad.Origin with { User = "u\0" } }).WaitAsync(Patience));
        for (int i = 0; i < 3; i++)
            Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Create($"after-{i}")).WaitAsync(Patience));

        Assert.Equal(before + 3, await database.Ask<long>("SELECT count(*) FROM eventstore.mt_events"));
    }

    [Fact]
    public async Task A_database_whose_transactions_are_repeatable_reads_by_default_is_served_all_the_same()
    {
        await database.Execute(
            $"ALTER DATABASE {new NpgsqlConnectionStringBuilder(database.Owner).Database} SET default_transaction_isolation = 'repeatable read'");
        await using ServerProcess another = await ServerProcess.Start(database.Serving);
        await another.Admin.Create("default");
        Reply reply = await Reply.Of(another.Admin.Patch(Sample.Job("default"), """{"metadata":{"labels":{"a":"b"}}}"""));
        Assert.True(reply.Code == HttpStatusCode.OK, reply.Text);
    }

    [Fact]
    public void What_the_database_says_is_understood_in_any_language() =>
        Assert.True(
            DatabaseAway.Is(new PostgresException("Passwort-Authentifizierung fehlgeschlagen", "FATALER FEHLER", "FATAL", "28P01")));

    private async Task CloseConnections()
    {
        await using var superuser = new NpgsqlConnection(await PostgresServer.ConnectionString);
        await superuser.OpenAsync();
        await using var command = new NpgsqlCommand(
            $"SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE usename = '{database.ServingRoleName}'",
            superuser);
        Assert.NotEqual(0L, await command.ExecuteScalarAsync());
    }

    private void Cut(string word, bool afterTheCommit)
    {
        if (afterTheCommit)
            wire.CutReplyTo(word);
        else
            wire.CutBefore(word);
    }
}
