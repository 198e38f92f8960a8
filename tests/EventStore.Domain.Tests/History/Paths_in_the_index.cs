using System.Text;
using EventStore.Domain.History;
using EventStore.Domain.Jobs;
using EventStore.Domain.Json;

namespace EventStore.Domain.Tests.History;

/// <summary>A row of a PostgreSQL index is limited in bytes; a key of a job is not.</summary>
public sealed class Paths_in_the_index
{
    [Theory]
    [InlineData("a")]
    [InlineData("é")]
    [InlineData("訓")]
    [InlineData("😀")]
    public void Are_never_longer_than_their_bytes_allow_and_never_cut_within_a_character(string character)
    {
        foreach (int length in (int[])[1, 500, 511, 512, 682, 683, 1023, 1024, 1025, 2047, 2048, 2049, 100_000])
        {
            foreach (string before in (string[])["", "a", "ab", "abc"])
            {
                string path = before + string.Concat(Enumerable.Repeat(character, length));
                string indexed = ChangedPaths.Indexed(path);
                int bytes = Encoding.UTF8.GetByteCount(indexed);
                Assert.StartsWith(indexed, path, StringComparison.Ordinal);
                Assert.True(bytes <= ChangedPaths.BytesMax);
                Assert.True(indexed == path || bytes > ChangedPaths.BytesMax - 4);
                Assert.Equal(indexed, Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(indexed)));
                Assert.Equal(indexed, ChangedPaths.Indexed(indexed));
            }
        }
    }

    [Fact]
    public void Are_what_an_event_is_found_by()
    {
        string key = string.Concat(Enumerable.Repeat("訓", 2000));
        var happened = new JobPatched(JsonObject.Empty, JsonObject.Empty, [$"status.{key}", $"metadata.annotations['{key}']"]);
        Assert.Equal(3, ChangedPaths.Of(happened).Count);
        Assert.All(ChangedPaths.Of(happened), path => Assert.True(Encoding.UTF8.GetByteCount(path) <= ChangedPaths.BytesMax));
        Assert.Contains("metadata.annotations", ChangedPaths.Of(happened));
    }
}
