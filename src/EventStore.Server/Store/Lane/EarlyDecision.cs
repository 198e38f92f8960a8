using EventStore.Domain.History;
using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;

namespace EventStore.Server.Store.Lane;

/// <summary>
/// What comes of a command if the job stands as it did when this was made: decided, folded and printed, for the reply and for the store. Deciding is pure, so it may be
/// done before the command's turn, on the thread of the request, and be taken when the turn comes if the job is still the same.
/// </summary>
internal sealed class EarlyDecision
{
    private EarlyDecision(Job? basis, Decision decision) => (Basis, Decision) = (basis, decision);

    /// <summary>The living job it was decided upon; null when there was none.</summary>
    public Job? Basis { get; }

    /// <summary>What was decided.</summary>
    public Decision Decision { get; }

    /// <summary>The job after it, its revision still unknown; null unless something happens.</summary>
    public Job? After { get; private init; }

    /// <summary>That job as an answer shows it.</summary>
    public JobText? Text { get; private init; }

    /// <summary>The event's own id: what is looked for when nobody knows whether it was committed.</summary>
    public Guid Id { get; private init; }

    /// <summary>The event as it is stored; null unless something happens.</summary>
    public string? Data { get; private init; }

    /// <summary>What the event is found by; null unless something happens.</summary>
    public IReadOnlyCollection<string>? Paths { get; private init; }

    /// <summary>Who asked for it, as it is stored beside the event; null unless something happens.</summary>
    public string? Headers { get; private init; }

    /// <summary>Decides the command.</summary>
    public static EarlyDecision Of(Job? basis, JobCommand command)
    {
        Decision decision = JobDecider.Decide(basis, command);
        if (decision is not Decision.Accepted(var happened))
            return new EarlyDecision(basis, decision);
        Job after = Job.Evolve(basis, happened, 0);
        return new EarlyDecision(basis, decision)
        {
            After = after,
            Text = JobText.Of(after),
            Id = Guid.CreateVersion7(),
            Data = EventCodec.Data(happened),
            Paths = ChangedPaths.Of(happened),
            Headers = EventCodec.Headers(command.Origin),
        };
    }
}
