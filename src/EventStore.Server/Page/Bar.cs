namespace EventStore.Server.Page;

/// <summary>A bar of a chart.</summary>
/// <param name="Name">What was counted.</param>
/// <param name="Count">How much of it.</param>
public sealed record Bar(string Name, long Count);
