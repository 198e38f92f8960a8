using EventStore.Domain.Json;

namespace EventStore.Domain.Tests.Manifests;

public sealed class JsonNumberRules
{
    [Theory] // what PostgreSQL 15 answers to SELECT '[…]'::jsonb->>0
    [InlineData("0", "0")]
    [InlineData("-0", "0")]
    [InlineData("-0.0", "0.0")]
    [InlineData("-0.0e1", "0")]
    [InlineData("0.00e1", "0.0")]
    [InlineData("0.000e2", "0.0")]
    [InlineData("0.0e3", "0")]
    [InlineData("0e5", "0")]
    [InlineData("-0e5", "0")]
    [InlineData("0e100000", "0")]
    [InlineData("0e-1", "0.0")]
    [InlineData("0e-3", "0.000")]
    [InlineData("1e0", "1")]
    [InlineData("1e2", "100")]
    [InlineData("1e+2", "100")]
    [InlineData("1e00000000002", "100")]
    [InlineData("-1E+05", "-100000")]
    [InlineData("1.50e1", "15.0")]
    [InlineData("0.10e1", "1.0")]
    [InlineData("100e-2", "1.00")]
    [InlineData("10e-1", "1.0")]
    [InlineData("12e-1", "1.2")]
    [InlineData("1.0e3", "1000")]
    [InlineData("1.2345e2", "123.45")]
    [InlineData("1.2345e7", "12345000")]
    [InlineData("123456.789e-3", "123.456789")]
    [InlineData("0.00001e5", "1")]
    [InlineData("5e-1", "0.5")]
    [InlineData("0.5e-1", "0.05")]
    [InlineData("1E-5", "0.00001")]
    [InlineData("-1.5e-3", "-0.0015")]
    [InlineData("1.10", "1.10")]
    [InlineData("-2.50", "-2.50")]
    [InlineData("9007199254740993", "9007199254740993")]
    public void A_number_has_the_form_jsonb_gives_it(string written, string form) => Assert.Equal(form, JsonNumber.Parse(written)!.Text);

    [Fact]
    public void Four_hundred_digits_are_kept()
    {
        Assert.NotNull(JsonNumber.Parse(new string('9', 400)));
        Assert.NotNull(JsonNumber.Parse("-0." + new string('9', 399)));
        Assert.Equal(400, JsonNumber.Parse("1e399")!.Text.Length);
        Assert.Equal(401, JsonNumber.Parse("1e-399")!.Text.Length);
        Assert.Equal("1", JsonNumber.Parse("1" + new string('0', 399) + "e-399")!.Text[..1]);
    }

    [Fact]
    public void One_digit_more_is_refused()
    {
        Assert.Null(JsonNumber.Parse(new string('9', 401)));
        Assert.Null(JsonNumber.Parse("-0." + new string('9', 400)));
        Assert.Null(JsonNumber.Parse("1e400"));
        Assert.Null(JsonNumber.Parse("1e-400"));
    }

    [Theory]
    [InlineData("1e100000")]
    [InlineData("1e-100000")]
    [InlineData("1e99999999999999999999")]
    [InlineData("1e-99999999999999999999")]
    [InlineData("0e-100000")] // numeric keeps the scale of a zero, and refuses this one itself
    [InlineData("1e2147483647")]
    [InlineData("1e-2147483648")]
    public void A_number_bomb_is_refused_before_it_is_written_out(string bomb) => Assert.Null(JsonNumber.Parse(bomb));

    [Theory]
    [InlineData("9223372036854775807", 9223372036854775807)]
    [InlineData("-9223372036854775808", -9223372036854775808)]
    [InlineData("2e0", 2)]
    public void A_whole_number_is_an_int64(string written, long value)
    {
        Assert.True(JsonNumber.Parse(written)!.TryGetInt64(out long read));
        Assert.Equal(value, read);
    }

    [Theory]
    [InlineData("9223372036854775808")]
    [InlineData("1.0")]
    [InlineData("0.5")]
    public void A_point_or_too_many_digits_make_no_int64(string written) => Assert.False(JsonNumber.Parse(written)!.TryGetInt64(out _));
}
