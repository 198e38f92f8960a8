using System.Diagnostics.CodeAnalysis;
using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;

namespace EventStore.Server.Store.Reads;

/// <summary>
/// An LRU of the jobs a reader of the log folds events into, bounded by the size of their JSON. The one added last is always
/// kept, however large.
/// </summary>
/// <param name="bytesMax">The most bytes.</param>
internal sealed class KnownJobs(long bytesMax)
{
    private const int Slack = 64 * 1024;

    private readonly LruByBytes<Guid, Entry> entries = new(bytesMax);

    /// <summary>The bytes of all jobs.</summary>
    public long Bytes => entries.Bytes;

    /// <summary>The job at a version; null if it is not in the cache, or at another version.</summary>
    public Job? At(Guid uid, long version) => entries.Peek(uid)?.Job is { } job && job.Version == version ? job : null;

    /// <summary>The name of a job, whatever its version in the cache.</summary>
    public bool TryGetKey(Guid uid, [NotNullWhen(true)] out JobKey? key)
    {
        key = entries.Peek(uid)?.Job.Key;
        return key is not null;
    }

    /// <summary>Adds a job that was read.</summary>
    public void Put(Job job)
    {
        int measured = JobText.LengthOf(job);
        Put(job, measured, measured);
    }

    /// <summary>
    /// Replaces a job by the same after one more event. Its size is estimated by adding the event's; it is measured again only when the
    /// estimate has doubled, so that a small change of a large job costs nothing.
    /// </summary>
    /// <param name="job">The job after the event.</param>
    /// <param name="eventBytes">The size of the event's data.</param>
    public void Advance(Job job, int eventBytes)
    {
        (_, long bytes, long measured) = entries.Peek(job.Uid) ?? new Entry(job, 0, 0);
        bytes += eventBytes;
        if (measured > 0 && bytes > (2 * measured) + Slack)
            Put(job);
        else
            Put(job, bytes, measured > 0 ? measured : bytes);
    }

    /// <summary>Removes a job.</summary>
    public void Remove(Guid uid) => entries.Remove(uid);

    private void Put(Job job, long bytes, long measured) => entries.Put(job.Uid, new Entry(job, bytes, measured), bytes);

    /// <summary>A job, about how many bytes it has, and how many it had when it was last measured.</summary>
    private sealed record Entry(Job Job, long Bytes, long Measured);
}
