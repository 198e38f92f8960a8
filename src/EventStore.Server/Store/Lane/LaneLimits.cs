namespace EventStore.Server.Store.Lane;

/// <summary>The bounds and time limits of the commit lane: the settings of the section <c>Lane</c>.</summary>
public sealed record LaneLimits
{
    /// <summary>The most changes of all users that may wait (429).</summary>
    public int QueueLength { get; init; } = 4096;

    /// <summary>The most bytes of the request bodies of all waiting changes (429).</summary>
    public long QueueBytes { get; init; } = 64 << 20;

    /// <summary>
    /// The most bytes of memory for decisions made on the requests' threads. Beyond it a change waits undecided and is decided by the lane.
    /// </summary>
    public long EarlyBytes { get; init; } = 32 << 20;

    /// <summary>The most changes in one batch.</summary>
    public int BatchLength { get; init; } = 256;

    /// <summary>
    /// The most bytes that a batch reads and writes: each job's text before and after, and the events. The change that reaches this is the
    /// batch's last.
    /// </summary>
    public long BatchBytes { get; init; } = 4 << 20;

    /// <summary>
    /// The size, in the same bytes, from which a change is heavy. Heavy changes have a queue and batches of their own, so that
    /// others wait for one heavy batch at most.
    /// </summary>
    public int HeavyBytes { get; init; } = 256 << 10;

    /// <summary>
    /// The most bytes of memory for the LRU cache of current jobs. The documentation's example takes 7 KB, six times its text. For
    /// 100,000 jobs that are all patched equally often set 700 MB, and give the process as much more; with less, the job of a patch that is
    /// not in the cache is read from PostgreSQL first.
    /// </summary>
    public long CacheBytes { get; init; } = 16 << 20;

    /// <summary>How long a change waits for the early read of its job, on its request's thread; after that the lane reads it.</summary>
    public TimeSpan EarlyReadTime { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How often a change is decided before it is refused (429), if another server changes the job each time.</summary>
    public int AttemptsMax { get; init; } = 100;

    /// <summary>How often the connection may break during a batch before the batch is halved, to find the change that breaks it.</summary>
    public int BreaksMax { get; init; } = 3;

    /// <summary>How long a commit may take. A batch that takes longer is halved; a single change is answered 503.</summary>
    public TimeSpan CommitTime { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How long a commit, a read or a decision of the lane may be under way before <c>/readyz</c> fails.</summary>
    public TimeSpan StuckAfter { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long the lane may commit its queue during a shutdown: a part of <c>Stop:Time</c> and no setting of its own.</summary>
    public TimeSpan StopTime { get; internal init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long the lane looks up whether a batch was committed whose reply was lost; then its changes are answered 503.</summary>
    public TimeSpan LookUpTime { get; init; } = TimeSpan.FromSeconds(8);

    /// <summary>The pause between two such look-ups.</summary>
    public TimeSpan LookUpPause { get; init; } = TimeSpan.FromMilliseconds(100);
}
