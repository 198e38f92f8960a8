using System.Threading.Channels;

namespace EventStore.Server.Store;

public sealed partial class JobFeed
{
    /// <summary>A watcher's place in the feed.</summary>
    public sealed class Subscription : IDisposable
    {
        private readonly JobFeed feed;
        private readonly Channel<JobChange> channel;
        private readonly CancellationTokenSource overrun = new();

        internal Subscription(JobFeed feed, int backlog, long position)
        {
            this.feed = feed;
            channel = Channel.CreateBounded<JobChange>(new BoundedChannelOptions(backlog + feed.ring.Count) { SingleReader = true, SingleWriter = true });
            Position = position;
        }

        /// <summary>The changes, in order. It completes when the watcher could not keep up.</summary>
        public ChannelReader<JobChange> Changes => channel.Reader;

        /// <summary>
        /// The revision up to which everything has been put into <see cref="Changes"/>: read it first, and if nothing is left there then, the
        /// watcher has seen everything up to it.
        /// </summary>
        public long Position
        {
            get => Volatile.Read(ref field);
            internal set => Volatile.Write(ref field, value);
        }

        /// <summary>Is cancelled when the watcher could not keep up.</summary>
        public CancellationToken Overrun => overrun.Token;

        /// <inheritdoc/>
        public void Dispose()
        {
            feed.Leave(this);
            overrun.Dispose();
        }

        internal void Offer(JobChange change)
        {
            if (!channel.Writer.TryWrite(change) && channel.Writer.TryComplete())
                overrun.Cancel();
        }
    }
}
