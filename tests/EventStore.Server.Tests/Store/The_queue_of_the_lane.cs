using EventStore.Domain.Jobs;
using EventStore.Server.Store.Lane;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Store;

/// <summary>
/// What a batch takes of the queue: bounded by the bytes it reads and writes, heavy commands by themselves, and by turns.
/// </summary>
public sealed class The_queue_of_the_lane
{
    private static readonly LaneLimits Limits = new();

    [Fact]
    public void A_tiny_patch_of_a_large_job_is_heavy_and_shares_no_batch()
    {
        var queue = new LaneQueue(Limits);
        QueuedCommand[] heavy = [.. Enumerable.Range(0, 3).Select(i => Enter(queue, $"heavy-{i}", jobBytes: 2_900_000))];
        QueuedCommand[] light = [.. Enumerable.Range(0, 20).Select(i => Enter(queue, $"light-{i}"))];

        List<List<QueuedCommand>> batches = [.. Enumerable.Range(0, 5).Select(_ => queue.Take(answered: 0))];

        Assert.Equal([1, 16, 1, 4, 1], batches.Select(batch => batch.Count));
        Assert.Equal(heavy, batches.Where(batch => batch.Count == 1).Select(batch => batch[0]));
        Assert.Equal(light, batches[1].Concat(batches[3]));
    }

    [Theory]
    [InlineData(50_000, 41)] // 100,512 bytes each: the 42nd would come after 4 MiB are reached
    [InlineData(0, 200)]
    public void A_batch_ends_when_its_bytes_are_reached(int jobBytes, int most)
    {
        var queue = new LaneQueue(Limits);
        for (int i = 0; i < 400; i++)
            Enter(queue, $"job-{i}", jobBytes);

        Assert.InRange(queue.Take(answered: 0).Count, most, most + 1);
    }

    [Fact]
    public void What_was_decided_early_is_kept_as_long_as_there_is_room_and_gives_it_back()
    {
        JobCommand command = InProcess.Create("early");
        var decided = DecidedCommand.Of(null, command);
        var queue = new LaneQueue(Limits with { EarlyBytes = decided.HeldBytes });
        QueuedCommand first = Admit(queue, command), second = Admit(queue, command), third = Admit(queue, command);

        queue.Keep(first, decided);
        queue.Keep(second, decided);
        queue.TryEnter(first);
        Assert.Equal([first], queue.Take(answered: 0));
        queue.Keep(third, decided);

        Assert.Same(decided, first.Early);
        Assert.Null(second.Early);
        Assert.Same(decided, third.Early);
    }

    [Fact]
    public async Task What_is_to_be_decided_again_goes_first_and_halves_of_a_failed_batch_alone()
    {
        var queue = new LaneQueue(Limits);
        QueuedCommand one = Enter(queue, "one"), two = Enter(queue, "two");
        Assert.Equal([one, two], queue.Take(answered: 0));
        QueuedCommand waiting = Enter(queue, "waiting");
        queue.Return([two]);
        queue.ReturnApart([one]);

        Assert.Equal([one], queue.Take(answered: 0));
        Assert.Equal([two, waiting], queue.Take(answered: 0));
        queue.Return([one]);
        queue.Close();
        Assert.True(await queue.Wait());
        Assert.Equal([one], queue.Take(answered: 0));
        Assert.False(await queue.Wait());
    }

    private static QueuedCommand Enter(LaneQueue queue, string name, int jobBytes = 0)
    {
        QueuedCommand queued = Admit(queue, InProcess.Label(name, "a", "1"));
        queued.JobBytes = jobBytes;
        Assert.True(queue.TryEnter(queued));
        return queued;
    }

    private static QueuedCommand Admit(LaneQueue queue, JobCommand command)
    {
        QueuedCommand queued = command.Queued();
        Assert.True(queue.TryAdmit(queued));
        return queued;
    }
}
