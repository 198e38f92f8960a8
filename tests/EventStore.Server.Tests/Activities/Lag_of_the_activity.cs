using EventStore.Server.Store.Activities;

namespace EventStore.Server.Tests.Activities;

/// <summary>When it is told that activity is counted too slowly, or not at all.</summary>
public sealed class Lag_of_the_activity
{
    private static readonly DateTimeOffset Start = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    [Fact]
    public void Is_no_trouble_while_it_keeps_up_with_steady_writes()
    {
        var lag = new ActivityLag(0, 0, Start);
        for (int second = 1; second < 600; second++)
        {
            lag = lag.After(head: 1000 * second, progress: (1000 * second) - 500, Start.AddSeconds(second));
            Assert.Equal((500, false), (lag.Events, lag.IsTrouble(Start.AddSeconds(second))));
        }
    }

    [Fact]
    public void Is_trouble_once_it_has_not_come_on_for_half_a_minute()
    {
        ActivityLag lag = new ActivityLag(0, 0, Start).After(head: 100, progress: 90, Start);
        Assert.False(lag.After(200, 95, Start.AddSeconds(30)).IsTrouble(Start.AddSeconds(30)));
        lag = lag.After(200, 99, Start.AddSeconds(31));
        Assert.Equal((101, true), (lag.Events, lag.IsTrouble(Start.AddSeconds(31))));
        Assert.False(lag.After(200, 100, Start.AddSeconds(32)).IsTrouble(Start.AddSeconds(32)));
    }

    [Fact]
    public void Is_unknown_once_the_database_has_said_nothing_for_half_a_minute()
    {
        ActivityLag lag = new ActivityLag(0, 0, Start).After(head: 100, progress: 90, Start);
        Assert.False(lag.IsUnknown(Start.AddSeconds(30)));
        Assert.True(lag.IsUnknown(Start.AddSeconds(31)));
        Assert.False(lag.After(100, 91, Start.AddSeconds(20)).IsUnknown(Start.AddSeconds(31)));
        Assert.False(lag.After(100, 100, Start.AddSeconds(20)).IsUnknown(Start.AddSeconds(31)));
    }

    [Fact]
    public void Is_none_when_all_is_counted() =>
        Assert.False(new ActivityLag(0, 0, Start).After(7, 7, Start).IsTrouble(Start.AddHours(1)));
}
