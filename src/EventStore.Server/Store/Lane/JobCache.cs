using System.Diagnostics.CodeAnalysis;
using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;

namespace EventStore.Server.Store.Lane;

/// <summary>
/// An LRU cache of current jobs, bounded by the memory they take. It has only living jobs: whether a name is free is always read
/// from the database. Of a job too large, which would evict hundreds of others, only the size is cached.
/// </summary>
/// <param name="memoryBytesMax">The most bytes of memory for all jobs together.</param>
internal sealed class JobCache(long memoryBytesMax)
{
    private const int JobsAtLeast = 16; // at least so many jobs fit: a larger one is not cached
    private const int SizeOnlyBytes = 200;

    private readonly long jobBytesMax = memoryBytesMax / JobsAtLeast;
    private readonly Lock gate = new();
    private readonly LruByBytes<JobKey, Entry> entries = new(memoryBytesMax);
    private int clears;

    /// <summary>How often the cache was cleared.</summary>
    public int Clears => Volatile.Read(ref clears);

    /// <summary>The job, if it is in the cache.</summary>
    public bool TryGet(JobKey key, [NotNullWhen(true)] out Job? job)
    {
        lock (gate)
            job = entries.Use(key)?.Job;
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
            if (entries.Use(key) is { WasAsked: false } entry)
            {
                entry.WasAsked = true;
                job = entry.Job;
            }
        }

        return job is not null;
    }

    /// <summary>The length of the job's text in bytes; null if the cache has neither the job nor its size.</summary>
    public int? TextBytes(JobKey key)
    {
        lock (gate)
            return entries.Peek(key)?.TextBytes;
    }

    /// <summary>Adds a living job that was read, unless the cache has a newer version or was cleared since.</summary>
    /// <param name="job">The job.</param>
    /// <param name="textBytes">How many bytes its text has.</param>
    /// <param name="clearsBefore">The value of <see cref="Clears"/> before it was read.</param>
    public void Add(Job job, int textBytes, int clearsBefore)
    {
        long bytes = MemoryOf(job);
        lock (gate)
        {
            if (clears == clearsBefore && entries.Peek(job.Key) is null)
                Put(job, textBytes, bytes);
        }
    }

    /// <summary>Adds the size of a job that was not read because it is large.</summary>
    public void AddSize(JobKey key, int textBytes)
    {
        lock (gate)
        {
            if (entries.Peek(key) is null)
                entries.Put(key, new Entry(null, textBytes), SizeOnlyBytes);
        }
    }

    /// <summary>Puts the current state of a living job.</summary>
    public void Put(Job job, int textBytes)
    {
        long bytes = MemoryOf(job);
        lock (gate)
            Put(job, textBytes, bytes);
    }

    /// <summary>Puts the job as the committed commands of its key left it, or removes it if they deleted it.</summary>
    public void Remember(Batch.KeyCommands commands, Committed committed)
    {
        if (commands.LastEntry is { After.Deleted: true })
            Forget(commands.Key);
        else if (commands.LastEntry is { } last)
            Put(last.After with { Revision = committed.Revisions[last.Place] }, last.Text.LengthBytes);
        else if (commands.Basis is not null)
            Put(commands.Basis, commands.BasisText.LengthBytes);
    }

    /// <summary>Removes all jobs.</summary>
    public void Clear()
    {
        lock (gate)
        {
            entries.Clear();
            clears++;
        }
    }

    /// <summary>Removes the job.</summary>
    public void Forget(JobKey key)
    {
        lock (gate)
            entries.Remove(key);
    }

    private long MemoryOf(Job job) => JobMemory.Of(job, jobBytesMax);

    private void Put(Job job, int textBytes, long bytes)
    {
        bool isLarge = bytes > jobBytesMax;
        entries.Put(job.Key, new Entry(isLarge ? null : job, textBytes), isLarge ? SizeOnlyBytes : bytes);
    }

    private sealed class Entry(Job? job, int textBytes)
    {
        public Job? Job { get; } = job;

        public int TextBytes { get; } = textBytes;

        public bool WasAsked { get; set; }
    }
}
