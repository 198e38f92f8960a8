using System.Globalization;

namespace EventStore.Server.Page.OneJob;

/// <summary>The moments a timeline is labelled with: round ones in UTC, and no more than fit a telephone's width.</summary>
internal static class TimelineAxis
{
    private const int TicksMax = 4;
    private const double Edge = 8;
    private const double DaysOfAMonth = 30.5;
    private const int MonthsOfAYear = 12;

    /// <summary>
    /// None is more than <see cref="TicksMax"/> times the one before it: in a stretch too long for one there is then a tick of the next.
    /// </summary>
    private static readonly TimeSpan[] Steps =
    [
        .. new[] { 1, 2, 5, 10, 20, 50, 100, 200, 500 }.Select(microseconds => TimeSpan.FromMicroseconds(microseconds)),
        .. new[] { 1, 2, 5, 10, 20, 50, 100, 200, 500 }.Select(milliseconds => TimeSpan.FromMilliseconds(milliseconds)),
        .. new[] { 1, 2, 5, 15, 30 }.Select(seconds => TimeSpan.FromSeconds(seconds)),
        .. new[] { 1, 2, 5, 15, 30 }.Select(minutes => TimeSpan.FromMinutes(minutes)),
        .. new[] { 1, 3, 6, 12 }.Select(hours => TimeSpan.FromHours(hours)),
        .. new[] { 1, 2, 7, 14 }.Select(days => TimeSpan.FromDays(days)),
    ];

    private static readonly int[] Months =
        [1, 3, 6, .. new[] { 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000 }.Select(years => years * MonthsOfAYear)];

    /// <summary>The ticks between two moments.</summary>
    public static IEnumerable<TimelineTick> Ticks(DateTimeOffset from, DateTimeOffset to)
    {
        TimeSpan length = to - from;
        TimeSpan step = Steps.FirstOrDefault(each => length / each <= TicksMax);
        IEnumerable<DateTime> moments = step > TimeSpan.Zero ? Each(step, from) : EachMonths(length, from);
        foreach (DateTime moment in moments.TakeWhile(moment => moment <= to.UtcDateTime))
        {
            double x = 100.0 * (moment - from.UtcDateTime).Ticks / length.Ticks;
            string anchor = x < Edge ? "start" : x > 100 - Edge ? "end" : "middle";
            string label = moment.ToString(Format(step), CultureInfo.InvariantCulture);
            yield return new TimelineTick(x, label, anchor, new DateTimeOffset(moment));
        }
    }

    private static IEnumerable<DateTime> Each(TimeSpan step, DateTimeOffset from)
    {
        long first = (from.UtcTicks + step.Ticks - 1) / step.Ticks * step.Ticks;
        for (long at = first; at < DateTime.MaxValue.Ticks - step.Ticks; at += step.Ticks)
            yield return new DateTime(at, DateTimeKind.Utc);
    }

    private static IEnumerable<DateTime> EachMonths(TimeSpan length, DateTimeOffset from)
    {
        int step = Months.FirstOrDefault(months => length.TotalDays / (months * DaysOfAMonth) <= TicksMax, Months[^1]);
        int first = ((from.Year * MonthsOfAYear) + from.Month - 1) / step * step;
        for (int month = Math.Max(first, step); month / MonthsOfAYear <= DateTime.MaxValue.Year; month += step)
        {
            var moment = new DateTime(month / MonthsOfAYear, 1 + (month % MonthsOfAYear), 1, 0, 0, 0, DateTimeKind.Utc);
            if (moment >= from.UtcDateTime)
                yield return moment;
        }
    }

    private static string Format(TimeSpan step) => step.Ticks switch
    {
        0 => "yyyy-MM-dd",
        >= TimeSpan.TicksPerDay => "MM-dd",
        >= TimeSpan.TicksPerMinute => "MM-dd HH:mm",
        >= TimeSpan.TicksPerSecond => "HH:mm:ss",
        _ => "HH:mm:ss.ffffff",
    };
}
