using System.Diagnostics.CodeAnalysis;
using EventStore.Domain.Jobs;

namespace EventStore.Server.Store;

/// <summary>
/// The current jobs the lane has seen last, least recently used ones leaving first. Used by the lane alone, hence without a lock.
/// It holds only living jobs: that a name is free is always asked of the database.
/// </summary>
/// <param name="weightBytesMax">How many bytes the jobs may have as text, all together.</param>
internal sealed class JobCache(long weightBytesMax)
{
    private readonly Dictionary<JobKey, LinkedListNode<Entry>> entries = [];
    private readonly LinkedList<Entry> byUse = new();
    private long weightBytes;

    /// <summary>The job, if it is known.</summary>
    public bool TryGet(JobKey key, [NotNullWhen(true)] out Job? job)
    {
        job = null;
        if (!entries.TryGetValue(key, out LinkedListNode<Entry>? node))
            return false;
        byUse.Remove(node);
        byUse.AddFirst(node);
        job = node.Value.Job;
        return true;
    }

    /// <summary>Remembers a living job as it stands now.</summary>
    public void Put(Job job, int jobWeightBytes)
    {
        Forget(job.Key);
        entries[job.Key] = byUse.AddFirst(new Entry(job, jobWeightBytes));
        weightBytes += jobWeightBytes;
        while (weightBytes > weightBytesMax && byUse.Last is { } oldest)
            Forget(oldest.Value.Job.Key);
    }

    /// <summary>Forgets all jobs.</summary>
    public void Clear()
    {
        entries.Clear();
        byUse.Clear();
        weightBytes = 0;
    }

    /// <summary>Forgets the job.</summary>
    public void Forget(JobKey key)
    {
        if (!entries.Remove(key, out LinkedListNode<Entry>? node))
            return;
        byUse.Remove(node);
        weightBytes -= node.Value.WeightBytes;
    }

    private sealed record Entry(Job Job, int WeightBytes);
}
