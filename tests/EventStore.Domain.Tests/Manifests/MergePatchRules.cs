using EventStore.Domain.Json;

namespace EventStore.Domain.Tests.Manifests;

public sealed class MergePatchRules
{
    [Theory] // RFC 7396, appendix A, all fifteen
    [InlineData("""{"a":"b"}""", """{"a":"c"}""", """{"a":"c"}""")]
    [InlineData("""{"a":"b"}""", """{"b":"c"}""", """{"a":"b","b":"c"}""")]
    [InlineData("""{"a":"b"}""", """{"a":null}""", """{}""")]
    [InlineData("""{"a":"b","b":"c"}""", """{"a":null}""", """{"b":"c"}""")]
    [InlineData("""{"a":["b"]}""", """{"a":"c"}""", """{"a":"c"}""")]
    [InlineData("""{"a":"c"}""", """{"a":["b"]}""", """{"a":["b"]}""")]
    [InlineData("""{"a":{"b":"c"}}""", """{"a":{"b":"d","c":null}}""", """{"a":{"b":"d"}}""")]
    [InlineData("""{"a":[{"b":"c"}]}""", """{"a":[1]}""", """{"a":[1]}""")]
    [InlineData("""["a","b"]""", """["c","d"]""", """["c","d"]""")]
    [InlineData("""{"a":"b"}""", """["c"]""", """["c"]""")]
    [InlineData("""{"a":"foo"}""", "null", "null")]
    [InlineData("""{"a":"foo"}""", "\"bar\"", "\"bar\"")]
    [InlineData("""{"e":null}""", """{"a":1}""", """{"a":1,"e":null}""")]
    [InlineData("""[1,2]""", """{"a":"b","c":null}""", """{"a":"b"}""")]
    [InlineData("""{}""", """{"a":{"bb":{"ccc":null}}}""", """{"a":{"bb":{}}}""")]
    public void The_examples_of_the_RFC_hold(string target, string patch, string result) =>
        Assert.Equal(result, MergePatch.Apply(Given.Json(target), Given.Json(patch)).ToString());

    [Theory]
    [InlineData("""{"a":[1]}""")]
    [InlineData("""{"a":{"b":1}}""")]
    [InlineData("""{}""")]
    public void Nulls_inside_an_array_stay_whatever_was_there(string target) => Assert.Equal(
        """{"a":[null,{"c":null,"d":1}]}""",
        MergePatch.Apply(Given.Json(target), Given.Json("""{"a":[null,{"c":null,"d":1}]}""")).ToString());

    [Fact]
    public void A_target_that_is_absent_is_an_empty_object() =>
        Assert.Equal("""{"a":{}}""", MergePatch.Apply(null, Given.Json("""{"a":{"b":null}}""")).ToString());

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"a":{"b":[null,{"c":null}]},"d":1}""")]
    public void A_patch_of_nothing_is_the_result_where_it_takes_nothing_away(string text)
    {
        JsonValue patch = Given.Json(text);
        Assert.Same(patch, MergePatch.Apply(null, patch));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"metadata":{"name":"pytorch-test","labels":null}}""")]
    [InlineData("""{"spec":{"pytorchReplicaSpecs":{"Worker":{"template":{"spec":{"containers":[{"image":"pytorch-cpu:v1","name":"pytorch"}]}}}}}}""")]
    public void A_patch_that_changes_nothing_gives_back_the_very_same_object(string patch)
    {
        JsonObject job = Given.Job();
        Assert.Same(job, MergePatch.Apply(job, Given.Json(patch)));
    }

    [Fact]
    public void What_a_patch_does_not_name_is_shared_with_the_target()
    {
        JsonObject job = Given.Job();
        var patched = (JsonObject)MergePatch.Apply(job, Given.Json("""{"metadata":{"labels":{"app":"test"}}}"""));
        Assert.Same(job["spec"], patched["spec"]);
    }

    [Fact]
    public void A_null_that_replaces_a_null_member_takes_it_away() =>
        Assert.Equal("{}", MergePatch.Apply(Given.Json("""{"e":null}"""), Given.Json("""{"e":null}""")).ToString());

    [Fact]
    public void Digits_survive_a_patch() => Assert.Equal(
        """{"big":9007199254740993,"cpu":1.10}""",
        MergePatch.Apply(Given.Json("""{"big":9007199254740993}"""), Given.Json("""{"cpu":1.10}""")).ToString());

    [Theory]
    [InlineData("""{"a":1}""", """{"a":1}""", "{}")]
    [InlineData("""{"a":1,"b":2}""", """{"b":2}""", """{"a":null}""")]
    [InlineData("""{"a":{"b":1,"c":2}}""", """{"a":{"b":1,"c":3}}""", """{"a":{"c":3}}""")]
    [InlineData("""{"a":{"b":1}}""", """{"a":{}}""", """{"a":{"b":null}}""")]
    [InlineData("""{"a":1}""", """{"a":{}}""", """{"a":{}}""")]
    [InlineData("""{"a":[1,2]}""", """{"a":[1,3]}""", """{"a":[1,3]}""")]
    [InlineData("""{"n":1.0}""", """{"n":1}""", """{"n":1}""")]
    public void The_patch_between_two_objects_says_no_more_than_it_must(string from, string to, string patch) =>
        Assert.Equal(patch, MergePatch.Between(Given.Object(from), Given.Object(to)).ToString());

    [Fact]
    public void Large_maps_are_merged_in_one_pass() => Scaling.IsOfOnePass(500, count =>
    {
        JsonObject Map(string prefix) =>
            JsonObject.Of(Enumerable.Range(0, count).Select(i => KeyValuePair.Create(prefix + i, (JsonValue)i)));
        JsonObject target = Map("a"), patch = Map("b");
        return () => Assert.Equal(2 * count, ((JsonObject)MergePatch.Apply(target, patch)).Count);
    });
}
