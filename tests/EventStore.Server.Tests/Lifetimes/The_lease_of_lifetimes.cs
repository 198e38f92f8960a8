using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Domain.Lifetimes;
using EventStore.Server.Store.Lane;
using EventStore.Server.Store.Lifetimes;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Lifetimes;

/// <summary>The lease in PostgreSQL, the number by which a commit tells whose it is, and the list of what is due next.</summary>
public sealed class The_lease_of_lifetimes : IAsyncLifetime
{
    private static readonly DateTimeOffset Midnight = new(2026, 2, 1, 0, 0, 0, TimeSpan.Zero);
    private TestDatabase database = null!;

    public async Task InitializeAsync() => database = await TestDatabase.Create();

    public async Task DisposeAsync() => await database.DisposeAsync();

    [Fact]
    public async Task Is_taken_by_one_renewed_by_it_and_taken_over_under_another_number_when_its_time_is_over()
    {
        Assert.Equal(1, await Take(-1, 60));
        Assert.Null(await Take(-1, 60));
        Assert.Equal(1, await Take(1, 60));
        await database.Execute("UPDATE eventstore.lease SET until = clock_timestamp()"); // as if a minute had gone by
        Assert.Equal(2, await Take(-1, 60));
        Assert.Null(await Take(1, 60));
        Assert.Equal(2, await Take(2, 0)); // given back
        Assert.Equal(3, await Take(-1, 60));
    }

    [Fact]
    public async Task Is_renewed_late_by_who_had_it_where_nobody_has_taken_it_over()
    {
        Assert.Equal(1, await Take(-1, 60));
        await database.Execute("UPDATE eventstore.lease SET until = clock_timestamp() - interval '1 hour'");
        Assert.Equal(1, await Take(1, 60));
    }

    [Fact]
    public async Task Is_not_held_under_its_number_in_another_epoch()
    {
        Assert.Equal(1, await Take(-1, 60));
        await database.Execute("SELECT eventstore.epoch_add_1()");
        Assert.Null(await Take(1, 60));
        await database.Execute("UPDATE eventstore.lease SET until = clock_timestamp()");
        Assert.True(await Take(1, 60) > await database.Ask<long>("SELECT max(floor) FROM eventstore.epoch"));
    }

    [Fact]
    public async Task A_command_of_a_lease_that_is_lost_is_turned_away_and_the_others_of_its_batch_are_committed()
    {
        await using CommitLane lane = InProcess.Lane(database.Source);
        foreach (string name in (string[])["mine", "other"])
            Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Create(name)));
        await database.Execute("UPDATE eventstore.lease SET number = 7");
        Task<Outcome> first, old, current, plain;
        await using (CommitLock held = await CommitLock.Hold(database))
        {
            first = lane.Execute(InProcess.Label("other", "a", "1"));
            await held.WaitForWaiting(1);
            old = lane.ExecuteUnder(6, InProcess.Label("mine", "by", "six"), CancellationToken.None);
            current = lane.ExecuteUnder(7, InProcess.Label("mine", "for", "seven"), CancellationToken.None);
            plain = lane.Execute(InProcess.Label("other", "a", "2"));
        }

        Assert.IsType<Outcome.Done>(await first);
        Assert.IsType<Outcome.Fenced>(await old);
        Assert.IsType<Outcome.Done>(await current);
        Assert.IsType<Outcome.Done>(await plain);
        Assert.False(await database.Ask<bool>("SELECT bool_or(data::text LIKE '%six%') FROM eventstore.mt_events"));
        Assert.Equal(2, await database.Events("mine"));
        await database.AssertWhole();
    }

    [Fact]
    public async Task What_is_due_is_read_page_by_page()
    {
        await using CommitLane lane = InProcess.Lane(database.Source);
        foreach (string name in (string[])["a", "b", "c", "d", "e"])
            Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Create(name)));
        foreach (string name in (string[])["b", "d", "e"])
        {
            Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Patch(name, """{"spec":{"activeDeadlineSeconds":60}}""")));
            var started = (JsonObject)JsonReading.Parse("""{"status":{"startTime":"2026-02-01T00:00:00Z"}}"""u8);
            Assert.IsType<Outcome.Done>(
                await lane.Execute(new PatchStatus(new JobKey(InProcess.Namespace, name), Midnight, InProcess.Origin, started)));
        }

        var reads = new DueJobReads(database.Source, new HashSet<LifetimeRule> { LifetimeRule.Deadline }, pageLength: 2);
        List<string> pages = [];
        JobKey? behind = null;
        do
        {
            (IReadOnlyList<DueJob> due, behind) = await reads.Page(behind, CancellationToken.None);
            Assert.All(due, job => Assert.Equal(Midnight.AddSeconds(60), job.Lifetime.Due));
            pages.Add(string.Join(' ', due.Select(job => job.Key.Name)));
        }
        while (behind is not null);
        Assert.Equal(["b", "d", "e"], pages);
    }

    [Fact]
    public void What_is_due_next_is_known_however_moments_move()
    {
        var due = new DueJobs(100);
        foreach (int second in (int[])[3, 1, 2])
            due.Put(Key(second), Job(second, second));
        Assert.Equal((3, Midnight.AddSeconds(1)), (due.Count, due.Next));
        due.Put(Key(1), Job(1, 9)); // later
        due.Put(Key(3), Job(3, 0)); // sooner
        due.Put(Key(2), null);
        Assert.Equal([3, 1], Taken(due, 9));
        Assert.Null(due.Next);
        Assert.False(due.IsExhausted);
    }

    [Fact]
    public void Of_more_than_it_holds_the_last_are_left_for_another_reading()
    {
        var due = new DueJobs(3);
        foreach (int second in (int[])[5, 4, 3, 2, 1, 6])
            due.Put(Key(second), Job(second, second));
        Assert.Equal([1, 2, 3], Taken(due, 100));
        Assert.True(due.IsExhausted);
    }

    [Fact]
    public void Of_more_than_it_holds_at_one_moment_as_many_as_it_holds_are_left()
    {
        var due = new DueJobs(3);
        foreach (int number in (int[])[5, 4, 3, 2, 1, 6])
            due.Put(Key(number), Job(number, 7));
        due.Put(Key(4), Job(4, 6)); // sooner than one that is held
        Assert.Equal([4, 1, 2], Taken(due, 7));
        Assert.True(due.IsExhausted);
    }

    [Fact]
    public void Takes_only_what_is_due()
    {
        var due = new DueJobs(3);
        due.Put(Key(1), Job(1, 1));
        Assert.Empty(Taken(due, 0.999));
        Assert.Equal([1], Taken(due, 1));
    }

    private static JobKey Key(int number) => new("kube-test", $"{number}");

    private static DueJob Job(int number, int second) =>
        new(Key(number), Guid.Empty, new Lifetime(LifetimeRule.Ttl, Midnight.AddSeconds(second), 1));

    private static List<int> Taken(DueJobs due, double second)
    {
        List<int> taken = [];
        while (due.TryTake(Midnight.AddSeconds(second), out DueJob? job))
            taken.Add(int.Parse(job.Key.Name, System.Globalization.CultureInfo.InvariantCulture));
        return taken;
    }

    private async Task<long?> Take(long mine, int seconds)
    {
        await using Npgsql.NpgsqlCommand command = database.Source.CreateCommand(
            $"SELECT eventstore.lease_take_1('lifetimes', {mine}, {seconds})");
        return await command.ExecuteScalarAsync() as long?;
    }
}
