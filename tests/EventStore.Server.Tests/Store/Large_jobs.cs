using System.Collections.Concurrent;
using EventStore.Server.Store.Lane;
using EventStore.Server.Tests.Fixtures;
using Npgsql;

namespace EventStore.Server.Tests.Store;

/// <summary>A patch of a large job costs what the job costs, however small the patch; others do not wait for many of them.</summary>
public sealed class Large_jobs : IAsyncLifetime
{
    private const int Jobs = 12;
    private TestDatabase database = null!;

    public async Task InitializeAsync()
    {
        database = await TestDatabase.Create();
        await using CommitLane lane = InProcess.Lane(database.Source);
        for (int i = 0; i < Jobs; i++)
            Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.CreateLarge($"large-{i}", bytes: 200_000)));
        Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Create("small")));
    }

    public async Task DisposeAsync() => await database.DisposeAsync();

    [Theory]
    [InlineData(false)]
    [InlineData(true)] // as after a restart, when nothing is known of the jobs yet
    public async Task A_small_patch_overtakes_them(bool nothingIsKnown)
    {
        await using CommitLane lane = InProcess.Lane(database.Source, new LaneLimits { BatchBytes = 500_000 });
        if (!nothingIsKnown)
        {
            for (int i = 0; i < Jobs; i++)
                await lane.Execute(InProcess.Label($"large-{i}", "known", "yes"));
        }

        await lane.Execute(InProcess.Label("small", "known", "yes"));
        long before = await database.Ask<long>("SELECT count(*) FROM eventstore.mt_events");
        var answered = new ConcurrentQueue<string>();
        List<Task> all = [];
        await using (CommitLock held = await CommitLock.Hold(database))
        {
            all.Add(Patch("small", "first"));
            await held.WaitForWaiting(1);
            for (int i = 0; i < Jobs; i++)
                all.Add(Patch($"large-{i}", $"large-{i}"));
            all.Add(Patch("small", "small"));
        }

        await Task.WhenAll(all).WaitAsync(Eventually.Deadline);
        string[] order = [.. answered];
        Assert.InRange(Array.IndexOf(order, "small"), 1, 4); // behind one heavy batch of two or three at most
        Assert.Equal(Jobs + 2, await database.Ask<long>("SELECT count(*) FROM eventstore.mt_events") - before);

        // Every batch has a time of its own: no heavy one holds more than its bytes allow.
        Assert.InRange(
            await database.Ask<long>(
                "SELECT max(n) FROM (SELECT count(*) AS n FROM eventstore.mt_events WHERE data::text LIKE '%turn%' GROUP BY timestamp) b"),
            1, 3);
        await database.AssertWhole();

        async Task Patch(string job, string name)
        {
            Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Label(job, "turn", name)));
            answered.Enqueue(name);
        }
    }

    /// <summary>The only command of a batch is put off: there is no batch then, and the lane keeps its session.</summary>
    [Fact]
    public async Task One_that_is_created_again_by_a_lane_that_knows_none_is_refused()
    {
        await using CommitLane lane = InProcess.Lane(database.Source);
        await lane.Execute(InProcess.Label("small", "known", "yes"));
        int[] sessions = await Sessions();
        Assert.NotEmpty(sessions);
        Assert.IsType<Outcome.Refused>(await lane.Execute(InProcess.Create("large-0")));
        await lane.Execute(InProcess.Label("small", "known", "again"));
        Assert.Empty(sessions.Except(await Sessions()));

        Task<int[]> Sessions() =>
            database.Ask<int[]>($"SELECT array_agg(pid) FROM pg_stat_activity WHERE usename = '{database.ServingRoleName}'");
    }

    [Fact]
    public async Task One_whose_size_nobody_knows_is_not_read_with_others()
    {
        await using NpgsqlDataSource two = NpgsqlDataSource.Create(
            new NpgsqlConnectionStringBuilder(database.Serving) { MaxPoolSize = 2, Timeout = (int)Eventually.Deadline.TotalSeconds }
                .ConnectionString);
        await using CommitLane lane = InProcess.Lane(two, new LaneLimits { EarlyReadTime = TimeSpan.FromMilliseconds(50) });
        Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Create("at-hand")));
        await using NpgsqlConnection last = await two.OpenConnectionAsync(); // so that nothing can be read before its turn

        Task<Outcome>[] patches = [.. Enumerable.Range(0, Jobs).Select(i => lane.Execute(InProcess.Label($"large-{i}", "a", "1")))];

        Assert.All(await Task.WhenAll(patches).WaitAsync(Eventually.Deadline), outcome => Assert.IsType<Outcome.Done>(outcome));
        await database.AssertWhole();
    }
}
