using EventStore.Server.Limits;
using EventStore.Server.Store.Feed;
using EventStore.Server.Store.Lane;

namespace EventStore.Server.Hosting;

/// <summary>The limits of a server, read and checked before anything is started.</summary>
/// <param name="Requests">Section <c>Limits</c>.</param>
/// <param name="Lists">Section <c>Lists</c>.</param>
/// <param name="Lane">Section <c>Lane</c>.</param>
/// <param name="Feed">Section <c>Feed</c>.</param>
/// <param name="Stop">Section <c>Stop</c>.</param>
internal sealed record ServerLimits(RequestLimits Requests, ListLimits Lists, LaneLimits Lane, FeedLimits Feed, StopLimits Stop)
{
    /// <summary>Reads them.</summary>
    /// <exception cref="OperatorException">There is no such limit, or it cannot have that value.</exception>
    public static ServerLimits Read(IConfiguration configuration) => new(
        LimitSettings.Read<RequestLimits>(configuration, "Limits"),
        LimitSettings.Read<ListLimits>(configuration, "Lists"),
        LimitSettings.Read<LaneLimits>(configuration, "Lane") with { StopTime = StopLimits.LaneTime },
        LimitSettings.Read<FeedLimits>(configuration, "Feed"),
        LimitSettings.Read<StopLimits>(configuration, "Stop"));
}
