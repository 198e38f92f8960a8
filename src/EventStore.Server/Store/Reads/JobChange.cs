using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;

namespace EventStore.Server.Store.Reads;

/// <summary>
/// One event with the job after it, serialized, and the facts by which a selection sees the job before and after. Once serialized it holds
/// only bytes: queues may hold thousands of changes, and a parsed job is several times as large.
/// </summary>
public sealed class JobChange : LogEntry
{
    private readonly long? previous;
    private readonly Guid uid;
    private readonly long version;
    private Job? after;
    private StoredJob? stored;
    private WeakReference<Revision>? asRevision;

    /// <summary>Makes it of an event and the job on both sides of it.</summary>
    /// <param name="before">The job before; null for a creation.</param>
    /// <param name="after">The job after; marked as deleted when it is gone.</param>
    /// <param name="happened">The event.</param>
    public JobChange(Job? before, Job after, StoredEvent happened)
        : base(happened)
    {
        (this.after, previous, uid, version) = (after, before?.Revision, after.Uid, after.Version);
        (Before, After) = (JobFacts.Of(before), JobFacts.Of(after)!);
    }

    /// <summary>The job before; null for a creation.</summary>
    public JobFacts? Before { get; }

    /// <summary>The job after; marked as deleted when it is gone.</summary>
    public JobFacts After { get; }

    /// <summary>The job after the event as an answer shows it; printed once for all watchers.</summary>
    public StoredJob Stored
    {
        get
        {
            stored ??= StoredJob.Of(after!, Time);
            after = null;
            return stored;
        }
    }

    /// <inheritdoc/>
    public override Revision? AsRevision
    {
        get
        {
            if (asRevision?.TryGetTarget(out Revision? made) == true)
                return made;
            made = new Revision(Revision, previous, After.Key, uid, version, Happened.Read(), Time, Happened.Origin.Read());
            asRevision = new WeakReference<Revision>(made);
            return made;
        }
    }

    /// <summary>
    /// The job before the event at the event's revision: what a watcher is shown whose selection the job leaves, as upstream does.
    /// </summary>
    public StoredJob Left =>
        StoredJob.Of(JobText.Read(Stored.Utf8.Span, uid, version, Revision, deleted: false).Revert(Happened.Read(), Revision)!, Time);

    /// <inheritdoc/>
    public override int WeightBytes => Stored.Utf8.Length + Happened.WeightBytes;

    /// <inheritdoc/>
    public override void Print() => _ = Stored;
}
