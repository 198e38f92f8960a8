namespace EventStore.Server.Store.Format;

/// <summary>
/// How often somebody did something in a namespace on one day: a Marten document that the activity projection keeps. Each event counts once
/// where <see cref="Field"/> is empty, and once more for each field it changed.
/// </summary>
public sealed class DailyActivity
{
    /// <summary>The key, joined from the members that are counted by: day, namespace, event, field, user.</summary>
    public string Id { get; set; } = string.Empty;

    /// <summary>The day of the events, in UTC.</summary>
    public DateOnly Day { get; set; }

    /// <summary>The namespace of the jobs.</summary>
    public string Namespace { get; set; } = string.Empty;

    public string UserName { get; set; } = string.Empty;

    /// <summary>The stored name of the events: <c>job_patched</c>, …</summary>
    public string Type { get; set; } = string.Empty;

    /// <summary>The field, such as <c>spec.cleanPodPolicy</c> or <c>metadata.labels</c>; empty for the count of events.</summary>
    public string Field { get; set; } = string.Empty;

    public long Count { get; set; }
}
