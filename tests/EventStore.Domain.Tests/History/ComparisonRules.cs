using EventStore.Domain.History;
using EventStore.Domain.Json;
using EventStore.Domain.Tests.Manifests;

namespace EventStore.Domain.Tests.History;

/// <summary>Two states side by side.</summary>
public sealed class ComparisonRules
{
    [Theory]
    [InlineData("""{"a":1,"b":{"c":[1]}}""", """{"a":1,"b":{"c":[2]},"d":{"e":null}}""", """{"b":{"c":[2]},"d":{"e":null}}""", "d.e")]
    [InlineData("""{"a":{"b":null}}""", """{"a":{}}""", """{"a":{"b":null}}""", "")]
    [InlineData("""{"a":{"b":1}}""", """{"a":{"b":null}}""", """{"a":{"b":null}}""", "a.b")]
    [InlineData("""{"a":[1]}""", """{"a":[null]}""", """{"a":[null]}""", "")]
    [InlineData("""{"a":1}""", """{"a":1}""", "{}", "")]
    public void The_patch_says_where_it_does_not_arrive(string from, string to, string patch, string beyond)
    {
        Comparison comparison = Comparison.Of(Given.Object(from), Given.Object(to));
        Assert.Equal(patch, comparison.Patch.ToString());
        Assert.Equal(beyond, string.Join(' ', comparison.BeyondPatch));
    }

    [Fact]
    public void Of_no_job_and_a_job_names_every_leaf() => Assert.Equal(
        ["a[+1]", "b.c[+2]"],
        Comparison.Of(JsonObject.Empty, Given.Object("""{"a":1,"b":{"c":2}}""")).Changes.Select(
            change => $"{change.Path}[{(change.Before is null ? "+" : "?")}{change.After}]"));
}
