using EventStore.Server.Kubernetes.Answers;
using EventStore.Server.Store.Reads;

namespace EventStore.Server.Watch;

/// <summary>The resource behind a watch (jobs, their history, namespaces), in the form that the watch loop needs.</summary>
/// <param name="Initial">
/// Reads the current objects; the last step carries their revision. Null if the watch starts with the log instead.
/// </param>
/// <param name="CatchUp">Reads the changes after one revision and up to another from the log.</param>
/// <param name="Frame">The frame of a change; null if this watch does not show it.</param>
/// <param name="Bookmark">
/// A bookmark at a revision, in the same representation as all other frames. The flag marks the end of the initial events.
/// </param>
internal sealed record Watched(
    Func<CancellationToken, IAsyncEnumerable<WatchStep>>? Initial,
    Func<long, long, CancellationToken, IAsyncEnumerable<WatchStep>> CatchUp,
    Func<LogEntry, WatchFrame?> Frame,
    Func<long, bool, ReadOnlyMemory<byte>> Bookmark)
{
    /// <summary>Prepares a watch that starts at a revision without the current objects; null if nothing is needed.</summary>
    public Func<long, CancellationToken, Task>? GoOn { get; init; }
}

/// <summary>A step of a watch that reads.</summary>
/// <param name="Reached">
/// The revision up to which the watcher has seen everything once it has the frame; null where that is not known yet. A bookmark
/// may name it.
/// </param>
/// <param name="Frame">The frame, if there is one.</param>
internal readonly record struct WatchStep(long? Reached, WatchFrame? Frame);
