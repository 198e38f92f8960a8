using System.Threading.Channels;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Hosts;
using EventStore.Server.Store.Reads;
using EventStore.Server.Telemetry;

namespace EventStore.Server.Store.Feed;

/// <summary>
/// Tails the log and fans it out to all watchers, in the order of revisions. One reader of the log per process: woken by this
/// process's own commits, by notifications of others' commits, and by a safety poll. Revision order is commit order, so reading on
/// behind the last revision misses nothing.
/// </summary>
/// <remarks>
/// Changes are passed on one by one through bounded queues. A slow watcher is disconnected, never waited for. Without watchers
/// nothing is read.
/// </remarks>
public sealed partial class JobFeed : BackgroundService
{
    private readonly Lock gate = new();
    private readonly Channel<bool> wake = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly Primary database;
    private readonly Notifications notifications;
    private readonly ILogger<JobFeed> log;
    private readonly List<FeedSubscription> subscriptions = [];
    private RecentChanges recent;
    private JobLog jobs;
    private long position = -1;
    private volatile string? blind;
    private long rebuilds;

    /// <summary>Makes a feed that begins to read with its first watcher.</summary>
    public JobFeed(Primary database, FeedLimits limits, Notifications notifications, ILogger<JobFeed> log)
    {
        (this.database, Limits, this.notifications, this.log) = (database, limits, notifications, log);
        (recent, jobs) = (Recent(0), new JobLog(database, limits.KnownBytes));
        notifications.Committed += Wake;
    }

    /// <summary>Is raised when this process or another one has committed, whether or not somebody watches.</summary>
    public event Action? Committed;

    /// <summary>What the feed may hold, and when it speaks.</summary>
    public FeedLimits Limits { get; }

    /// <summary>How many watch.</summary>
    public int Watchers
    {
        get
        {
            lock (gate)
                return subscriptions.Count;
        }
    }

    /// <summary>Why the log cannot be read; null when nothing is wrong. That is only known while somebody watches.</summary>
    public string? Trouble => Watchers > 0 ? blind : null;

    /// <summary>Says that something was committed. While nobody watches, nobody is woken.</summary>
    public void Wake()
    {
        if (Volatile.Read(ref position) >= 0)
            wake.Writer.TryWrite(true);
        Committed?.Invoke();
    }

    /// <summary>
    /// Announces a watcher, who then joins. As long as there is one, the feed reads on from where the first wanted to join.
    /// </summary>
    public FeedSubscription Subscribe()
    {
        var subscription = new FeedSubscription(this);
        lock (gate)
            subscriptions.Add(subscription);
        Signals.Watchers.Add(1);
        return subscription;
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        notifications.Committed -= Wake;
        base.Dispose();
    }

    internal bool Join(FeedSubscription subscription, long after, long reached)
    {
        lock (gate)
        {
            if (position < 0)
            {
                // A watcher that stands at the end of the log joins here. One that is behind catches up first, for nobody knows how many
                // bytes it lacks; when it comes back it lacks what is in the ring, whose bytes are bounded. While others write it would
                // always be a little behind.
                (position, recent) = (reached, Recent(reached));
                wake.Writer.TryWrite(true);
            }

            if (after < recent.Begin)
                return false;
            subscription.Open(position, recent, after);
            wake.Writer.TryWrite(true);
            return true;
        }
    }

    internal void Leave(FeedSubscription subscription)
    {
        lock (gate)
            Signals.Watchers.Add(subscriptions.Remove(subscription) ? -1 : 0);
    }

    /// <summary>
    /// Passes one change on to every watcher. The position moves last: a watcher that reads the new position and then finds its queue empty
    /// has been sent everything up to it.
    /// </summary>
    internal void Publish(LogEntry change)
    {
        change.Print(); // once, before many watchers need it
        lock (gate)
        {
            recent.Add(change);
            foreach (FeedSubscription subscription in subscriptions)
                subscription.Offer(change);
            position = change.Revision;
            foreach (FeedSubscription subscription in subscriptions)
                subscription.Reach(position);
        }
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await WaitForWork(stoppingToken);
                await ReadOn(stoppingToken);
                blind = null;
            }
            catch (Exception) when (stoppingToken.IsCancellationRequested)
            {
                break;
            }
            catch (PrimaryChangedException)
            {
                jobs = new JobLog(database, Limits.KnownBytes); // the other may still be reading
                wake.Writer.TryWrite(true);
            }
            catch (Exception e)
            {
                blind = e.Message;
                if (DatabaseAway.Is(e))
                {
                    LogAway(e.Message);
                }
                else
                {
                    LogFailed(e);
                    CutOffAll(); // disconnect the watchers rather than leave them waiting
                }

                await Task.Delay(Limits.RetryPause, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private RecentChanges Recent(long begin) => new(begin, Limits.RingLength, Limits.RingBytes);

    private async Task WaitForWork(CancellationToken stop)
    {
        using var poll = CancellationTokenSource.CreateLinkedTokenSource(stop);
        poll.CancelAfter(IsWatched() ? Limits.SafetyPoll : Timeout.InfiniteTimeSpan);
        try
        {
            await wake.Reader.ReadAsync(poll.Token);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            // The safety poll.
        }
    }

    private bool IsWatched()
    {
        lock (gate)
        {
            if (subscriptions.Count == 0 && position >= 0)
            {
                // Without watchers no state is kept: the next watcher determines where the feed begins.
                (position, recent) = (-1, Recent(0));
                jobs = new JobLog(database, Limits.KnownBytes);
            }

            return position >= 0;
        }
    }

    private async Task ReadOn(CancellationToken stop)
    {
        if (!IsWatched())
            return;
        if (notifications.Rebuilds is var now && now != rebuilds)
            (rebuilds, jobs) = (now, new JobLog(database, Limits.KnownBytes));
        bool first = true;
        await foreach (LogEntry change in database.Term.Bound(jobs.Read(position, long.MaxValue, null, stop), stop))
        {
            Publish(change);
            if (first)
                Signals.FeedLag.Record(Math.Max(0, (DateTimeOffset.UtcNow - change.Time).TotalSeconds));
            first = false;
            if (change is UnreadableEvent unreadable)
            {
                Signals.Unreadable.Add(1);
                LogUnreadable(unreadable.Why);
            }
        }
    }

    private void CutOffAll()
    {
        lock (gate)
        {
            foreach (FeedSubscription subscription in subscriptions)
                subscription.CutOff();
        }
    }

    [LoggerMessage(23, LogLevel.Warning, "The feed cannot read the log: {Reason}")]
    private partial void LogAway(string reason);

    [LoggerMessage(24, LogLevel.Error, "The feed cannot go on; everybody who watches is cut off")]
    private partial void LogFailed(Exception e);

    [LoggerMessage(39, LogLevel.Error, "The feed passes over an event: {Why}")]
    private partial void LogUnreadable(string why);
}
