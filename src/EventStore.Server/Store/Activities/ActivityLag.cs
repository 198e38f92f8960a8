namespace EventStore.Server.Store.Activities;

/// <summary>How far the counting of activity is behind the log.</summary>
/// <param name="Events">How many revisions were not counted at the last look.</param>
/// <param name="Head">
/// The target revision. When it is reached the target moves: under steady writes the counting never reaches the head.
/// </param>
/// <param name="Since">When the target was set.</param>
internal sealed record ActivityLag(long Events, long Head, DateTimeOffset Since)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>When the database last said how far both are.</summary>
    public DateTimeOffset Looked { get; private init; } = Since;

    /// <summary>The same after another look.</summary>
    public ActivityLag After(long head, long progress, DateTimeOffset now) => progress >= Head
        ? new ActivityLag(Math.Max(0, head - progress), head, now)
        : this with { Events = head - progress, Looked = now };

    /// <summary>Whether the lag is unknown: the database has said nothing for half a minute. It hangs, or cannot be reached.</summary>
    public bool IsUnknown(DateTimeOffset now) => now - Looked > Patience;

    /// <summary>Whether the lag is a problem: the head of half a minute ago is not reached yet.</summary>
    public bool IsTrouble(DateTimeOffset now) => Events > 0 && now - Since > Patience;
}
