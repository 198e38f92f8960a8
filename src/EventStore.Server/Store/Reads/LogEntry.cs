using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Server.Store.Format;

namespace EventStore.Server.Store.Reads;

/// <summary>One event as the readers of the log get it.</summary>
public abstract class LogEntry
{
    private protected LogEntry(StoredEvent happened) => Happened = happened;

    /// <summary>The event's revision.</summary>
    public long Revision => Happened.Revision;

    /// <summary>When the event was committed.</summary>
    public DateTimeOffset Time => Happened.Time;

    /// <summary>The event as the history shows it, made on demand; null if it belongs to no job.</summary>
    public abstract Revision? AsRevision { get; }

    /// <summary>How many bytes of memory it takes.</summary>
    public abstract int WeightBytes { get; }

    /// <summary>The event.</summary>
    protected StoredEvent Happened { get; }

    /// <summary>Serializes it in advance, before many watchers ask for it at once.</summary>
    public virtual void Print()
    {
    }
}

/// <summary>The facts of a job by which a selection chooses.</summary>
/// <param name="Key">The job.</param>
/// <param name="Labels">Its labels.</param>
/// <param name="Deleted">Whether it is gone.</param>
public sealed record JobFacts(JobKey Key, JsonObject? Labels, bool Deleted)
{
    /// <summary>The facts of a job; null for none.</summary>
    public static JobFacts? Of(Job? job) => job is null ? null : new JobFacts(job.Key, job.Metadata["labels"] as JsonObject, job.Deleted);
}

/// <summary>
/// An event that cannot be read or applied to its job: written by a newer release, or forged. Readers skip it.
/// </summary>
public sealed class UnreadableEvent : LogEntry
{
    internal UnreadableEvent(StoredEvent happened, JobKey? key, Exception why)
        : base(happened)
    {
        Key = key;
        Why = key is { } job ? $"{why.Message} (job {job})" : why.Message;
    }

    /// <summary>The job it concerns; null when no job has this stream.</summary>
    public JobKey? Key { get; }

    /// <summary>What is wrong.</summary>
    public string Why { get; }

    /// <inheritdoc/>
    public override Revision? AsRevision => Key is { } key
        ? new Revision(
            Revision, null, key, Happened.Uid, Happened.Version, new JobEventUnknown(Happened.Name), Time, Happened.Origin.Read())
        : null;

    /// <inheritdoc/>
    public override int WeightBytes => Happened.WeightBytes;
}
