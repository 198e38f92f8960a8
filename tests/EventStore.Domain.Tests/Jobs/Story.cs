using EventStore.Domain.Jobs;

namespace EventStore.Domain.Tests.Jobs;

/// <summary>Events that happened, a command, and what comes of it. The events' revisions are 10, 20, 30, …</summary>
internal sealed record Story(Job? Job, Decision? Decision = null)
{
    public static Story Given(params JobEvent[] events) =>
        new(events.Aggregate((Job?)null, (job, happened) => Domain.Jobs.Job.Evolve(job, happened, ((job?.Version ?? 0) + 1) * 10)));

    public Story When(Func<Job, JobCommand> command) => When(command(Job!));

    public Story When(JobCommand command) => this with { Decision = JobDecider.Decide(Job, command) };

    public void Then(JobEvent happens) => Assert.Equal(DecisionText.Of(new Decision.Accepted(happens)), DecisionText.Of(Decision!));

    public void ThenNothing() => Assert.Equal(DecisionText.Of(Decision.NothingToDo), DecisionText.Of(Decision!));

    public void ThenRefused<TRejection>(params string[] what)
        where TRejection : Rejection =>
        Assert.Equal([typeof(TRejection).Name, .. what], DecisionText.Of(Decision!).Split('\n'));

    /// <summary>Refused for values that are wrong, in these fields.</summary>
    public void ThenRefusedFor(params string[] fields) =>
        Assert.Equal(
            fields, Assert.IsType<Rejection.Invalid>(Assert.IsType<Decision.Refused>(Decision).Why).Errors.Select(error => error.Field));

    /// <summary>The job after what happened.</summary>
    public Job After => Domain.Jobs.Job.Evolve(Job, Assert.IsType<Decision.Accepted>(Decision).Event, 1000);

    /// <summary>The same, with the event among those that happened: for the next command.</summary>
    public Story And => new(After);
}
