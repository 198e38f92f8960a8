using EventStore.Domain.Json;

namespace EventStore.Domain.Tests.Manifests;

/// <summary>JSON Patch as RFC 6902 and Kubernetes have it: all operations or none.</summary>
public sealed class JsonPatchRules
{
    private const string Document = """{"a":{"b":[1.10,2,3],"x/y":{"~":"t"}},"n":null,"s":"x"}""";

    [Theory]
    [InlineData("""[]""", Document)]
    [InlineData("""[{"op":"add","path":"/s","value":1.10}]""", """{"a":{"b":[1.10,2,3],"x/y":{"~":"t"}},"n":null,"s":1.10}""")]
    [InlineData("""[{"op":"add","path":"/a/b/0","value":0}]""", """{"a":{"b":[0,1.10,2,3],"x/y":{"~":"t"}},"n":null,"s":"x"}""")]
    [InlineData("""[{"op":"add","path":"/a/b/3","value":4}]""", """{"a":{"b":[1.10,2,3,4],"x/y":{"~":"t"}},"n":null,"s":"x"}""")]
    [InlineData("""[{"op":"add","path":"/a/b/-","value":4}]""", """{"a":{"b":[1.10,2,3,4],"x/y":{"~":"t"}},"n":null,"s":"x"}""")]
    [InlineData("""[{"op":"add","path":"/a/b/-1","value":4}]""", """{"a":{"b":[1.10,2,3,4],"x/y":{"~":"t"}},"n":null,"s":"x"}""")]
    [InlineData("""[{"op":"add","path":"/t"}]""", """{"a":{"b":[1.10,2,3],"x/y":{"~":"t"}},"n":null,"s":"x","t":null}""")]
    [InlineData("""[{"op":"replace","path":"/a/x~1y/~0","value":"u"}]""", """{"a":{"b":[1.10,2,3],"x/y":{"~":"u"}},"n":null,"s":"x"}""")]
    [InlineData("""[{"op":"replace","path":"/n","value":1}]""", """{"a":{"b":[1.10,2,3],"x/y":{"~":"t"}},"n":1,"s":"x"}""")]
    [InlineData("""[{"op":"replace","path":"/a/b/-1","value":9}]""", """{"a":{"b":[1.10,2,9],"x/y":{"~":"t"}},"n":null,"s":"x"}""")]
    [InlineData("""[{"op":"replace","path":"","value":{"z":1}}]""", """{"z":1}""")]
    [InlineData("""[{"op":"remove","path":"/a/b/1"},{"op":"remove","path":"/n"}]""", """{"a":{"b":[1.10,3],"x/y":{"~":"t"}},"s":"x"}""")]
    [InlineData("""[{"op":"move","from":"/a/b/0","path":"/a/b/2"}]""", """{"a":{"b":[2,3,1.10],"x/y":{"~":"t"}},"n":null,"s":"x"}""")]
    [InlineData("""[{"op":"copy","from":"/a/x~1y","path":"/c"}]""", """{"a":{"b":[1.10,2,3],"x/y":{"~":"t"}},"c":{"~":"t"},"n":null,"s":"x"}""")]
    [InlineData("""[{"op":"test","path":"/a/b","value":[1.10,2,3]},{"op":"test","path":"/n","value":null},{"op":"test","path":"/none","value":null},{"op":"test","path":"/none"}]""", Document)]
    public void Every_operation_applies(string patch, string after) => Assert.Equal(Given.Json(after).ToString(), Apply(patch)?.ToString());

    [Theory]
    [InlineData("""[{"op":"test","path":"/s","value":"y"}]""")]
    [InlineData("""[{"op":"test","path":"/none","value":1}]""")]
    [InlineData("""[{"op":"test","path":"/a/b/7","value":null}]""")]
    [InlineData("""[{"op":"add","path":"/none/x","value":1}]""")]
    [InlineData("""[{"op":"add","path":"/a/b/4","value":1}]""")]
    [InlineData("""[{"op":"add","path":"/a/b/x","value":1}]""")]
    [InlineData("""[{"op":"add","path":"/s/x","value":1}]""")]
    [InlineData("""[{"op":"add","path":"/n/x","value":1}]""")]
    [InlineData("""[{"op":"add","path":"s","value":1}]""")]
    [InlineData("""[{"op":"add","path":"","value":{}}]""")]
    [InlineData("""[{"op":"replace","path":"/none","value":1}]""")]
    [InlineData("""[{"op":"replace","path":"","value":null}]""")]
    [InlineData("""[{"op":"remove","path":"/none"}]""")]
    [InlineData("""[{"op":"remove","path":"/a/b/-4"}]""")]
    [InlineData("""[{"op":"move","from":"/none","path":"/s"}]""")]
    [InlineData("""[{"op":"copy","path":"/s"}]""")]
    [InlineData("""[{"op":"rename","path":"/s"}]""")]
    [InlineData("""[{"path":"/s"}]""")]
    [InlineData("""[{"op":"add","value":1}]""")]
    [InlineData("[null]")]
    [InlineData("""[{"op":"add","path":"/s","value":1},{"op":"test","path":"/s","value":2}]""")]
    public void One_that_does_not_apply_fails_the_patch(string patch) => Assert.Null(Apply(patch));

    [Fact]
    public void Copies_cannot_multiply_the_document()
    {
        string[] doubling = ["""{"op":"copy","from":"/a","path":"/a/l"}""", """{"op":"copy","from":"/a","path":"/a/r"}"""];
        Assert.NotNull(Apply($"[{string.Join(',', Enumerable.Repeat(doubling, 4).SelectMany(each => each))}]"));
        Assert.Null(Apply($"[{string.Join(',', Enumerable.Repeat(doubling, 20).SelectMany(each => each))}]"));
    }

    [Fact]
    public void No_document_becomes_deeper_than_can_be_read()
    {
        string deeper(int times) => $"[{string.Join(',', Enumerable.Repeat("""{"op":"copy","from":"/a","path":"/a/c"}""", times))}]";
        Assert.True(JsonReading.TryParse(Apply(deeper(90))!.ToUtf8(), out _, out _));
        Assert.Null(Apply(deeper(100)));
    }

    [Fact]
    public void A_move_to_where_it_is_no_deeper_does_not_walk_what_it_moves() => Scaling.IsOfOnePass(150, count =>
    {
        var document = JsonObject.Of(("a", List(count)));
        JsonPatch patch = Patch(count, i => i % 2 == 0
            ? """{"op":"move","from":"/a","path":"/b"}"""
            : """{"op":"move","from":"/b","path":"/a"}""");
        return () => Assert.True(patch.Apply(document) is not null);
    });

    [Theory]
    [InlineData("""{"op":"move","from":"/a","path":"/b/c"}""", """{"op":"move","from":"/b/c","path":"/a"}""")]
    [InlineData("""{"op":"add","path":"/a/0","value":1}""", """{"op":"remove","path":"/a/-1"}""")]
    [InlineData("""{"op":"replace","path":"/a/7","value":2}""", """{"op":"move","from":"/a/7","path":"/a/8"}""")]
    [InlineData("""{"op":"replace","path":"/o/7","value":2}""", """{"op":"remove","path":"/o/8"}""", """{"op":"add","path":"/o/8","value":2}""")]
    public void More_work_than_a_patch_may_be_fails_it(params string[] operations)
    {
        const int length = 100_000;
        int most = JsonPatch.WorkMax / length;
        var document = JsonObject.Of(("a", List(length)), ("b", JsonObject.Empty), ("o", Map(length)));
        Assert.True(Patch(most / 4, i => operations[i % operations.Length]).Apply(document) is not null);
        Assert.True(Patch(3 * most, i => operations[i % operations.Length]).Apply(document) is null);
    }

    private static JsonArray List(int count) => new([.. Enumerable.Range(0, count).Select(i => JsonNumber.Of(i))]);

    private static JsonObject Map(int count) =>
        JsonObject.Of(Enumerable.Range(0, count).Select(i => KeyValuePair.Create<string, JsonValue>($"{i}", i)));

    private static JsonPatch Patch(int count, Func<int, string> operation) =>
        new((JsonArray)Given.Json($"[{string.Join(',', Enumerable.Range(0, count).Select(operation))}]"));

    private static JsonValue? Apply(string patch) => new JsonPatch((JsonArray)Given.Json(patch)).Apply(Given.Json(Document));
}
