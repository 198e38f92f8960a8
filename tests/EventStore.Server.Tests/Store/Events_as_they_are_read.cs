using System.Text.Json;
using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;

namespace EventStore.Server.Tests.Store;

/// <summary>A plain patch is read without the serializer, and nobody can tell.</summary>
public sealed class Events_as_they_are_read
{
    private const string Patch = """{"patch": {"metadata": {"labels": {"a": "1", "n": 1.10}}}, """;
    private const string Replaced = "\"replaced\": {\"metadata\": {\"labels\": {\"a\": null}}}";

    [Theory]
    [InlineData(Patch + Replaced + """, "paths": ["metadata.labels.a", "metadata.labels.n"]}""")]
    [InlineData(Patch + Replaced + """, "paths": []}""")]
    [InlineData(Patch + Replaced + """, "paths": [], "patchType": "application/json-patch+json"}""")]
    [InlineData(Patch + Replaced + """, "paths": [], "owners": {"patch": {}, "replaced": {}}}""")]
    [InlineData(Patch + Replaced + """, "paths": [], "newer": {"a": [1]}}""")]
    [InlineData(Patch + Replaced + """, "paths": ["a", null]}""")]
    [InlineData(Patch + Replaced + """, "paths": ["a", 1]}""")]
    [InlineData(Patch + Replaced + """, "paths": null}""")]
    [InlineData(Patch + Replaced + """, "paths": []} x""")]
    [InlineData(Patch + Replaced + """, "paths": []""")]
    [InlineData(Patch + Replaced + """, "paths": ["\ud800"]}""")]
    [InlineData("""{"patch": {"metadata": {"labels": {"a": "\ud800"}}}, """ + Replaced + """, "paths": []}""")]
    [InlineData(Patch + Replaced + "}")]
    [InlineData(Patch + "\"paths\": [], \"replaced\": null}")]
    [InlineData(Patch + "\"paths\": [], \"replaced\": 5}")]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("")]
    public void Are_what_the_serializer_reads(string data) =>
        Assert.Equal(Read(() => JsonSerializer.Deserialize<JobPatched>(data, EventCodec.Options)!), Read(
            () => (JobPatched)EventCodec.Read("job_patched", data)));

    private static string Read(Func<JobPatched> read)
    {
        try
        {
            return EventCodec.Data(read());
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidCastException or NullReferenceException)
        {
            return "nothing"; // every reader answers an exception in one way
        }
    }
}
