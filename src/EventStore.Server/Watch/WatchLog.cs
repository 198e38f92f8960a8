using EventStore.Server.Store.Feed;
using EventStore.Server.Telemetry;

namespace EventStore.Server.Watch;

/// <summary>What the log says of watches that did not end in order.</summary>
internal static partial class WatchLog
{
    [LoggerMessage(38, LogLevel.Error, "The watch of request {Id} failed")]
    public static partial void WatchFailed(this ILogger log, string id, Exception e);

    /// <summary>Counts a watch whose client reads too slowly, and names its request.</summary>
    public static void CutsOff(this ILogger log, string id, FeedLimits limits)
    {
        Signals.SlowWatchers.Add(1);
        log.WatchCutOff(id, limits.Backlog, limits.BacklogBytes);
    }

    [LoggerMessage(70, LogLevel.Warning, "The watch of request {Id} was cut off: its client reads too slowly, and more than {Changes} "
        + "changes or {Bytes} bytes waited for it. It may go on with the last revision it has")]
    private static partial void WatchCutOff(this ILogger log, string id, int changes, long bytes);
}
