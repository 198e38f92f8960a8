using EventStore.Domain.Json;

namespace EventStore.Domain.Tests.Manifests;

public sealed class Times_of_RFC_3339
{
    [Theory]
    [InlineData("2026-11-23T07:58:24Z", "2026-11-23T07:58:24.000000Z", false)]
    [InlineData("2026-11-23t07:58:24.5z", "2026-11-23T07:58:24.500000Z", false)]
    [InlineData("2026-11-23T08:58:24.123456+01:00", "2026-11-23T07:58:24.123456Z", false)]
    [InlineData("2026-11-23T07:58:24.1234560000000000Z", "2026-11-23T07:58:24.123456Z", false)]
    [InlineData("2026-11-23T07:58:24.1234567Z", "2026-11-23T07:58:24.123456Z", true)]
    [InlineData("2026-11-23T07:58:24.123456789012345Z", "2026-11-23T07:58:24.123456Z", true)]
    public void Are_read_to_the_microsecond(string text, string exact, bool hasMoreDigits)
    {
        Assert.True(Rfc3339.TryRead(text, out DateTimeOffset time, out bool more));
        Assert.Equal((exact, hasMoreDigits), (Rfc3339.Exact(time), more));
    }

    [Theory]
    [InlineData("")]
    [InlineData("2026-11-23")]
    [InlineData("2026-11-23T07:58Z")]
    [InlineData("2026-11-23T07:58:24")]
    [InlineData("2026-11-23 07:58:24Z")]
    [InlineData("2026-02-30T07:58:24Z")]
    [InlineData("2026-11-23T24:58:24Z")]
    [InlineData("2026-11-23T07:58:245Z")]
    [InlineData("2026-11-23T07:58:24.Z")]
    [InlineData("2026-11-23T07:58:24+01:75")]
    [InlineData("2026-11-23T07:58:24+25:00")]
    [InlineData("2026-11-23T07:58:24Z ")]
    [InlineData("0001-01-01T00:00:00+01:00")]
    public void Are_nothing_else(string text) => Assert.False(Rfc3339.TryRead(text, out _, out _));
}
