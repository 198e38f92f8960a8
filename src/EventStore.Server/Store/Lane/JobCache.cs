using System.Diagnostics.CodeAnalysis;
using EventStore.Domain.Jobs;

namespace EventStore.Server.Store.Lane;

/// <summary>
/// The current jobs the lane has seen last. Those used last are objects, ready to be decided upon; the least recently used among them are
/// packed, and unpacked when they are wanted again, by whoever wants them. It holds only living jobs: that a name is free is always asked
/// of the database.
/// </summary>
/// <param name="weightBytesMax">How many bytes the jobs that are objects may have as text, all together.</param>
/// <param name="packedBytesMax">How many bytes those that are packed may take.</param>
internal sealed class JobCache(long weightBytesMax, long packedBytesMax)
{
    private readonly Lock gate = new();
    private readonly Dictionary<JobKey, LinkedListNode<Entry>> entries = [];
    private readonly LinkedList<Entry> byUse = new();
    private readonly PackedJobs packed = new(packedBytesMax);
    private long weightBytes;
    private int clears;

    /// <summary>How often all jobs were forgotten.</summary>
    public int Clears => Volatile.Read(ref clears);

    /// <summary>The job, if it is known.</summary>
    public bool TryGet(JobKey key, [NotNullWhen(true)] out Job? job)
    {
        job = Find(key, _ => true);
        return job is not null;
    }

    /// <summary>
    /// The job for a decision before its turn; only for the first who asks since it was put here, for when that one's turn has come the
    /// job is another, and what the others decided would have been for nothing.
    /// </summary>
    public bool TryGetFirst(JobKey key, [NotNullWhen(true)] out Job? job)
    {
        job = Find(key, entry => !entry.WasAsked && (entry.WasAsked = true));
        return job is not null;
    }

    /// <summary>Whether the job is known and ready to be decided upon.</summary>
    public bool Has(JobKey key)
    {
        lock (gate)
            return entries.ContainsKey(key);
    }

    /// <summary>Remembers a living job that was read, if none is known and all were not forgotten since.</summary>
    /// <param name="job">The job.</param>
    /// <param name="jobWeightBytes">How long it is as text.</param>
    /// <param name="clearsBefore">What <see cref="Clears"/> was before it was read.</param>
    public void Add(Job job, int jobWeightBytes, int clearsBefore)
    {
        lock (gate)
        {
            if (clears == clearsBefore && !entries.ContainsKey(job.Key))
                Add(job, jobWeightBytes);
        }
    }

    /// <summary>Remembers a living job as it stands now.</summary>
    public void Put(Job job, int jobWeightBytes)
    {
        lock (gate)
            Add(job, jobWeightBytes);
    }

    /// <summary>Packs the least recently used until the others are within their limit: it takes some microseconds for each.</summary>
    public void Pack()
    {
        while (Oldest() is { } job)
        {
            byte[] text = PackedJobs.TextOf(job);
            lock (gate)
            {
                if (!ReferenceEquals(byUse.Last?.Value.Job, job))
                    continue; // used meanwhile
                Remove(job.Key);
                packed.Put(job, text);
            }
        }
    }

    /// <summary>Forgets all jobs.</summary>
    public void Clear()
    {
        lock (gate)
        {
            entries.Clear();
            byUse.Clear();
            packed.Clear();
            weightBytes = 0;
            clears++;
        }
    }

    /// <summary>Forgets the job.</summary>
    public void Forget(JobKey key)
    {
        lock (gate)
        {
            Remove(key);
            packed.Remove(key);
        }
    }

    private Job? Find(JobKey key, Func<Entry, bool> isWanted)
    {
        PackedJobs.Packed? found;
        lock (gate)
        {
            if (entries.TryGetValue(key, out LinkedListNode<Entry>? node))
                return Use(node, isWanted);
            found = packed.Find(key);
        }

        if (found?.Unpack(key) is not var (job, textBytes))
            return null; // most often there is none; seldom one of another name has its place
        lock (gate)
        {
            if (entries.TryGetValue(key, out LinkedListNode<Entry>? node))
                return Use(node, isWanted);
            if (!found.Value.Is(packed.Find(key)))
                return null; // forgotten meanwhile
            return Use(Add(job, textBytes), isWanted);
        }
    }

    private Job? Use(LinkedListNode<Entry> node, Func<Entry, bool> isWanted)
    {
        if (!isWanted(node.Value))
            return null;
        byUse.Remove(node);
        byUse.AddFirst(node);
        return node.Value.Job;
    }

    private LinkedListNode<Entry> Add(Job job, int jobWeightBytes)
    {
        Remove(job.Key);
        weightBytes += jobWeightBytes;
        return entries[job.Key] = byUse.AddFirst(new Entry(job, jobWeightBytes));
    }

    private void Remove(JobKey key)
    {
        if (!entries.Remove(key, out LinkedListNode<Entry>? node))
            return;
        byUse.Remove(node);
        weightBytes -= node.Value.WeightBytes;
    }

    /// <summary>The least recently used job, if there are more than may be.</summary>
    private Job? Oldest()
    {
        lock (gate)
            return weightBytes > weightBytesMax ? byUse.Last?.Value.Job : null;
    }

    private sealed class Entry(Job job, int weightBytes)
    {
        public Job Job { get; } = job;

        public int WeightBytes { get; } = weightBytes;

        public bool WasAsked { get; set; }
    }
}
