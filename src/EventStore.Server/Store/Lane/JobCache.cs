using System.Diagnostics.CodeAnalysis;
using EventStore.Domain.Jobs;

namespace EventStore.Server.Store.Lane;

/// <summary>
/// An LRU cache of current jobs, bounded by the memory they take. It has only living jobs: whether a name is free is always read
/// from the database. Of a job too large, which would evict hundreds of others, only the size is cached.
/// </summary>
/// <param name="memoryBytesMax">How many bytes of memory the jobs may take, all together.</param>
internal sealed class JobCache(long memoryBytesMax)
{
    private const int JobsAtLeast = 16; // at least so many jobs fit: a larger one is not cached
    private const int SizeOnlyBytes = 200;

    private readonly long jobBytesMax = memoryBytesMax / JobsAtLeast;
    private readonly Lock gate = new();
    private readonly Dictionary<JobKey, LinkedListNode<Entry>> entries = [];
    private readonly LinkedList<Entry> byUse = new();
    private long memoryBytes;
    private int clears;

    /// <summary>How often all jobs were forgotten.</summary>
    public int Clears => Volatile.Read(ref clears);

    /// <summary>The job, if it is kept.</summary>
    public bool TryGet(JobKey key, [NotNullWhen(true)] out Job? job)
    {
        lock (gate)
            job = Find(key)?.Job;
        return job is not null;
    }

    /// <summary>
    /// Returns the job to one caller per stored version. A second early decision on the same version would be discarded, because the first
    /// will have changed the job.
    /// </summary>
    public bool TryGetFirst(JobKey key, [NotNullWhen(true)] out Job? job)
    {
        job = null;
        lock (gate)
        {
            if (Find(key) is { WasAsked: false } entry)
            {
                entry.WasAsked = true;
                job = entry.Job;
            }
        }

        return job is not null;
    }

    /// <summary>How many bytes the job's text has; null when nothing is known of the job.</summary>
    public int? TextBytes(JobKey key)
    {
        lock (gate)
            return entries.TryGetValue(key, out LinkedListNode<Entry>? node) ? node.Value.TextBytes : null;
    }

    /// <summary>Keeps a living job that was read, unless a newer one is kept, or all were forgotten since.</summary>
    /// <param name="job">The job.</param>
    /// <param name="textBytes">How many bytes its text has.</param>
    /// <param name="clearsBefore">What <see cref="Clears"/> was before it was read.</param>
    public void Add(Job job, int textBytes, int clearsBefore)
    {
        long bytes = MemoryOf(job);
        lock (gate)
        {
            if (clears == clearsBefore && !entries.ContainsKey(job.Key))
                Put(job.Key, job, textBytes, bytes);
        }
    }

    /// <summary>Keeps the size of a job that was not read because it is large.</summary>
    public void AddSize(JobKey key, int textBytes)
    {
        lock (gate)
        {
            if (!entries.ContainsKey(key))
                Put(key, null, textBytes, SizeOnlyBytes);
        }
    }

    /// <summary>Keeps a living job as it stands now.</summary>
    public void Put(Job job, int textBytes)
    {
        long bytes = MemoryOf(job);
        lock (gate)
            Put(job.Key, job, textBytes, bytes);
    }

    /// <summary>Keeps the job that a chain which held has left, or forgets it where that is gone.</summary>
    public void Remember(Batch.Chain chain, Committed committed)
    {
        if (chain.LastEntry is { After.Deleted: true })
            Forget(chain.Key);
        else if (chain.LastEntry is { } last)
            Put(last.After with { Revision = committed.Revisions[last.Place] }, last.Text.LengthBytes);
        else if (chain.Basis is not null)
            Put(chain.Basis, chain.BasisText.LengthBytes);
    }

    /// <summary>Forgets all jobs.</summary>
    public void Clear()
    {
        lock (gate)
        {
            entries.Clear();
            byUse.Clear();
            memoryBytes = 0;
            clears++;
        }
    }

    /// <summary>Forgets the job.</summary>
    public void Forget(JobKey key)
    {
        lock (gate)
            Remove(key);
    }

    private long MemoryOf(Job job) => JobMemory.Of(job, jobBytesMax);

    private Entry? Find(JobKey key)
    {
        if (!entries.TryGetValue(key, out LinkedListNode<Entry>? node))
            return null;
        byUse.Remove(node);
        byUse.AddFirst(node);
        return node.Value;
    }

    private void Put(JobKey key, Job? job, int textBytes, long bytes)
    {
        Remove(key);
        Entry entry = bytes > jobBytesMax ? new Entry(key, null, textBytes, SizeOnlyBytes) : new Entry(key, job, textBytes, bytes);
        entries[key] = byUse.AddFirst(entry);
        memoryBytes += entry.MemoryBytes;
        while (memoryBytes > memoryBytesMax && byUse.Last is { } oldest)
            Remove(oldest.Value.Key);
    }

    private void Remove(JobKey key)
    {
        if (!entries.Remove(key, out LinkedListNode<Entry>? node))
            return;
        byUse.Remove(node);
        memoryBytes -= node.Value.MemoryBytes;
    }

    private sealed class Entry(JobKey key, Job? job, int textBytes, long memoryBytes)
    {
        public JobKey Key { get; } = key;

        public Job? Job { get; } = job;

        public int TextBytes { get; } = textBytes;

        public long MemoryBytes { get; } = memoryBytes;

        public bool WasAsked { get; set; }
    }
}
