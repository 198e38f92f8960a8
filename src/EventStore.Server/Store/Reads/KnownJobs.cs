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

    private readonly Dictionary<Guid, LinkedListNode<Entry>> byUid = [];
    private readonly LinkedList<Entry> byUse = new();

    /// <summary>How many bytes are held.</summary>
    public long Bytes { get; private set; }

    /// <summary>The job as that many events left it; null when it is not known so.</summary>
    public Job? At(Guid uid, long version) =>
        byUid.TryGetValue(uid, out LinkedListNode<Entry>? node) && node.Value.Job.Version == version ? node.Value.Job : null;

    /// <summary>Where a job is addressed, at whatever version it is known.</summary>
    public bool TryGetKey(Guid uid, [NotNullWhen(true)] out JobKey? key)
    {
        key = byUid.TryGetValue(uid, out LinkedListNode<Entry>? node) ? node.Value.Job.Key : null;
        return key is not null;
    }

    /// <summary>Puts a job that was read.</summary>
    public void Put(Job job)
    {
        int measured = JobText.LengthOf(job);
        Put(job, measured, measured);
    }

    /// <summary>
    /// Puts a job after one more event. It may have grown by as much as the event holds; it is measured again only when that adds
    /// up to more than it was, so that a small change of a large job costs nothing.
    /// </summary>
    /// <param name="job">The job after the event.</param>
    /// <param name="eventBytes">The size of the event's data.</param>
    public void Advance(Job job, int eventBytes)
    {
        (long measured, long bytes) = byUid.TryGetValue(job.Uid, out LinkedListNode<Entry>? node)
            ? (node.Value.Measured, node.Value.Bytes)
            : (0, 0);
        bytes += eventBytes;
        if (measured > 0 && bytes > (2 * measured) + Slack)
            Put(job);
        else
            Put(job, bytes, measured > 0 ? measured : bytes);
    }

    /// <summary>Forgets a job.</summary>
    public void Remove(Guid uid)
    {
        if (!byUid.Remove(uid, out LinkedListNode<Entry>? node))
            return;
        byUse.Remove(node);
        Bytes -= node.Value.Bytes;
    }

    private void Put(Job job, long bytes, long measured)
    {
        Remove(job.Uid);
        byUid[job.Uid] = byUse.AddLast(new Entry(job, bytes, measured));
        Bytes += bytes;
        while (Bytes > bytesMax && byUse.Count > 1)
            Remove(byUse.First!.Value.Job.Uid);
    }

    /// <summary>A job, about how many bytes it has, and how many it had when it was last measured.</summary>
    private sealed record Entry(Job Job, long Bytes, long Measured);
}
