using EventStore.Server.Kubernetes.Answers;
using EventStore.Server.Store.Reads;

namespace EventStore.Server.Watch;

/// <summary>What is watched, jobs or their history: what the watch loop is given by the room whose resource it is.</summary>
/// <param name="Initial">
/// What there is; the last step says up to which revision. Null where that is all that happened before: it is caught up with.
/// </param>
/// <param name="CatchUp">What happened behind a revision, up to another, read from the log.</param>
/// <param name="Frame">What a change means to this watch; null for nothing.</param>
/// <param name="Bookmark">
/// A bookmark at a revision, in the form of all other frames, for the client decodes it as it does them. The flag says that it ends
/// the initial events.
/// </param>
internal sealed record Watched(
    Func<CancellationToken, IAsyncEnumerable<WatchStep>>? Initial,
    Func<long, long, CancellationToken, IAsyncEnumerable<WatchStep>> CatchUp,
    Func<LogEntry, WatchFrame?> Frame,
    Func<long, bool, byte[]> Bookmark);

/// <summary>A step of a watch that reads.</summary>
/// <param name="Reached">
/// The revision up to which the watcher has seen everything once it has the frame; null where that is not known yet. A bookmark
/// may name it.
/// </param>
/// <param name="Frame">The frame, if there is one.</param>
internal readonly record struct WatchStep(long? Reached, WatchFrame? Frame);
