using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;
using EventStore.Server.Store.Reads;

namespace EventStore.Server.Store.Feed;

/// <summary>
/// One watcher's queue of changes, bounded in number and bytes. There is no back-pressure on the feed: a watcher whose queue is
/// full is disconnected. It reconnects with the last revision it saw.
/// </summary>
public sealed class FeedSubscription : IDisposable
{
    private readonly JobFeed feed;
    private readonly CancellationTokenSource overrun = new();
    private Channel<LogEntry>? queue; // none before it has joined
    private bool complete = true;
    private long waitingBytes;
    private long joined;
    private long lostWith;

    internal FeedSubscription(JobFeed feed) => this.feed = feed;

    /// <summary>
    /// The revision up to which all changes have been queued. A watcher that reads it first and then empties the queue has seen
    /// everything up to it.
    /// </summary>
    public long Position
    {
        get => Volatile.Read(ref field);
        private set => Volatile.Write(ref field, value);
    }

    /// <summary>The last revision it has been sent, or that it had seen when it joined.</summary>
    internal long Latest => Math.Max(joined, Position);

    /// <summary>
    /// The epoch in which a change that the watcher has seen was lost; null if none was. The watch then ends with 410.
    /// </summary>
    public long? LostWith => Interlocked.Read(ref lostWith) is > 0 and var epoch ? epoch : null;

    /// <summary>Cancelled when the watcher is disconnected because its queue is full.</summary>
    public CancellationToken Overrun => overrun.Token;

    /// <summary>Whether it was cut off because it did not keep up.</summary>
    public bool IsSlow { get; private set; }

    /// <summary>The bytes in the queue.</summary>
    public long WaitingBytes => Interlocked.Read(ref waitingBytes);

    /// <summary>
    /// Joins the feed; from then on every change comes into the queue. False when the feed no longer has all changes behind the last one
    /// seen: then the watcher reads them from the log, up to <paramref name="reached"/> at least, and tries again. Meanwhile the feed keeps
    /// newer changes, within its bounds of number and bytes.
    /// </summary>
    /// <param name="after">The last revision the watcher has seen.</param>
    /// <param name="reached">A revision the log has certainly reached.</param>
    public bool Join(long after, long reached) => feed.Join(this, after, reached);

    /// <summary>Takes the next change, if there is one.</summary>
    public bool TryTake([NotNullWhen(true)] out LogEntry? change)
    {
        if (!queue!.Reader.TryRead(out change))
            return false;
        Interlocked.Add(ref waitingBytes, -change.WeightBytes);
        return true;
    }

    /// <summary>Waits for the next change; false if the watcher was disconnected and the queue is empty.</summary>
    public ValueTask<bool> Wait(CancellationToken stop) => queue!.Reader.WaitToReadAsync(stop);

    /// <inheritdoc/>
    public void Dispose()
    {
        feed.Leave(this);
        overrun.Dispose();
    }

    /// <summary>Opens the queue, with the recent changes that the feed keeps.</summary>
    internal void Open(long position, RecentChanges recent, long after)
    {
        queue = Channel.CreateBounded<LogEntry>(
            new BoundedChannelOptions(feed.Limits.Backlog + recent.Count) { SingleReader = true, SingleWriter = true });
        foreach (LogEntry change in recent.After(after))
            Put(change);
        (joined, Position) = (after, position);
    }

    /// <summary>Ends the subscription, because a change that the watcher has seen was lost.</summary>
    internal void Expire(long epoch)
    {
        Interlocked.Exchange(ref lostWith, epoch);
        complete = false;
        (queue ??= Channel.CreateBounded<LogEntry>(1)).Writer.TryComplete();
    }

    /// <summary>Queues a change for a watcher that has joined, or disconnects it if the queue is full.</summary>
    internal void Offer(LogEntry change)
    {
        if (queue is not null && complete && (WaitingBytes > feed.Limits.BacklogBytes || !Put(change)))
        {
            IsSlow = true;
            CutOff();
        }
    }

    /// <summary>Sets the position: everything up to this revision was offered. The position of a disconnected watcher stays.</summary>
    internal void Reach(long position)
    {
        if (queue is not null && complete)
            Position = position;
    }

    internal void CutOff()
    {
        if (queue is null || !complete)
            return;
        complete = false;
        queue.Writer.TryComplete();
        _ = overrun.CancelAsync(); // what that brings about must not hold up those who keep up
    }

    private bool Put(LogEntry change)
    {
        Interlocked.Add(ref waitingBytes, change.WeightBytes);
        return queue!.Writer.TryWrite(change);
    }
}
