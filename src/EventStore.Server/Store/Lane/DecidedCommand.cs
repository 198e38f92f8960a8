using EventStore.Domain.History;
using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;

namespace EventStore.Server.Store.Lane;

/// <summary>
/// The decision on a command for one state of its job, with everything serialized that the commit and the reply need. <see cref="Of"/>
/// is the only place that decides: the request's thread calls it early, and the lane again if the job has changed since.
/// </summary>
internal sealed class DecidedCommand
{
    private const int HeldBytesMin = 512; // the objects themselves

    private DecidedCommand(Job? basis, Decision decision) => (Basis, Decision) = (basis, decision);

    /// <summary>The living job that it was decided on; null if there was none.</summary>
    public Job? Basis { get; }

    /// <summary>The decision.</summary>
    public Decision Decision { get; }

    /// <summary>The job after the event, its revision still unknown; null if there is no event.</summary>
    public Job? After { get; private init; }

    /// <summary>That job as its row has it and an answer shows it.</summary>
    public JobText? Text { get; private init; }

    /// <summary>The event's own id: the look-up after a lost reply finds it by this.</summary>
    public Guid Id { get; private init; }

    /// <summary>The event as it is stored; null if there is none.</summary>
    public string? Data { get; private init; }

    /// <summary>The paths under which the history indexes the event; null if there is none.</summary>
    public IReadOnlyCollection<string>? Paths { get; private init; }

    /// <summary>Who asked for it, as it is stored beside the event; null if there is none.</summary>
    public string? Headers { get; private init; }

    /// <summary>The bytes of text that it adds to a batch: the job after it and the event.</summary>
    public int WrittenBytes => (Text?.LengthBytes ?? 0) + (Data?.Length ?? 0) + (Headers?.Length ?? 0);

    /// <summary>The bytes of memory that it takes, those of the job it was decided on included.</summary>
    public long HeldBytes => HeldBytesMin
        + ((After ?? Basis) is { } job ? JobMemory.Of(job) : 0)
        + (Text?.LengthBytes ?? 0)
        + (2L * ((Data?.Length ?? 0) + (Headers?.Length ?? 0)));

    /// <summary>Decides the command.</summary>
    public static DecidedCommand Of(Job? basis, JobCommand command)
    {
        Decision decision = JobDecider.Decide(basis, command);
        if (decision is not Decision.Accepted(var happened))
            return new DecidedCommand(basis, decision);
        Job after = Job.Evolve(basis, happened, 0);
        return new DecidedCommand(basis, decision)
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
