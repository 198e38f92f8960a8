using System.Net;
using EventStore.Server.Store.Lane;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Store;

/// <summary>
/// PostgreSQL refuses one of many commands. Nothing of the batch is stored then; the one fails alone, the others succeed.
/// </summary>
[Trait("Category", "Slow")]
public sealed class A_command_the_database_refuses : IAsyncLifetime
{
    private const int Commands = 32;
    private TestDatabase database = null!;

    public async Task InitializeAsync() => database = await TestDatabase.Create();

    public async Task DisposeAsync() => await database.DisposeAsync();

    [Fact]
    public async Task Fails_alone_with_a_request_id_and_without_inner_text()
    {
        await database.Execute("ALTER TABLE eventstore.mt_doc_current_job ADD CONSTRAINT no_poison CHECK (name <> 'job-7')");
        await using ServerProcess server = await ServerProcess.Start(database.Serving);
        Task<Reply[]> racing;
        await using (CommitLock held = await CommitLock.Hold(database))
        {
            racing = Race.Of(Commands, [server], (client, i) => client.PostAsync(Sample.Jobs(), Sample.Body(Sample.Manifest($"job-{i}"))));
            await held.WaitForWaiting(1);
        }

        Reply[] replies = await racing;
        Assert.All(replies.Where((_, i) => i != 7), reply => Assert.True(reply.Code == HttpStatusCode.Created, reply.Text));
        Assert.Equal((HttpStatusCode.InternalServerError, "Status"), (replies[7].Code, (string?)replies[7].Json["kind"]));
        Assert.Matches("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", replies[7].Text);
        Assert.DoesNotContain("poison", replies[7].Text, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("constraint", replies[7].Text, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("no_poison", server.Output, StringComparison.Ordinal);
        await AssertAllButOne();
    }

    [Theory]
    [InlineData("CREATE TRIGGER no_poison BEFORE INSERT ON eventstore.mt_events FOR EACH ROW EXECUTE FUNCTION refuse()")]
    [InlineData("CREATE CONSTRAINT TRIGGER no_poison AFTER INSERT ON eventstore.mt_events DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()")]
    public async Task Fails_alone_whether_PostgreSQL_refuses_it_at_once_or_at_the_commit(string trigger)
    {
        await database.Execute("""
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF NEW.data::text LIKE '%"job-7"%' THEN RAISE EXCEPTION 'poison'; END IF;
                RETURN NEW;
            END $$
            """);
        await database.Execute("GRANT CREATE, USAGE ON SCHEMA public TO PUBLIC");
        await database.Execute(trigger);
        await using CommitLane lane = InProcess.Lane(database.Source);
        Task<Outcome> first;
        Task<Outcome>[] batch;
        Task[] others; // which must not get among those that are tried apart
        int more = 0;
        await using (CommitLock held = await CommitLock.Hold(database))
        {
            first = lane.Execute(InProcess.Create("first"));
            await held.WaitForWaiting(1);
            batch = [.. Enumerable.Range(0, Commands).Select(i => lane.Execute(InProcess.Create($"job-{i}")))]; // all in the next batch
            others = [.. Enumerable.Range(0, 2 * Commands).Select(_ => KeepCreating())];
        }

        Assert.IsType<Outcome.Done>(await first);
        Outcome[] outcomes = await Task.WhenAll(batch).WaitAsync(TimeSpan.FromMinutes(2));
        await Task.WhenAll(others);
        Assert.All(outcomes, (outcome, i) => Assert.IsType(i == 7 ? typeof(Outcome.Failed) : typeof(Outcome.Done), outcome));
        await AssertAllButOne();

        async Task KeepCreating()
        {
            while (batch.Any(each => !each.IsCompleted))
                Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Create($"more-{Interlocked.Increment(ref more)}")));
        }
    }

    private async Task AssertAllButOne()
    {
        for (int i = 0; i < Commands; i++)
            Assert.Equal(i == 7 ? 0 : 1, await database.Events($"job-{i}"));
        await database.Execute("""
            ALTER TABLE eventstore.mt_doc_current_job DROP CONSTRAINT IF EXISTS no_poison;
            DROP TRIGGER IF EXISTS no_poison ON eventstore.mt_events;
            """); // verify names what migrations did not make
        await database.AssertWhole();
    }
}
