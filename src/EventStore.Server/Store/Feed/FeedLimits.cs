namespace EventStore.Server.Store.Feed;

/// <summary>The bounds and intervals of the feed: the settings of the section <c>Feed</c>.</summary>
public sealed record FeedLimits
{
    /// <summary>How many recent changes are kept in memory for watchers that reconnect.</summary>
    public int RingLength { get; init; } = 4096;

    /// <summary>The most bytes of these changes, as JSON.</summary>
    public long RingBytes { get; init; } = 24 << 20;

    /// <summary>How many changes may wait for a slow watcher before it is disconnected.</summary>
    public int Backlog { get; init; } = 4096;

    /// <summary>
    /// How many bytes may wait for a slow watcher before it is disconnected. All queues share the same objects, so all of them
    /// together hold about as much.
    /// </summary>
    public long BacklogBytes { get; init; } = 48 << 20;

    /// <summary>
    /// The most bytes of the feed's LRU cache of jobs, as JSON; parsed they take about five times as much. A change of a job that
    /// is not in it costs a read.
    /// </summary>
    public long KnownBytes { get; init; } = 8 << 20;

    /// <summary>
    /// How many watches may read the log at once to catch up; the others wait. Each holds a page of events and at least one job.
    /// </summary>
    public int CatchUpsAtOnce { get; init; } = 2;

    /// <summary>How long the feed waits for a notification before it polls the log.</summary>
    public TimeSpan SafetyPoll { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>How often a watch that takes bookmarks is sent one.</summary>
    public TimeSpan BookmarkEvery { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>
    /// How often a watch over a WebSocket is sent a ping, and how long its client may take to answer. Nothing else ends the watch of one
    /// that has stopped reading.
    /// </summary>
    public TimeSpan PingEvery { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The pause before the feed tries again after the database was away.</summary>
    public TimeSpan RetryPause { get; init; } = TimeSpan.FromMilliseconds(500);
}
