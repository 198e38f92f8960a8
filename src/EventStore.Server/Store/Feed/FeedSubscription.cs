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
    private readonly Channel<LogEntry> queue;
    private readonly CancellationTokenSource overrun = new();
    private bool complete = true;
    private long waitingBytes;

    internal FeedSubscription(JobFeed feed, long position, int length)
    {
        this.feed = feed;
        queue = Channel.CreateBounded<LogEntry>(new BoundedChannelOptions(length) { SingleReader = true, SingleWriter = true });
        Position = position;
    }

    /// <summary>
    /// The revision up to which all changes have been queued. A watcher that reads it first and then empties the queue has seen
    /// everything up to it.
    /// </summary>
    public long Position
    {
        get => Volatile.Read(ref field);
        private set => Volatile.Write(ref field, value);
    }

    /// <summary>Is cancelled when the watcher is cut off.</summary>
    public CancellationToken Overrun => overrun.Token;

    /// <summary>How many bytes wait in the queue.</summary>
    public long WaitingBytes => Interlocked.Read(ref waitingBytes);

    /// <summary>Takes the next change, if there is one.</summary>
    public bool TryTake([NotNullWhen(true)] out LogEntry? change)
    {
        if (!queue.Reader.TryRead(out change))
            return false;
        Interlocked.Add(ref waitingBytes, -change.WeightBytes);
        return true;
    }

    /// <summary>Waits for the next change; false when the watcher was cut off and nothing is left.</summary>
    public ValueTask<bool> Wait(CancellationToken stop) => queue.Reader.WaitToReadAsync(stop);

    /// <inheritdoc/>
    public void Dispose()
    {
        feed.Leave(this);
        overrun.Dispose();
    }

    /// <summary>Puts a change into the queue, or cuts the watcher off when the queue is full.</summary>
    internal void Offer(LogEntry change)
    {
        if (complete && (WaitingBytes > feed.Limits.BacklogBytes || !Put(change)))
            CutOff();
    }

    /// <summary>Puts a change into the queue, if there is room.</summary>
    internal bool Put(LogEntry change)
    {
        Interlocked.Add(ref waitingBytes, change.WeightBytes);
        return queue.Writer.TryWrite(change);
    }

    /// <summary>Says that everything up to this revision was offered. The position of a watcher that was cut off stays.</summary>
    internal void Reach(long position)
    {
        if (complete)
            Position = position;
    }

    internal void CutOff()
    {
        if (!complete)
            return;
        complete = false;
        queue.Writer.TryComplete();
        overrun.Cancel();
    }
}
