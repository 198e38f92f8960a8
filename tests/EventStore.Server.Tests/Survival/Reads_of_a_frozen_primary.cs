using EventStore.Domain.Jobs;
using EventStore.Domain.Lifetimes;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.History;
using EventStore.Server.Store.Hosts;
using EventStore.Server.Store.Lane;
using EventStore.Server.Store.Lifetimes;
using EventStore.Server.Store.Reads;
using EventStore.Server.Tests.Fixtures;
using Npgsql;

namespace EventStore.Server.Tests.Survival;

/// <summary>
/// The primary is stopped in the middle of whatever it is asked (SIGSTOP) and another host takes its place: what it was asked is abandoned
/// then, and closes its connection when the host has answered at last.
/// </summary>
[Trait("Category", "Slow")]
public sealed class Reads_of_a_frozen_primary : IAsyncLifetime, IAsyncDisposable
{
    private static readonly JobKey Key = new(InProcess.Namespace, "read");

    private OwnCluster cluster = null!;
    private TestDatabase database = null!;
    private Primary primary = null!;

    public async Task InitializeAsync()
    {
        cluster = await OwnCluster.Start();
        database = await TestDatabase.Create(cluster.Superuser);
        primary = new Primary(
            NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(database.Serving) { MaxPoolSize = 50 }.ConnectionString),
            database.OwnerSource); // nobody asks the other one anything
    }

    async ValueTask IAsyncDisposable.DisposeAsync() => await DisposeAsync();

    public async Task DisposeAsync()
    {
        await primary.DisposeAsync();
        await database.DisposeAsync();
        await cluster.DisposeAsync();
    }

    [Fact]
    public async Task Are_abandoned_when_another_host_is_the_primary()
    {
        await using (CommitLane lane = InProcess.Lane(primary))
            Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Create(Key.Name)));
        (string Name, Func<Task> Read)[] reads = [.. Reads()];
        await using ListTransaction listed = await new JobReads(primary).BeginList(default);
        await using ListTransaction counted = await new JobReads(primary).BeginList(default);
        ListTransaction unread = await new JobReads(primary).BeginList(default);
        await Warm(reads.Length);

        await cluster.Freeze();
        try
        {
            (string Name, Task Read)[] asked =
            [
                .. reads.Select(each => (each.Name, each.Read())),
                ("List", First(listed.List(new JobRange { Namespace = InProcess.Namespace }, listed.Head, default))),
                ("Count", counted.Count(new JobRange { Namespace = InProcess.Namespace }, counted.Head, default)),
            ];
            Task closed = unread.DisposeAsync().AsTask();
            primary.MoveTo(1);
            await Eventually.Holds(
                () => asked.All(each => each.Read.IsCompleted), "the end of all reads",
                () => "waiting: " + string.Join(", ", asked.Where(each => !each.Read.IsCompleted).Select(each => each.Name)));
            foreach ((string name, Task read) in asked)
                Assert.True(read.Exception?.InnerException is PrimaryChangedException, $"{name}: {read.Exception}");
            await closed.WaitAsync(Eventually.Deadline);
            await listed.DisposeAsync();
            await counted.DisposeAsync();
        }
        finally
        {
            await cluster.Thaw();
        }

        await Eventually.Equal(0L, async () => (long)(await cluster.Run(
            $"SELECT count(*) FROM pg_stat_activity WHERE usename = '{database.ServingRoleName}'"))!);
    }

    /// <summary>Every read of the history and of jobs that asks the primary, with arguments for which it has to.</summary>
    private IEnumerable<(string Name, Func<Task> Read)> Reads()
    {
        var jobs = new JobReads(primary);
        var history = new RevisionReads(primary);
        var timelines = new TimelineReads(primary, () => 0);
        DateTimeOffset time = DateTimeOffset.UtcNow;
        return
        [
            ("Get", () => jobs.Get(Key, default)),
            ("IsRecent", () => jobs.IsRecent(1, TimeSpan.FromMinutes(1), default)),
            ("JobAt", () => jobs.JobAt(Key, 2, default)),
            ("JobsAt", () => jobs.JobsAt([Key], 2, long.MaxValue, default)),
            ("JobShownAt", () => jobs.JobShownAt(Key, 2, default)),
            ("RevisionAt", () => jobs.RevisionAt(time, default)),
            ("BeginList", () => jobs.BeginList(default)),
            ("Head", () => jobs.Head(default)),
            ("DatabaseBytes", () => jobs.DatabaseBytes(default)),
            ("Checkpoint", () => jobs.Checkpoint(default)),
            ("Changes", () => First(jobs.Changes(1, 2, null, default))),
            ("Namespaces", () => First(jobs.Namespaces([], default))),
            ("NamespaceSince", () => jobs.NamespaceSince(Key.Namespace, default)),
            ("LivesByNamespace", () => jobs.LivesByNamespace(2, default)),
            ("Revisions", () => First(history.List(new RevisionQuery { Last = 2 }, 10, default))),
            ("Find", () => history.Find(2, default)),
            ("Users", () => history.Users([2], default)),
            ("Changed", () => history.Changed(1, 10, default)),
            ("LastVersion", () => history.LastVersion(Guid.Empty, default)),
            ("AtVersion", () => history.AtVersion(Key, Guid.Empty, 1, default)),
            ("FirstSince", () => history.FirstSince(time, default)),
            ("Extent", () => timelines.Extent(Key, default)),
            ("Timeline", () => timelines.Count(Key, time.AddDays(-1), time, 1, 2, 10, default)),
            ("RestorePoint", () => new RestorePoints(primary).Find(Key, null, null, default)),
            ("Blame", () => new BlameReads(primary).At(Key, 2, default)),
            ("Due", () => new DueJobReads(primary, new HashSet<LifetimeRule>()).Head(default)),
            ("Confirm", () => new StandbyWait(primary).Confirm(TimeSpan.FromMinutes(1), default)),
        ];
    }

    /// <summary>Each read gets a connection that is open already: an opening was abandoned before.</summary>
    private async Task Warm(int connections)
    {
        NpgsqlConnection[] open = await Task.WhenAll(
            Enumerable.Range(0, connections).Select(async _ => await primary.OpenConnectionAsync()));
        foreach (NpgsqlConnection each in open)
            await each.DisposeAsync();
    }

    private static async Task First<T>(IAsyncEnumerable<T> answers)
    {
        await foreach (T _ in answers)
            return;
    }
}
