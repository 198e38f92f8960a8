using System.Text;
using EventStore.Domain.Jobs;
using EventStore.Server.Store.Lane;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Store;

/// <summary>What was decided before a command's turn counts only if the job is still the very one it was decided upon.</summary>
public sealed class Early_decisions
{
    private static readonly Job Job = Job.Evolve(null, Happens(null, InProcess.Create("early")), 7);

    [Fact]
    public void Are_taken_when_the_job_is_the_same()
    {
        (Batch batch, DecidedCommand early) = Decide(current: Job);

        Assert.Same(early.After, batch.Entries[0].After);
        Assert.Same(early.Text, batch.Entries[0].Text);
    }

    [Fact]
    public void Are_made_anew_upon_a_job_that_has_changed()
    {
        Job changed = Job.Evolve(Job, Happens(Job, InProcess.Label("early", "other", "kept")), 8);

        (Batch batch, DecidedCommand early) = Decide(current: changed);

        Assert.NotSame(early.After, batch.Entries[0].After);
        Assert.Equal(3, batch.Entries[0].After.Version);
        Assert.Contains("kept", Encoding.UTF8.GetString(batch.Entries[0].Text.ToUtf8(8)), StringComparison.Ordinal);
    }

    [Fact]
    public void Are_made_anew_behind_another_command_of_the_batch()
    {
        JobCommand second = InProcess.Label("early", "mine", "2");
        var behind = new QueuedCommand(second, false, 0) { Early = DecidedCommand.Of(Job, second) };
        Batch batch = Batch.Of([InProcess.Label("early", "other", "1").Queued(), behind], _ => Job);

        Assert.Equal([2, 3], batch.Entries.Select(entry => entry.After.Version));
        Assert.Equal(
            "1", batch.Entries[1].After.Metadata["labels"]?.Member("other") is Domain.Json.JsonText { Value: var value } ? value : null);
    }

    [Fact]
    public void Are_made_for_the_first_who_asks_and_again_once_the_job_is_put_anew()
    {
        var cache = new JobCache(1 << 20);
        cache.Put(Job, 100);

        Assert.True(cache.TryGetFirst(Job.Key, out Job? first));
        Assert.Same(Job, first);
        Assert.False(cache.TryGetFirst(Job.Key, out _));
        Assert.True(cache.TryGet(Job.Key, out _));
        cache.Put(Job, 100);
        Assert.True(cache.TryGetFirst(Job.Key, out _));
    }

    private static (Batch Batch, DecidedCommand Early) Decide(Job current)
    {
        JobCommand command = InProcess.Label("early", "mine", "1");
        var early = DecidedCommand.Of(Job, command);
        return (Batch.Of([new QueuedCommand(command, false, 0) { Early = early }], _ => current), early);
    }

    private static JobEvent Happens(Job? job, JobCommand command) => ((Decision.Accepted)JobDecider.Decide(job, command)).Event;
}
