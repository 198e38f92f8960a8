using EventStore.Server.Store.Lane;
using EventStore.Server.Tests.Fixtures;
using Npgsql;

namespace EventStore.Server.Tests.Store;

/// <summary>
/// A job that is not at hand is read before its command's turn. Whoever waits for that holds nobody up, and counts in the queue.
/// </summary>
public sealed class Early_reads : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);
    private TestDatabase database = null!;

    public async Task InitializeAsync()
    {
        database = await TestDatabase.Create();
        await using CommitLane lane = InProcess.Lane(database.Source);
        foreach (string job in (string[])["one", "two", "three"])
            Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Create(job)));
    }

    public async Task DisposeAsync() => await database.DisposeAsync();

    [Fact]
    public async Task What_was_read_is_decided_upon()
    {
        await using CommitLane lane = InProcess.Lane(database.Source); // which has nothing at hand
        Outcome patched = await lane.Execute(InProcess.Label("one", "a", "1"));
        Assert.Equal(2, Assert.IsType<Outcome.Done>(patched).Job.Version);
        Assert.IsType<Outcome.Refused>(await lane.Execute(InProcess.Label("absent", "a", "1")));
        Assert.IsType<Outcome.Refused>(await lane.Execute(InProcess.Create("two")));
        await database.AssertWhole();
    }

    [Fact]
    public async Task Many_who_ask_for_one_job_all_have_their_turn()
    {
        await using CommitLane lane = InProcess.Lane(database.Source);
        Outcome[] outcomes = await Task.WhenAll(Enumerable.Range(0, 100).Select(i => lane.Execute(InProcess.Label("one", $"n{i}", "1"))));

        Assert.Equal(
            Enumerable.Range(2, 100).Select(version => (long)version),
            outcomes.Select(outcome => Assert.IsType<Outcome.Done>(outcome).Job.Version).Order());
        Assert.Equal(101, await database.Events("one"));
    }

    [Fact]
    public async Task Others_do_not_wait_for_the_reading()
    {
        await using NpgsqlDataSource two = TwoConnections();
        await using CommitLane lane = InProcess.Lane(two, new LaneLimits { EarlyReadTime = Patience });
        Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Create("at-hand")));
        Task<Outcome> waiting;
        await using (NpgsqlConnection last = await two.OpenConnectionAsync())
        {
            waiting = lane.Execute(InProcess.Label("one", "a", "1"));
            Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Label("at-hand", "a", "1")).WaitAsync(Patience));
            Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Create("new")).WaitAsync(Patience));
            Assert.False(waiting.IsCompleted);
        }

        Assert.IsType<Outcome.Done>(await waiting);
    }

    [Fact]
    public async Task What_takes_too_long_is_left_to_the_lane()
    {
        await using NpgsqlDataSource two = TwoConnections();
        await using CommitLane lane = InProcess.Lane(two, new LaneLimits { EarlyReadTime = TimeSpan.FromMilliseconds(50) });
        Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Create("at-hand")));
        await using NpgsqlConnection last = await two.OpenConnectionAsync();

        Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Label("one", "a", "1")).WaitAsync(Patience));
        Assert.IsType<Outcome.Refused>(await lane.Execute(InProcess.Label("absent", "a", "1")).WaitAsync(Patience));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Whoever_waits_for_it_counts_in_the_queue_until_he_leaves(bool leaves)
    {
        await using NpgsqlDataSource two = TwoConnections();
        await using CommitLane lane = InProcess.Lane(two, new LaneLimits { EarlyReadTime = Patience, QueueLength = 1 });
        Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Create("at-hand")));
        using var leaving = new CancellationTokenSource();
        Task<Outcome> waiting;
        await using (NpgsqlConnection last = await two.OpenConnectionAsync())
        {
            waiting = lane.Execute(InProcess.Label("one", "a", "1"), false, 100, leaving.Token);
            Assert.IsType<Outcome.Busy>(await lane.Execute(InProcess.Label("at-hand", "a", "1")));
            if (leaves)
            {
                await leaving.CancelAsync();
                await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
                Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Label("at-hand", "a", "2")));
            }
        }

        if (!leaves)
            Assert.IsType<Outcome.Done>(await waiting);
        Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Label("at-hand", "a", "3")));
        Assert.Equal(leaves ? 1 : 2, await database.Events("one"));
    }

    /// <summary>One the lane takes and keeps, and another: whoever holds that keeps jobs from being read before their turn.</summary>
    private NpgsqlDataSource TwoConnections() =>
        NpgsqlDataSource.Create(
            new NpgsqlConnectionStringBuilder(database.Serving) { MaxPoolSize = 2, Timeout = (int)Patience.TotalSeconds }.ConnectionString);
}
