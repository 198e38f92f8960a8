using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;
using EventStore.Server.Store.Reads;

namespace EventStore.Server.Store.Feed;

public sealed partial class JobFeed
{
    /// <summary>A watcher's place in the feed.</summary>
    public sealed class Subscription : IDisposable
    {
        private readonly JobFeed feed;
        private readonly Channel<JobChange> channel;
        private readonly CancellationTokenSource overrun = new();
        private bool complete = true;
        private long waitingBytes;

        internal Subscription(JobFeed feed, long position)
        {
            this.feed = feed;
            channel = Channel.CreateBounded<JobChange>(
                new BoundedChannelOptions(feed.Limits.Backlog + feed.ring.Count) { SingleReader = true, SingleWriter = true });
            Position = position;
        }

        /// <summary>
        /// The revision up to which everything has been sent here: read it first, and if nothing is left to take then, the watcher has seen
        /// everything up to it.
        /// </summary>
        public long Position
        {
            get => Volatile.Read(ref field);
            private set => Volatile.Write(ref field, value);
        }

        /// <summary>Is cancelled when the watcher is cut off.</summary>
        public CancellationToken Overrun => overrun.Token;

        /// <summary>Takes the next change, if there is one.</summary>
        public bool TryTake([NotNullWhen(true)] out JobChange? change)
        {
            if (!channel.Reader.TryRead(out change))
                return false;
            Interlocked.Add(ref waitingBytes, -change.WeightBytes);
            return true;
        }

        /// <summary>Waits for the next change; false when the watcher was cut off and nothing is left.</summary>
        public ValueTask<bool> Wait(CancellationToken stop) => channel.Reader.WaitToReadAsync(stop);

        /// <inheritdoc/>
        public void Dispose()
        {
            feed.Leave(this);
            overrun.Dispose();
        }

        /// <summary>Passes a change on, or cuts the watcher off who has too many waiting already.</summary>
        internal void Offer(JobChange change)
        {
            if (!complete)
                return;
            if (Interlocked.Read(ref waitingBytes) > feed.Limits.BacklogBytes || !Put(change))
                CutOff();
        }

        /// <summary>Passes a change on, if there is room.</summary>
        internal bool Put(JobChange change)
        {
            Interlocked.Add(ref waitingBytes, change.WeightBytes);
            return channel.Writer.TryWrite(change);
        }

        /// <summary>Everything up to this revision was offered. For one who missed some of it the place stays where it was.</summary>
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
            channel.Writer.TryComplete();
            overrun.Cancel();
        }
    }
}
