namespace EventStore.Server.Store.History;

/// <summary>
/// A stretch of time in equal slices that begin at round moments (UTC). A longer stretch, or a later one, is cut at the same moments, so
/// the counts of a slice can be reused for all of them.
/// </summary>
/// <param name="Begin">Where the first slice begins.</param>
/// <param name="Width">How long each is.</param>
/// <param name="Count">How many there are.</param>
public readonly record struct TimeSlices(DateTimeOffset Begin, TimeSpan Width, int Count)
{
    private const long Day = TimeSpan.TicksPerDay;

    private static readonly long[] Widths =
    [
        .. Decades(TimeSpan.TicksPerMicrosecond, 6),
        .. Each(TimeSpan.TicksPerSecond, 1, 2, 5, 10, 15, 30), .. Each(TimeSpan.TicksPerMinute, 1, 2, 5, 10, 15, 30),
        .. Each(TimeSpan.TicksPerHour, 1, 2, 3, 6, 12), .. Each(Day, 1, 2, 7, 14),
        .. Enumerable.Range(0, 17).Select(power => (28 * Day) << power),
    ];

    /// <summary>The shortest slices of which at most <paramref name="max"/> cover the stretch; its end is within the last.</summary>
    public static TimeSlices Of(DateTimeOffset from, DateTimeOffset to, int max)
    {
        long width = Widths.First(each => Slice(from, each) is var first && Slice(to, each) - first < max);
        long begin = Slice(from, width);
        return new TimeSlices(
            new DateTimeOffset(begin * width, TimeSpan.Zero), TimeSpan.FromTicks(width), (int)(Slice(to, width) - begin) + 1);
    }

    /// <summary>Where a slice begins.</summary>
    public DateTimeOffset Start(int slice) => Begin + (Width * slice);

    private static long Slice(DateTimeOffset time, long width) => time.UtcTicks / width;

    private static IEnumerable<long> Decades(long unit, int count) =>
        Enumerable.Range(0, count).SelectMany(power => Each(unit * (long)Math.Pow(10, power), 1, 2, 5));

    private static IEnumerable<long> Each(long unit, params int[] times) => times.Select(each => unit * each);
}
