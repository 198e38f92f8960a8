namespace EventStore.Server.Store.Lane;

/// <summary>How much the commit lane may hold, and how long it may try.</summary>
public sealed record LaneLimits
{
    /// <summary>The most commands that may wait.</summary>
    public int QueueLength { get; init; } = 4096;

    /// <summary>The most bytes of request bodies that may wait.</summary>
    public long QueueBytes { get; init; } = 64 << 20;

    /// <summary>
    /// The most bytes of memory that decisions made before their turn may take. A command beyond it waits undecided, as its body only, and
    /// is decided in its turn.
    /// </summary>
    public long EarlyBytes { get; init; } = 32 << 20;

    /// <summary>The most commands of one batch.</summary>
    public int BatchLength { get; init; } = 256;

    /// <summary>
    /// The most bytes one batch reads and writes: each job's text before and after, and the events. The command that reaches it
    /// is the last.
    /// </summary>
    public long BatchBytes { get; init; } = 4 << 20;

    /// <summary>
    /// From how many bytes on a command is heavy. Heavy commands wait in a line of their own, are decided in their turn, and share no batch
    /// with the others, which so wait for one heavy batch at most.
    /// </summary>
    public int HeavyBytes { get; init; } = 256 << 10;

    /// <summary>
    /// How many bytes of memory the cache of current jobs may take (LRU). The documentation's example takes 7 KB, six times its text. For
    /// 100,000 jobs that are all patched equally often set 700 MB, and give the process as much more; with less, the job of a patch that is
    /// not in the cache is read from PostgreSQL first.
    /// </summary>
    public long CacheBytes { get; init; } = 16 << 20;

    /// <summary>How long a command waits for its job to be read before its turn; after that the lane reads it.</summary>
    public TimeSpan EarlyReadTime { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How often a command is decided before it is answered 429, if another server changes the job each time.</summary>
    public int AttemptsMax { get; init; } = 100;

    /// <summary>
    /// How often the connection may break under a command before its batch is halved, to find the command that breaks it.
    /// </summary>
    public int BreaksMax { get; init; } = 3;

    /// <summary>How long one commit may take. A batch that takes longer is halved; a single command is answered 503.</summary>
    public TimeSpan CommitTime { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How long a commit may be under way before the lane counts as stuck and <c>/readyz</c> says so.</summary>
    public TimeSpan StuckAfter { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long the lane may go on with what waits when the server ends: no setting, for it is a part of the server's own time.
    /// </summary>
    public TimeSpan StopTime { get; internal init; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// How long the lane tries to find out what became of a batch whose reply was lost, before its commands are answered 503.
    /// </summary>
    public TimeSpan LookUpTime { get; init; } = TimeSpan.FromSeconds(8);

    /// <summary>The pause between two such tries.</summary>
    public TimeSpan LookUpPause { get; init; } = TimeSpan.FromMilliseconds(100);
}
