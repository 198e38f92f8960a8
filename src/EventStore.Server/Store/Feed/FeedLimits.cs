using EventStore.Server.Store.Reads;

namespace EventStore.Server.Store.Feed;

/// <summary>What the feed may hold, and when it speaks: the settings of the section <c>Feed</c>.</summary>
public sealed record FeedLimits
{
    /// <summary>How many recent changes are kept for those who come back.</summary>
    public int RingLength { get; init; } = 4096;

    /// <summary>How many bytes of objects they may hold.</summary>
    public long RingBytes { get; init; } = 64 << 20;

    /// <summary>
    /// How many changes may wait for one watcher before it is cut off. Several of the feed's readings of the log: after a pause it passes on
    /// whole readings at once, and who takes them as they come is not slow.
    /// </summary>
    public int Backlog { get; init; } = 4 * JobLog.PageLength;

    /// <summary>How many bytes of objects may wait for one watcher.</summary>
    public long BacklogBytes { get; init; } = 128 << 20;

    /// <summary>How many jobs are remembered for folding.</summary>
    public int KnownJobs { get; init; } = 20_000;

    /// <summary>How long nothing may be heard before the log is looked at all the same.</summary>
    public TimeSpan SafetyPoll { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>How often a watcher that understands bookmarks is sent one.</summary>
    public TimeSpan BookmarkEvery { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>The pause after the database was found away.</summary>
    public TimeSpan RetryPause { get; init; } = TimeSpan.FromMilliseconds(500);
}
