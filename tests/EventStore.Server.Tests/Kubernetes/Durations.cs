using EventStore.Server.Kubernetes;

namespace EventStore.Server.Tests.Kubernetes;

public sealed class Durations
{
    [Theory]
    [InlineData("32s", 32)]
    [InlineData("1m", 60)]
    [InlineData("1h1m1.5s", 3661.5)]
    [InlineData("300ms", .3)]
    [InlineData("1.5us", .0000015)]
    [InlineData("0", 0)]
    [InlineData("-5s", -5)]
    [InlineData("+.5s", .5)]
    public void Are_read_as_Go_reads_them(string text, double seconds)
    {
        Assert.Null(GoDuration.Parse(text, out TimeSpan duration));
        Assert.Equal(seconds, duration.TotalSeconds, 6);
    }

    [Theory]
    [InlineData("abc", "time: invalid duration \"abc\"")]
    [InlineData("", "time: invalid duration \"\"")]
    [InlineData("5", "time: missing unit in duration \"5\"")]
    [InlineData("5x", "time: unknown unit \"x\" in duration \"5x\"")]
    [InlineData("-", "time: invalid duration \"-\"")]
    [InlineData("9999999999999999h", "time: invalid duration \"9999999999999999h\"")]
    public void What_is_none_is_refused_in_Go_s_words(string text, string wrong) =>
        Assert.Equal(wrong, GoDuration.Parse(text, out _));
}
