namespace EventStore.Server.Store.Feed;

/// <summary>What the feed may hold, and when it speaks: the settings of the section <c>Feed</c>.</summary>
public sealed record FeedLimits
{
    /// <summary>How many recent changes are kept for watchers that come back.</summary>
    public int RingLength { get; init; } = 4096;

    /// <summary>How many bytes they may have: the printed jobs and the events.</summary>
    public long RingBytes { get; init; } = 24 << 20;

    /// <summary>How many changes may wait for one watcher before it is cut off.</summary>
    public int Backlog { get; init; } = 4096;

    /// <summary>
    /// How many bytes may wait for one watcher. The queues of all watchers hold the same objects, so this is also about what all of
    /// them hold together.
    /// </summary>
    public long BacklogBytes { get; init; } = 48 << 20;

    /// <summary>
    /// How many bytes of jobs the feed remembers (LRU), counted as they are printed; parsed they take about five times as much. The next
    /// change of a job it does not remember costs a read.
    /// </summary>
    public long KnownBytes { get; init; } = 8 << 20;

    /// <summary>
    /// How many watchers may read the log at once to catch up; the others wait for their turn. Each of them holds a page of events and at
    /// least one job.
    /// </summary>
    public int CatchUpsAtOnce { get; init; } = 4;

    /// <summary>How long the feed waits for a notification before it looks at the log anyway.</summary>
    public TimeSpan SafetyPoll { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>How often a watcher that understands bookmarks is sent one.</summary>
    public TimeSpan BookmarkEvery { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>The pause before the database is asked again after it was found away.</summary>
    public TimeSpan RetryPause { get; init; } = TimeSpan.FromMilliseconds(500);
}
