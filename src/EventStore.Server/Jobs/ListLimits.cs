namespace EventStore.Server.Jobs;

/// <summary>What a list may take: the settings of the section <c>Lists</c>.</summary>
public sealed record ListLimits
{
    /// <summary>How long a list, or the beginning of a watch, may take: as long as upstream gives any request but a watch.</summary>
    public TimeSpan Duration { get; init; } = TimeSpan.FromMinutes(1);
}
