using EventStore.Server.Store.Reads;

namespace EventStore.Server.Store.Feed;

/// <summary>
/// The last changes, oldest first, bounded in number and bytes: a watcher that comes back soon goes on from here without a read of the log.
/// </summary>
/// <param name="begin">The revision behind which nothing is missing here.</param>
/// <param name="lengthMax">The most changes.</param>
/// <param name="bytesMax">The most bytes.</param>
internal sealed class RecentChanges(long begin, int lengthMax, long bytesMax)
{
    private readonly Queue<LogEntry> changes = new();

    /// <summary>The revision behind which nothing is missing here.</summary>
    public long Begin { get; private set; } = begin;

    /// <summary>How many bytes are held.</summary>
    public long Bytes { get; private set; }

    /// <summary>How many changes are held.</summary>
    public int Count => changes.Count;

    /// <summary>Adds a change and lets the oldest ones go that are beyond the bounds.</summary>
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

    /// <summary>Those behind a revision, in order.</summary>
    public IEnumerable<LogEntry> After(long revision) => changes.Where(change => change.Revision > revision);
}
