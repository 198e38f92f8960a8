using System.Threading.Channels;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Reads;
using EventStore.Server.Telemetry;
using Npgsql;

namespace EventStore.Server.Store.Feed;

/// <summary>
/// Everything that happens, in order, to everybody who watches. One reader of the log per process: woken by this process's own commits,
/// by a notification of another's, and by a safety poll. Because revision order is commit order, reading on behind the last revision
/// misses nothing.
/// </summary>
/// <remarks>
/// Changes go out through bounded channels. A watcher that cannot keep up is cut off, never waited for: it comes back with the revision it
/// saw last, and goes on from there. While nobody watches, nothing is read.
/// </remarks>
public sealed partial class JobFeed(NpgsqlDataSource database, FeedLimits limits, ILogger<JobFeed> log) : BackgroundService
{
    private readonly Lock gate = new();
    private readonly Channel<bool> wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly Queue<JobChange> ring = new();
    private readonly List<Subscription> subscriptions = [];
    private JobLog jobs = new(limits.KnownJobs);
    private long position = -1;
    private long ringBegin;
    private long ringBytes;
    private volatile string? blind;
    private long known;

    /// <summary>What the feed may hold, and when it speaks.</summary>
    public FeedLimits Limits => limits;

    /// <summary>How many watch.</summary>
    public int Watchers
    {
        get
        {
            lock (gate)
                return subscriptions.Count;
        }
    }

    /// <summary>
    /// Why those who watch may wait in vain, or late; null when nothing is wrong. Whether the log can be read is only known while somebody
    /// watches.
    /// </summary>
    public string? Trouble => deaf ?? (Watchers > 0 ? blind : null);

    /// <summary>Says that something was committed. While nobody watches, nobody is woken.</summary>
    public void Wake()
    {
        if (Volatile.Read(ref position) >= 0)
            wake.Writer.TryWrite(true);
    }

    /// <summary>
    /// Joins a watcher who has seen everything up to a revision. Null when the recent changes at hand do not reach back so far: then the
    /// changes up to <paramref name="reached"/> are to be read from the log first.
    /// </summary>
    /// <param name="after">The last revision the watcher has seen.</param>
    /// <param name="reached">A revision the log has reached for certain.</param>
    public Subscription? Join(long after, long reached)
    {
        lock (gate)
        {
            if (position < 0 && reached - after <= limits.Backlog / 2)
            {
                // The first watcher since nobody watched: the feed starts where that one stands. It need not be where the log ends, for
                // while others write, whoever has caught up is a little behind again.
                (position, ringBegin) = (after, after);
            }

            if (position < 0 || after < ringBegin)
                return null;
            var subscription = new Subscription(this, position);
            foreach (JobChange change in ring)
            {
                if (change.Revision > after)
                    subscription.Put(change);
            }

            subscriptions.Add(subscription);
            Signals.Watchers.Add(1);
            Wake();
            return subscription;
        }
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        Task listening = Listen(stoppingToken);
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await WaitForWork(stoppingToken);
                await ReadOn(stoppingToken);
                blind = null;
            }
            catch (Exception e) when (DatabaseAway.Is(e))
            {
                LogAway(blind = e.Message);
                await Task.Delay(limits.RetryPause, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                break;
            }
            catch (Exception e)
            {
                // An event this release cannot read, of a newer one beside it perhaps. Watchers must not wait in silence; writes go on.
                LogFailed(e);
                blind = e.Message;
                CutOffAll();
                await Task.Delay(limits.RetryPause, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        await listening;
    }

    private async Task WaitForWork(CancellationToken stop)
    {
        using var poll = CancellationTokenSource.CreateLinkedTokenSource(stop);
        poll.CancelAfter(IsWatched() ? limits.SafetyPoll : Timeout.InfiniteTimeSpan);
        try
        {
            await wake.Reader.ReadAsync(poll.Token);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            // Nobody called for a while: look all the same.
        }
    }

    private bool IsWatched()
    {
        lock (gate)
        {
            if (subscriptions.Count == 0 && position >= 0)
                Rest();
            return position >= 0;
        }
    }

    /// <summary>Nobody watches: what is remembered serves nobody, for the next who comes says where the feed begins.</summary>
    private void Rest()
    {
        (position, ringBytes) = (-1, 0);
        ring.Clear();
        ring.TrimExcess();
        jobs = new JobLog(limits.KnownJobs);
    }

    private async Task ReadOn(CancellationToken stop)
    {
        if (!IsWatched())
            return;
        await using NpgsqlConnection connection = await database.OpenConnectionAsync(stop);
        if (Rebuilds is var now && now != known)
            (known, jobs) = (now, new JobLog(limits.KnownJobs));
        while (true)
        {
            List<JobChange> changes = await jobs.Read(connection, position, long.MaxValue, null, stop);
            Publish(changes);
            if (changes.Count < JobLog.PageLength)
                return;
        }
    }

    private void Publish(List<JobChange> changes)
    {
        if (changes.Count == 0)
            return;
        foreach (JobChange change in changes)
            change.Print();
        lock (gate)
        {
            foreach (JobChange change in changes)
            {
                ring.Enqueue(change);
                ringBytes += change.WeightBytes;
                foreach (Subscription subscription in subscriptions)
                    subscription.Offer(change);
            }

            // Only now: a watcher who reads this position and then finds its channel empty has been sent everything up to it.
            position = changes[^1].Revision;
            Signals.FeedLag.Record(Math.Max(0, (DateTimeOffset.UtcNow - changes[0].Time).TotalSeconds));
            foreach (Subscription subscription in subscriptions)
                subscription.Reach(position);
            while (ring.Count > limits.RingLength || ringBytes > limits.RingBytes)
            {
                JobChange oldest = ring.Dequeue();
                ringBytes -= oldest.WeightBytes;
                ringBegin = oldest.Revision;
            }
        }
    }

    private void CutOffAll()
    {
        lock (gate)
        {
            foreach (Subscription subscription in subscriptions)
                subscription.CutOff();
        }
    }

    private void Leave(Subscription subscription)
    {
        lock (gate)
            Signals.Watchers.Add(subscriptions.Remove(subscription) ? -1 : 0);
    }

    [LoggerMessage(23, LogLevel.Warning, "The feed cannot read the log: {Reason}")]
    private partial void LogAway(string reason);

    [LoggerMessage(24, LogLevel.Error, "The feed cannot go on; everybody who watches is cut off")]
    private partial void LogFailed(Exception e);
}
