using EventStore.Server.Store.Format;

namespace EventStore.Server.Store.Activities;

/// <summary>A query of the activity.</summary>
/// <param name="Namespace">In this namespace; null for all.</param>
/// <param name="Since">From this day on; null for no limit.</param>
/// <param name="Until">Before this day; null for no limit.</param>
/// <param name="By">What it is counted by: names of members of <see cref="DailyActivity"/>.</param>
internal sealed record ActivityQuery(string? Namespace, DateOnly? Since, DateOnly? Until, IReadOnlyList<string> By)
{
    /// <summary>Whether it is counted by field, so that an event counts once for each field it changed.</summary>
    public bool ByField => Field is not null || By.Contains(nameof(DailyActivity.Field));

    /// <summary>What this user did; null for everybody.</summary>
    public string? UserName { get; init; }

    /// <summary>Events of this stored name; null for all.</summary>
    public string? Type { get; init; }

    /// <summary>Changes of this field; null for all.</summary>
    public string? Field { get; init; }
}

/// <summary>How often something was done. A member it is not counted by is empty.</summary>
internal sealed class ActivityCount
{
    public DateOnly Day { get; set; }

    public string Namespace { get; set; } = string.Empty;

    public string UserName { get; set; } = string.Empty;

    public string Type { get; set; } = string.Empty;

    public string Field { get; set; } = string.Empty;

    public long Count { get; set; }
}
