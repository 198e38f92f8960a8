using EventStore.Server.Store.Reads;

namespace EventStore.Server.Store.Feed;

/// <summary>
/// The last changes, oldest first, bounded in number and bytes (a ring buffer): a watcher that reconnects soon need not read the log.
/// </summary>
/// <param name="begin">All changes behind this revision are here.</param>
/// <param name="lengthMax">The most changes.</param>
/// <param name="bytesMax">The most bytes.</param>
internal sealed class RecentChanges(long begin, int lengthMax, long bytesMax)
{
    private readonly Queue<LogEntry> changes = new();

    /// <summary>All changes behind this revision are here.</summary>
    public long Begin { get; private set; } = begin;

    /// <summary>The bytes of all changes.</summary>
    public long Bytes { get; private set; }

    /// <summary>The number of changes.</summary>
    public int Count => changes.Count;

    /// <summary>Adds a change and drops the oldest ones beyond the bounds.</summary>
    public void Add(LogEntry change)
    {
        changes.Enqueue(change);
        Bytes += change.WeightBytes;
        while (changes.Count > lengthMax || Bytes > bytesMax)
        {
            LogEntry oldest = changes.Dequeue();
            Bytes -= oldest.WeightBytes;
            Begin = oldest.Revision;
        }
    }

    /// <summary>The changes behind a revision, in order.</summary>
    public IEnumerable<LogEntry> After(long revision) => changes.Where(change => change.Revision > revision);
}
