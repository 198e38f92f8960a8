namespace EventStore.Server.Store.Lane;

/// <summary>What the commit lane may hold and how long it may try.</summary>
public sealed record LaneLimits
{
    /// <summary>The most commands that may wait.</summary>
    public int QueueLength { get; init; } = 4096;

    /// <summary>The most bytes of requests that may wait.</summary>
    public long QueueBytes { get; init; } = 64 << 20;

    /// <summary>The most commands of one batch.</summary>
    public int BatchLength { get; init; } = 256;

    /// <summary>The most bytes of requests in one batch; the request that reaches it is the last.</summary>
    public long BatchBytes { get; init; } = 4 << 20;

    /// <summary>
    /// How many bytes of current jobs, as text, are kept at hand. As objects, which is how they are kept, they take as much if they are alike,
    /// and up to four times as much if they have no parts in common.
    /// </summary>
    public long CacheBytes { get; init; } = 3 << 19;

    /// <summary>How many bytes the jobs behind those may take, each kept as its difference from another of its namespace.</summary>
    public long PackedBytes { get; init; } = 8 << 20;

    /// <summary>How long a command waits for its job to be read before its turn; then the lane reads it.</summary>
    public TimeSpan EarlyReadTime { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How often a command is decided before it is given up, if somebody else changes the job each time.</summary>
    public int AttemptsMax { get; init; } = 100;

    /// <summary>How often the connection may break under a command before it is tried alone, for it may be what breaks it.</summary>
    public int BreaksMax { get; init; } = 3;

    /// <summary>How long a commit may be under way before the lane counts as stuck.</summary>
    public TimeSpan StuckAfter { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long the lane may go on with what waits when the server ends: no setting, for it is a part of the server's own time.</summary>
    public TimeSpan StopTime { get; internal init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long a lost reply is looked for before the command is answered 503.</summary>
    public TimeSpan LookUpTime { get; init; } = TimeSpan.FromSeconds(8);

    /// <summary>The pause between two looks.</summary>
    public TimeSpan LookUpPause { get; init; } = TimeSpan.FromMilliseconds(100);
}
