namespace EventStore.Server.Store.Activities;

/// <summary>How far the counting of activity is behind the log.</summary>
/// <param name="Events">How many revisions were not counted when it was looked at last.</param>
/// <param name="Head">The revision it has to reach, and then a later one: under steady writes it is never at the last.</param>
/// <param name="Since">Since when it has to.</param>
internal sealed record ActivityLag(long Events, long Head, DateTimeOffset Since)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>The same after another look.</summary>
    public ActivityLag After(long head, long progress, DateTimeOffset now) => progress >= Head
        ? new ActivityLag(Math.Max(0, head - progress), head, now)
        : this with { Events = head - progress };

    /// <summary>Whether something is wrong: what the log held half a minute ago is not counted yet.</summary>
    public bool IsTrouble(DateTimeOffset now) => Events > 0 && now - Since > Patience;
}
