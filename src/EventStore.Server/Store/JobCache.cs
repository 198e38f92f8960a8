using System.Diagnostics.CodeAnalysis;
using EventStore.Domain.Jobs;

namespace EventStore.Server.Store;

/// <summary>
/// The current jobs the lane has seen last, least recently used ones leaving first. The lane alone writes it; requests look into it to
/// decide before their turn. It holds only living jobs: that a name is free is always asked of the database.
/// </summary>
/// <param name="weightBytesMax">How many bytes the jobs may have as text, all together.</param>
internal sealed class JobCache(long weightBytesMax)
{
    private readonly Lock gate = new();
    private readonly Dictionary<JobKey, LinkedListNode<Entry>> entries = [];
    private readonly LinkedList<Entry> byUse = new();
    private long weightBytes;

    /// <summary>The job, if it is known.</summary>
    public bool TryGet(JobKey key, [NotNullWhen(true)] out Job? job)
    {
        lock (gate)
        {
            job = null;
            if (!entries.TryGetValue(key, out LinkedListNode<Entry>? node))
                return false;
            byUse.Remove(node);
            byUse.AddFirst(node);
            job = node.Value.Job;
            return true;
        }
    }

    /// <summary>Whether the job is known.</summary>
    public bool Has(JobKey key)
    {
        lock (gate)
            return entries.ContainsKey(key);
    }

    /// <summary>
    /// The job for a decision before its turn; only for the first who asks since it was put here, for when that one's turn has come the
    /// job is another, and what the others decided would have been for nothing.
    /// </summary>
    public bool TryGetFirst(JobKey key, [NotNullWhen(true)] out Job? job)
    {
        lock (gate)
        {
            job = null;
            if (!entries.TryGetValue(key, out LinkedListNode<Entry>? node) || node.Value.WasAsked)
                return false;
            node.Value.WasAsked = true;
            job = node.Value.Job;
            return true;
        }
    }

    /// <summary>Remembers a living job as it stands now.</summary>
    public void Put(Job job, int jobWeightBytes)
    {
        lock (gate)
        {
            Remove(job.Key);
            entries[job.Key] = byUse.AddFirst(new Entry(job, jobWeightBytes));
            weightBytes += jobWeightBytes;
            while (weightBytes > weightBytesMax && byUse.Last is { } oldest)
                Remove(oldest.Value.Job.Key);
        }
    }

    /// <summary>Forgets all jobs.</summary>
    public void Clear()
    {
        lock (gate)
        {
            entries.Clear();
            byUse.Clear();
            weightBytes = 0;
        }
    }

    /// <summary>Forgets the job.</summary>
    public void Forget(JobKey key)
    {
        lock (gate)
            Remove(key);
    }

    private void Remove(JobKey key)
    {
        if (!entries.Remove(key, out LinkedListNode<Entry>? node))
            return;
        byUse.Remove(node);
        weightBytes -= node.Value.WeightBytes;
    }

    private sealed class Entry(Job job, int weightBytes)
    {
        public Job Job { get; } = job;

        public int WeightBytes { get; } = weightBytes;

        public bool WasAsked { get; set; }
    }
}
