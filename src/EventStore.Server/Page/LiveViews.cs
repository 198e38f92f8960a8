using EventStore.Server.Store.Feed;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.History;
using EventStore.Server.Store.Reads;

namespace EventStore.Server.Page;

/// <summary>
/// Notifies the open pages of changes: one reader for all of them, however many there are. It reads what was changed, not to what:
/// a page that may look different is loaded again, and the server then knows whether it does (<see cref="LiveFragments"/>).
/// </summary>
/// <remarks>
/// A change after a pause is told at once. Changes that come close together are told of together: the more pages there are, the longer the
/// pause between two notices, so that looking costs those who write little. While more is changed than anybody can read it is longer still.
/// </remarks>
internal sealed partial class LiveViews : BackgroundService
{
    /// <summary>How many changes are looked at one by one; of more at once everybody is told.</summary>
    internal const int ReadMax = 1_000;

    private const int Readable = 50; // the rows of a page
    private const int CrowdedTimes = 4;

    private static readonly TimeSpan PauseMin = TimeSpan.FromMilliseconds(50), PauseMax = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan PauseOfOne = TimeSpan.FromMilliseconds(8);

    private readonly JobReads reads;
    private readonly RevisionReads revisions;
    private readonly FeedLimits limits;
    private readonly JobFeed feed;
    private readonly ILogger<LiveViews> log;
    private readonly Lock gate = new();
    private readonly SemaphoreSlim committed = new(0, 1);
    private readonly Dictionary<string, LiveView> views = [];
    private long position = -1;
    private int streams;

    /// <summary>Begins with the first page.</summary>
    public LiveViews(JobReads reads, RevisionReads revisions, FeedLimits limits, JobFeed feed, ILogger<LiveViews> log)
    {
        (this.reads, this.revisions, this.limits, this.feed, this.log) = (reads, revisions, limits, feed, log);
        feed.Committed += Wake;
    }

    /// <summary>The shortest time between two notices (throttling).</summary>
    /// <param name="streams">How many pages are open.</param>
    /// <param name="changes">How many changes there were since the notice before.</param>
    internal static TimeSpan PauseOf(int streams, int changes) => TimeSpan.FromTicks(
        Math.Clamp(PauseOfOne.Ticks * streams * (changes > Readable ? CrowdedTimes : 1), PauseMin.Ticks, PauseMax.Ticks));

    /// <summary>
    /// Joins the pages that show the same, or opens the first of them. A page that joins is told of every change after the head.
    /// </summary>
    /// <param name="name">What tells this view from others.</param>
    /// <param name="concerns">Whether a change may concern it.</param>
    /// <param name="head">A revision the log has certainly reached.</param>
    public LiveView Join(string name, Func<ChangedJob, bool> concerns, long head)
    {
        lock (gate)
        {
            if (!views.TryGetValue(name, out LiveView? view))
                views.Add(name, view = new LiveView(name, concerns));
            view.Streams++;
            streams++;
            if (position < 0)
                position = head;
            Wake();
            return view;
        }
    }

    /// <summary>Leaves them.</summary>
    public void Leave(LiveView view)
    {
        lock (gate)
        {
            streams--;
            if (--view.Streams == 0)
                views.Remove(view.Name);
            if (streams == 0)
                position = -1;
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        feed.Committed -= Wake;
        committed.Dispose();
        base.Dispose();
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        bool hasLoggedAway = false;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await committed.WaitAsync(Volatile.Read(ref streams) > 0 ? limits.SafetyPoll : Timeout.InfiniteTimeSpan, stoppingToken);
                int changes = await ReadOn(stoppingToken);
                hasLoggedAway = false;
                await Task.Delay(changes > 0 ? PauseOf(Volatile.Read(ref streams), changes) : PauseMin, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                bool isAway = DatabaseAway.Is(e);
                if (!isAway)
                    LogFailed(e);
                else if (!hasLoggedAway)
                    LogAway(e.Message);
                hasLoggedAway = isAway;
                await Task.Delay(limits.RetryPause, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>Notifies the views that new changes may concern. The number of changes; 0 if no view was notified.</summary>
    private async Task<int> ReadOn(CancellationToken stop)
    {
        (long behind, LiveView[] open) = Open();
        if (open.Length == 0)
            return 0;
        (IReadOnlyList<ChangedJob> changes, long reached) = await Read(behind, stop);
        bool isNotified = false;
        foreach (LiveView view in open)
        {
            if ((changes.Count >= ReadMax ? reached : changes.LastOrDefault(view.Concerns).Revision) is > 0 and var last)
            {
                view.Notify(last);
                isNotified = true;
            }
        }

        lock (gate)
            position = position == behind ? reached : position; // else all left, and others came
        return isNotified ? changes.Count : 0;
    }

    private async Task<(IReadOnlyList<ChangedJob> Changes, long Reached)> Read(long behind, CancellationToken stop)
    {
        IReadOnlyList<ChangedJob> changes = await revisions.Changed(behind, ReadMax, stop);
        return (changes, changes.Count >= ReadMax ? await reads.Head(stop) : changes.Count == 0 ? behind : changes[^1].Revision);
    }

    private (long Behind, LiveView[] Open) Open()
    {
        lock (gate)
            return (position, [.. views.Values]);
    }

    private void Wake()
    {
        try
        {
            if (Volatile.Read(ref streams) > 0 && committed.CurrentCount == 0)
                committed.Release();
        }
        catch (SemaphoreFullException)
        {
            // Somebody else was faster.
        }
    }

    [LoggerMessage(80, LogLevel.Warning, "Open pages are not told of changes, for the log cannot be read: {Reason}")]
    private partial void LogAway(string reason);

    [LoggerMessage(81, LogLevel.Error, "Open pages cannot be told of changes")]
    private partial void LogFailed(Exception e);
}
