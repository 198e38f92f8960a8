using EventStore.Server.Store.Lane;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Store;

/// <summary>An answer goes out when the next batch is on its way and waits for nothing else of it; what a batch takes.</summary>
public sealed class Replies_of_a_batch : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);
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

    [Theory]
    [InlineData(1, 0, 16)]
    [InlineData(16, 0, 16)]
    [InlineData(8, 57, 33)]
    [InlineData(32, 32, 32)]
    [InlineData(1000, 256, 628)]
    public void A_batch_takes_half_of_what_is_under_way_but_few_at_once(int waiting, int answered, int share) =>
        Assert.Equal(share, LaneQueue.ShareOf(waiting, answered));
}
