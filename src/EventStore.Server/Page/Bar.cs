namespace EventStore.Server.Page;

/// <summary>A bar of a chart over time.</summary>
/// <param name="From">From when on was counted.</param>
/// <param name="To">Until when.</param>
/// <param name="Count">How many there were.</param>
public sealed record Bar(DateTimeOffset From, DateTimeOffset To, long Count);
