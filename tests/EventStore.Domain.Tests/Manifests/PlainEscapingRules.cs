using System.Buffers;
using System.Text;
using System.Text.Json;
using EventStore.Domain.Json;

namespace EventStore.Domain.Tests.Manifests;

public sealed class PlainEscapingRules
{
    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("ü 漢 😀", "ü 漢 😀")]
    [InlineData("😀", "😀")]
    [InlineData("<>&'+/\u007f\u00a0\u2028\u3000\ufeff\ue000", "<>&'+/\u007f\u00a0\u2028\u3000\ufeff\ue000")]
    [InlineData("a\"b\\c", "a\\\"b\\\\c")]
    [InlineData("\b\f\n\r\t", "\\b\\f\\n\\r\\t")]
    [InlineData("😀\u0001\u001f😀\"😀", "😀\\u0001\\u001f😀\\\"😀")]
    public void Only_what_must_be_is_escaped(string text, string printed)
    {
        Assert.Equal($"\"{printed}\"", new JsonText(text).ToString());
        Assert.Equal($"{{\"{printed}\":null}}", JsonObject.Of((text, JsonNull.Value)).ToString());
        Assert.Equal($"\"{printed}\"", Written(writer => writer.WriteStringValue(Encoding.UTF8.GetBytes(text))));
    }

    [Theory]
    [InlineData("\ud83d")]
    [InlineData("\ude00\ud83d")]
    public void Half_a_character_becomes_the_one_for_what_is_none(string half) =>
        Assert.Equal($"\"a{new string('\ufffd', half.Length)}b😀\"", Written(writer => writer.WriteStringValue($"a{half}b😀")));

    [Theory] // the text is written in segments; with one of these beginnings one ends within a character
    [InlineData("")]
    [InlineData("a")]
    [InlineData("ab")]
    [InlineData("abc")]
    [InlineData("abcd")]
    public void A_long_text_is_written_as_a_short_one_is(string beginning)
    {
        string text = beginning + string.Concat(Enumerable.Repeat("😀\n\"x", 10_000));
        Assert.Equal(
            $"\"{text.Replace("\n", "\\n", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"",
            new JsonText(text).ToString());
    }

    private static string Written(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = PlainEscaping.Encoder }))
            write(writer);
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
