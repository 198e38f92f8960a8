using System.Globalization;
using EventStore.Server.Kubernetes.Answers;

namespace EventStore.Server.Tests.Kubernetes;

/// <summary>The cases of apimachinery's <c>duration_test.go</c>, and both sides of every limit.</summary>
public sealed class Ages
{
    [Theory]
    [InlineData("-2", "<invalid>")]
    [InlineData("-1.9", "0s")]
    [InlineData("-1", "0s")]
    [InlineData("0", "0s")]
    [InlineData("1", "1s")]
    [InlineData("70", "70s")]
    [InlineData("119.9", "119s")]
    [InlineData("120", "2m")]
    [InlineData("190", "3m10s")]
    [InlineData("599", "9m59s")]
    [InlineData("600", "10m")]
    [InlineData("619", "10m")]
    [InlineData("2819", "46m")]
    [InlineData("10799", "179m")]
    [InlineData("10800", "3h")]
    [InlineData("10860", "3h1m")]
    [InlineData("28799", "7h59m")]
    [InlineData("28800", "8h")]
    [InlineData("172799", "47h")]
    [InlineData("172800", "2d")]
    [InlineData("176400", "2d1h")]
    [InlineData("691199", "7d23h")]
    [InlineData("691200", "8d")]
    [InlineData("63071999", "729d")]
    [InlineData("63072000", "2y")]
    [InlineData("63158400", "2y1d")]
    [InlineData("94608000", "3y")]
    [InlineData("94694400", "3y1d")]
    [InlineData("252287999", "7y364d")]
    [InlineData("252288000", "8y")]
    [InlineData("283910400", "9y")]
    public void Are_as_upstream_prints_them(string seconds, string text)
    {
        DateTimeOffset now = DateTimeOffset.UnixEpoch.AddYears(50);
        Assert.Equal(text, Age.Since(now - TimeSpan.FromSeconds(double.Parse(seconds, CultureInfo.InvariantCulture)), now));
    }
}
