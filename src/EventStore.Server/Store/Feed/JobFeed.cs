using System.Threading.Channels;
using EventStore.Domain.History;
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
    private readonly Channel<bool> wake = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly Primary database;
    private readonly Notifications notifications;
    private readonly ILogger<JobFeed> log;
    private readonly Fanout fanout;
    private JobLog jobs;
    private volatile string? blind;
    private long rebuilds;

    /// <summary>Makes a feed that begins to read with its first watcher.</summary>
    public JobFeed(Primary database, FeedLimits limits, Notifications notifications, ILogger<JobFeed> log)
    {
        (this.database, Limits, this.notifications, this.log) = (database, limits, notifications, log);
        (fanout, jobs) = (new Fanout(database.Epochs, limits), new JobLog(database, limits.KnownBytes));
        notifications.Committed += Wake;
        database.Epochs.Began += ReadOnIn;
    }

    /// <summary>Raised when this process or another one has committed, whether or not there are watchers.</summary>
    public event Action? Committed;

    /// <summary>The bounds and intervals.</summary>
    public FeedLimits Limits { get; }

    /// <summary>The number of watchers.</summary>
    public int Watchers => fanout.Watchers;

    /// <summary>Why the log cannot be read; null if it can, or if there are no watchers.</summary>
    public string? Trouble => Watchers > 0 ? blind : null;

    /// <summary>
    /// To be called after a commit: raises <see cref="Committed"/>, and wakes the reader of the log if there are watchers.
    /// </summary>
    public void Wake()
    {
        if (fanout.Position >= 0)
            wake.Writer.TryWrite(true);
        Committed?.Invoke();
    }

    /// <summary>
    /// Adds a watcher, which then joins. While there are watchers, the feed reads the log, from the revision at which the first one joined.
    /// </summary>
    public FeedSubscription Subscribe()
    {
        var subscription = new FeedSubscription(this);
        fanout.Add(subscription);
        Signals.Watchers.Add(1);
        return subscription;
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        notifications.Committed -= Wake;
        database.Epochs.Began -= ReadOnIn;
        base.Dispose();
    }

    internal bool Join(FeedSubscription subscription, long after, long reached)
    {
        bool hasJoined = fanout.Join(subscription, after, reached);
        wake.Writer.TryWrite(true);
        return hasJoined;
    }

    internal void Leave(FeedSubscription subscription) => Signals.Watchers.Add(fanout.Remove(subscription) ? -1 : 0);

    /// <inheritdoc cref="Fanout.Publish"/>
    internal void Publish(LogEntry change) => fanout.Publish(change);

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
                if (!DatabaseAway.Is(e))
                {
                    LogFailed(e);
                    fanout.CutOffAll(); // disconnect the watchers rather than leave them waiting
                }
                else if (blind is null) // once per outage
                {
                    LogAway(e.Message);
                }

                blind = e.Message;
                await Task.Delay(Limits.RetryPause, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private void ReadOnIn(Epoch begun) => wake.Writer.TryWrite(true);

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
        if (fanout.ForgetUnwatched())
            jobs = new JobLog(database, Limits.KnownBytes);
        return fanout.Position >= 0;
    }

    private async Task ReadOn(CancellationToken stop)
    {
        if (!IsWatched())
            return;
        if (notifications.Rebuilds is var now && now != rebuilds)
            (rebuilds, jobs) = (now, new JobLog(database, Limits.KnownBytes));
        bool first = true;
        ForgetLost();
        await foreach (LogEntry change in database.Term.Bound(jobs.Read(fanout.Position, long.MaxValue, null, stop), stop: stop))
        {
            if (Epochs.IsBetween(fanout.Position, change.Revision))
                await CheckEpoch(stop);
            Publish(change);
            if (!database.Epochs.TryNote(change.Revision))
                await CheckEpoch(stop);
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

    /// <summary>Learns which revisions were lost, before a change of another epoch is passed on.</summary>
    private async Task CheckEpoch(CancellationToken stop)
    {
        await database.CheckEpoch(stop);
        ForgetLost();
    }

    private void ForgetLost()
    {
        if (fanout.ForgetLost())
            jobs = new JobLog(database, Limits.KnownBytes);
    }

    [LoggerMessage(23, LogLevel.Warning, "The feed cannot read the log: {Reason}")]
    private partial void LogAway(string reason);

    [LoggerMessage(24, LogLevel.Error, "The feed cannot go on; everybody who watches is cut off")]
    private partial void LogFailed(Exception e);

    [LoggerMessage(39, LogLevel.Error, "The feed passes over an event: {Why}")]
    private partial void LogUnreadable(string why);
}
