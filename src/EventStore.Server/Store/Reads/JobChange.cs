using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;

namespace EventStore.Server.Store.Reads;

/// <summary>One event, with the job on both sides of it: what a watch is made of.</summary>
/// <param name="Before">The job before; null for a creation.</param>
/// <param name="After">The job after; marked as deleted when it is gone.</param>
/// <param name="Time">When the event was committed.</param>
/// <param name="Happened">The event.</param>
/// <param name="Origin">Who asked for it.</param>
public sealed record JobChange(Job? Before, Job After, DateTimeOffset Time, JobEvent Happened, StoredOrigin Origin)
{
    private StoredJob? after;
    private Revision? asRevision;

    /// <summary>The event's revision.</summary>
    public long Revision => After.Revision;

    /// <summary>The job after the event as an answer shows it; printed once, however many watch.</summary>
    public StoredJob Stored => after ??= StoredJob.Of(After, Time);

    /// <summary>The event as the history shows it; made once, and only if somebody watches the history.</summary>
    public Revision AsRevision => asRevision ??= new Revision(
        Revision, Before?.Revision, After.Key, After.Uid, After.Version, Happened, Time, Origin.Read());

    /// <summary>How many bytes the object has.</summary>
    public int WeightBytes => Stored.Utf8.Length;

    /// <summary>Prints the object now, before many ask for it at once.</summary>
    public void Print() => _ = Stored;

    /// <summary>
    /// The job before the event at the event's revision: what a watcher is shown whose selection the job leaves, as upstream does.
    /// </summary>
    public StoredJob Left => StoredJob.Of(Before! with { Revision = Revision }, Time);
}
