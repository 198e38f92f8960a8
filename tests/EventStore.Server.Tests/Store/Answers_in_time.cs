using System.Diagnostics;
using EventStore.Server.Store;
using EventStore.Server.Tests.Fixtures;
using Npgsql;

namespace EventStore.Server.Tests.Store;

/// <summary>An answer goes out when the next batch is on its way and waits for nothing else of it; what a batch takes.</summary>
public sealed class Answers_in_time : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private TestDatabase database = null!;
    private CommitLane lane = null!;

    public async Task InitializeAsync()
    {
        database = await TestDatabase.Create();
        lane = InProcess.Lane(database.Source);
        Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Create("first")));
        Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Create("at-hand")));
    }

    public async Task DisposeAsync()
    {
        await lane.DisposeAsync();
        await database.DisposeAsync();
    }

    [Fact]
    public async Task The_next_batch_is_not_waited_for()
    {
        Task<Outcome> first, second;
        Task<CommitLock> between;
        await using (CommitLock held = await CommitLock.Hold(database))
        {
            first = lane.Execute(InProcess.Label("first", "a", "1"));
            await held.WaitForWaiting(1);
            second = lane.Execute(InProcess.Label("at-hand", "a", "1"));
            between = CommitLock.Hold(database);
            await held.WaitForWaiting(2);
        }

        await using (CommitLock held = await between)
        {
            Assert.IsType<Outcome.Done>(await first.WaitAsync(Patience));
            await held.WaitForWaiting(1);
            Assert.False(second.IsCompleted);
        }

        Assert.NotNull(await second);
    }

    [Fact]
    public async Task Nor_is_one_that_turns_out_to_be_empty()
    {
        using var leaving = new CancellationTokenSource();
        Task<Outcome> first, left;
        await using (CommitLock held = await CommitLock.Hold(database))
        {
            first = lane.Execute(InProcess.Label("first", "a", "1"));
            await held.WaitForWaiting(1);
            left = lane.Execute(InProcess.Label("at-hand", "a", "1"), false, 100, leaving.Token);
            await leaving.CancelAsync();
        }

        Assert.IsType<Outcome.Done>(await first.WaitAsync(Patience));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => left);
    }

    [Fact]
    public async Task What_comes_in_while_jobs_are_read_joins_the_batch()
    {
        await using CommitLane other = InProcess.Lane(database.Source); // which has nothing at hand
        Task<Outcome> read, joined, created;
        await using (NpgsqlConnection locking = await database.OwnerSource.OpenConnectionAsync())
        await using (NpgsqlTransaction held = await locking.BeginTransactionAsync())
        {
            await using (var table = new NpgsqlCommand("LOCK TABLE eventstore.mt_doc_current_job IN ACCESS EXCLUSIVE MODE", locking, held))
                await table.ExecuteNonQueryAsync();
            read = other.Execute(InProcess.Label("first", "a", "1"));
            await WaitForReading();
            joined = other.Execute(InProcess.Label("at-hand", "a", "1"));
            created = other.Execute(InProcess.Create("new"));
        }

        Assert.All(await Task.WhenAll(read, joined, created), outcome => Assert.IsType<Outcome.Done>(outcome));
        Assert.Equal(1, await database.Ask<long>("SELECT count(DISTINCT timestamp) FROM (SELECT timestamp FROM eventstore.mt_events ORDER BY seq_id DESC LIMIT 3) e"));
    }

    [Theory]
    [InlineData(1, 0, 16)]
    [InlineData(16, 0, 16)]
    [InlineData(8, 57, 33)]
    [InlineData(32, 32, 32)]
    [InlineData(1000, 256, 628)]
    public void A_batch_takes_half_of_what_is_under_way_but_few_at_once(int waiting, int answered, int share) =>
        Assert.Equal(share, CommitLane.ShareOf(waiting, answered));

    private async Task WaitForReading()
    {
        long started = Stopwatch.GetTimestamp();
        while (await database.Ask<long>("SELECT count(*) FROM pg_locks WHERE relation = 'eventstore.mt_doc_current_job'::regclass AND NOT granted") == 0)
        {
            Assert.True(Stopwatch.GetElapsedTime(started) < Patience, "the lane should read the job");
            await Task.Delay(5);
        }
    }
}
