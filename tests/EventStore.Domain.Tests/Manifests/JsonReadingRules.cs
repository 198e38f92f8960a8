using System.Text;
using EventStore.Domain.Json;

namespace EventStore.Domain.Tests.Manifests;

public sealed class JsonReadingRules
{
    [Theory]
    [InlineData("")]
    [InlineData(" \t\r\n")]
    public void An_empty_text_ends_too_soon(string text) =>
        Assert.Equal(new JsonFault(false, "unexpected end of JSON input", ""), Fault(Encoding.UTF8.GetBytes(text)));

    [Theory]
    [InlineData("{")]
    [InlineData("{} {}")]
    [InlineData("{}x")]
    [InlineData("\uFEFF{}")]
    [InlineData("{'a':1}")]
    [InlineData("{/*c*/}")]
    [InlineData("""{"a":1,}""")]
    [InlineData("01")]
    [InlineData("+1")]
    [InlineData("1.")]
    [InlineData("NaN")]
    [InlineData("nope")]
    [InlineData("\"a\nb\"")]
    public void What_is_no_JSON_is_a_bad_request(string text) => Assert.False(Fault(Encoding.UTF8.GetBytes(text)).Unprocessable);

    [Fact]
    public void Texts_that_share_a_place_stay_what_they_are()
    {
        string[] texts = [.. Enumerable.Range(0, 10_000).Select(number => $"text {number}"), "", "é", "e\u0301", new string('x', 1000)];
        Assert.All(texts.Concat(texts), text => Assert.Equal(new JsonText(text), JsonReading.Parse(new JsonText(text).ToUtf8())));
    }

    [Theory]
    [InlineData("""{"m":{"a":"x\ud800y"}}""", "m.a")]
    [InlineData("""{"m":{"a":["\udc00"]}}""", "m.a[0]")]
    [InlineData("""{"m":{"x\ud800":1}}""", "m")]
    [InlineData("""{"m":{"\ud800\ud800":1}}""", "m")]
    public void Half_of_a_surrogate_pair_is_a_bad_request(string text, string field) =>
        Assert.Equal(new JsonFault(false, "the text is not valid Unicode", field), Fault(Encoding.UTF8.GetBytes(text)));

    [Theory]
    [InlineData(0xff)]
    [InlineData(0xed, 0xa0, 0x80)] // U+D800 in bytes
    [InlineData(0xc0, 0x80)] // U+0000 the long way
    [InlineData(0xf4, 0x90, 0x80, 0x80)] // beyond U+10FFFF
    [InlineData(0xe2, 0x82)] // cut short
    public void Bytes_that_are_no_UTF8_are_a_bad_request(params int[] bytes)
    {
        byte[] bad = [.. bytes.Select(value => (byte)value)];
        Assert.Equal(new JsonFault(false, "the text is not valid Unicode", "a"), Fault([.. "{\"a\":\""u8, .. bad, .. "\"}"u8]));
        Assert.Equal(new JsonFault(false, "the text is not valid Unicode", ""), Fault([.. "{\""u8, .. bad, .. "\":1}"u8]));
        Assert.False(Fault([.. bad, .. "{}"u8]).Unprocessable);
    }

    [Fact]
    public void A_surrogate_pair_is_one_character() => Assert.Equal("\U0001F600", ((JsonText)Given.Json("\"\\ud83d\\ude00\"")).Value);

    [Theory]
    [InlineData("""{"m":{"a":"x\u0000"}}""", "m.a")]
    [InlineData("""{"m":{"\u0000":1}}""", "m")]
    public void The_character_zero_cannot_be_stored(string text, string field) =>
        Assert.Equal(new JsonFault(true, "U+0000 cannot be stored", field), Fault(Encoding.UTF8.GetBytes(text)));

    [Fact]
    public void A_number_of_too_many_digits_is_named() => Assert.Equal(
        new JsonFault(true, "a number may have at most 400 digits written out", "spec.a[1]"),
        Fault("""{"spec":{"a":[1,1e100000]}}"""u8));

    [Theory]
    [InlineData("[", "]")]
    [InlineData("{\"a\":", "}")]
    public void A_hundred_levels_are_read_and_one_more_is_refused(string open, string close)
    {
        byte[] Nested(int depth) => Encoding.UTF8.GetBytes(
            string.Concat(Enumerable.Repeat(open, depth)) + (open == "[" ? "" : "1") + string.Concat(Enumerable.Repeat(close, depth)));
        Assert.True(JsonReading.TryParse(Nested(100), out JsonValue? value, out _));
        Assert.Equal(Nested(100), value!.ToUtf8());
        Assert.Contains("exceeded max depth", Fault(Nested(101)).Message, StringComparison.Ordinal);
        Assert.False(Fault(Nested(100_001)).Unprocessable);
    }

    [Fact]
    public void Of_members_with_one_name_the_last_counts_and_each_is_reported()
    {
        var duplicates = new List<FieldPath>();
        Assert.True(JsonReading.TryParse(
            """{"b":1,"a":{"x":1,"x":2,"x":3},"l":[{"k":1,"k":null}],"b":{"y/z":1,"y/z":2}}"""u8, out JsonValue? value, out _, duplicates));
        Assert.Equal("""{"a":{"x":3},"b":{"y/z":2},"l":[{"k":null}]}""", value!.ToString());
        Assert.Equal(["a.x", "l[0].k", "b['y/z']", "b"], duplicates.Select(path => path.ToString()));
    }

    [Fact]
    public void A_hundred_duplicates_are_named_and_the_rest_cost_nothing()
    {
        var duplicates = new List<FieldPath>();
        string objects = string.Join(',', Enumerable.Repeat("""{"a":1,"a":2,"b":1,"b":2,"c":1,"c":2}""", 50_000));
        string text = $"{{\"{new string('x', 100_000)}\":[{objects}]}}";
        Assert.True(JsonReading.TryParse(Encoding.UTF8.GetBytes(text), out _, out _, duplicates));
        Assert.Equal(100, duplicates.Count);
    }

    [Fact]
    public void White_space_around_the_value_is_fine() => Assert.Equal("{}", Given.Json(" \r\n\t{ } \n").ToString());

    [Fact]
    public void Names_are_printed_in_the_order_of_their_bytes() =>
        Assert.Equal(["A", "a", "aa", "b", "\uE000", "\uFFFD", "\U0001F600"], Given.Object(
            """{"\ud83d\ude00":1,"b":1,"\ufffd":1,"a":1,"\ue000":1,"aa":1,"A":1}""").Names);

    private static JsonFault Fault(ReadOnlySpan<byte> utf8)
    {
        Assert.False(JsonReading.TryParse(utf8, out JsonValue? value, out JsonFault? fault));
        Assert.Null(value);
        return fault!;
    }
}
