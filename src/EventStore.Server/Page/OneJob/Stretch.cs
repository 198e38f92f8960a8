using EventStore.Server.Store.History;

namespace EventStore.Server.Page.OneJob;

/// <summary>The part of a history that is shown.</summary>
/// <param name="From">Where it begins.</param>
/// <param name="To">Where it ends.</param>
/// <param name="IsWhole">Whether it is the whole history.</param>
public readonly record struct Stretch(DateTimeOffset From, DateTimeOffset To, bool IsWhole)
{
    private static readonly TimeSpan AroundOne = TimeSpan.FromSeconds(30);
    private static readonly DateTimeOffset Earliest = DateTimeOffset.UnixEpoch;
    private static readonly DateTimeOffset Latest = new(9000, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Reads <c>from</c> and <c>to</c>; what is not given is where the history begins or ends.</summary>
    public static bool TryRead(IQueryCollection query, HistoryExtent extent, out Stretch stretch)
    {
        (string? from, string? to) = (query["from"], query["to"]);
        stretch = new Stretch(extent.Begins, extent.Ends, string.IsNullOrEmpty(from) && string.IsNullOrEmpty(to));
        if (stretch.IsWhole)
        {
            if (extent.Begins == extent.Ends)
                stretch = stretch with { From = extent.Begins - AroundOne, To = extent.Ends + AroundOne };
            return true;
        }

        DateTimeOffset? begin = string.IsNullOrEmpty(from) ? extent.Begins : PageTime.Read(from);
        DateTimeOffset? end = string.IsNullOrEmpty(to) ? extent.Ends : PageTime.Read(to);
        if (begin is not { } given || end is not { } until || given >= until)
            return false;
        stretch = new Stretch(given, until, false);
        return true;
    }

    /// <summary>The same length of time, moved by a part of it, and made longer or shorter.</summary>
    public (DateTimeOffset From, DateTimeOffset To) Moved(double by, double length)
    {
        TimeSpan now = To - From;
        DateTimeOffset middle = From + (now * (0.5 + by));
        TimeSpan half = now * (length / 2);
        return (Clamp(middle, -half), Clamp(middle, half));
    }

    private static DateTimeOffset Clamp(DateTimeOffset time, TimeSpan by) =>
        new(Math.Clamp(time.UtcTicks + by.Ticks, Earliest.UtcTicks, Latest.UtcTicks), TimeSpan.Zero);
}
