using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using FsCheck.Xunit;

namespace EventStore.Domain.Tests.Manifests;

[Properties(Arbitrary = [typeof(JsonArbitrary)], MaxTest = 300)]
public sealed class DiffRules
{
    [Theory]
    [InlineData("""{"a":1}""", """{"a":1}""")]
    [InlineData("""{"a":1}""", """{"a":2}""", "a: 1 -> 2")]
    [InlineData("""{"a":1}""", """{}""", "a: 1 -> ")]
    [InlineData("""{}""", """{"a":1}""", "a:  -> 1")]
    [InlineData("""{"n":1.0}""", """{"n":1}""", "n: 1.0 -> 1")]
    [InlineData("""{"b":1,"a":1}""", """{"b":2,"a":2}""", "a: 1 -> 2", "b: 1 -> 2")]
    [InlineData("""{}""", """{"a":{"c":1,"b":{"d":2}}}""", "a.b.d:  -> 2", "a.c:  -> 1")]
    [InlineData("""{"a":{"b":1}}""", """{"a":null}""", "a.b: 1 -> ")]
    [InlineData("""{"a":{"b":1}}""", """{}""", "a.b: 1 -> ")]
    [InlineData("""{"a":{"b":1}}""", """{"a":{}}""", "a.b: 1 -> ")]
    [InlineData("""{"a":{"b":1}}""", """{"a":5}""", """a: {"b":1} -> 5""")]
    [InlineData("""{"a":5}""", """{"a":{"b":1}}""", """a: 5 -> {"b":1}""")]
    [InlineData("""{"a":[1]}""", """{"a":{"b":1}}""", """a: [1] -> {"b":1}""")]
    [InlineData("""{"a":[{"b":1},2]}""", """{"a":[{"b":2},2]}""", """a: [{"b":1},2] -> [{"b":2},2]""")]
    [InlineData("""{"a":[]}""", """{}""", "a: [] -> ")]
    [InlineData("""{"l":{"example.com/team":"x"}}""", """{"l":{"example.com/team":"y"}}""", "l['example.com/team']: \"x\" -> \"y\"")]
    public void The_leaves_that_differ_are_named_in_order_whichever_way_one_looks(string before, string after, params string[] changes)
    {
        Assert.Equal(changes, Diff.ByMeaning(Given.Object(before), Given.Object(after)).Select(Line));
        Assert.Equal(changes, Diff.ByForm(Given.Object(before), Given.Object(after)).Select(Line));
    }

    [Theory]
    [InlineData("{}", """{"a":null}""", "a:  -> null")]
    [InlineData("{}", """{"a":{}}""", "a:  -> {}")]
    [InlineData("""{"a":null}""", """{"a":{}}""", "a: null -> {}")]
    [InlineData("""{"a":{}}""", "{}", "a: {} -> ")]
    [InlineData("{}", """{"a":{"b":{"c":null},"d":{}}}""", "a.b.c:  -> null", "a.d:  -> {}")]
    [InlineData("""{"a":[{"b":1}]}""", """{"a":[{"b":1,"c":null,"d":{"e":{}}}]}""", """a: [{"b":1}] -> [{"b":1,"c":null,"d":{"e":{}}}]""")]
    [InlineData("""{"a":[null]}""", """{"a":[{}]}""", """a: [null] -> [{}]""")]
    public void Null_absent_and_an_empty_object_differ_in_form_but_not_in_meaning(string before, string after, params string[] byForm)
    {
        Assert.Empty(Diff.ByMeaning(Given.Object(before), Given.Object(after)));
        Assert.Equal(byForm, Diff.ByForm(Given.Object(before), Given.Object(after)).Select(Line));
    }

    [Fact]
    public void An_empty_list_an_empty_text_zero_and_false_mean_something()
    {
        foreach (string value in new[] { "[]", "\"\"", "0", "false", "[null]" })
            Assert.Single(Diff.ByMeaning(JsonObject.Empty, Given.Object($$"""{"a":{{value}}}""")));
    }

    [Fact]
    public void What_a_client_in_Go_sends_for_a_template_is_no_change()
    {
        JsonObject job = Given.Job();
        JsonValue sent = MergePatch.Apply(job["spec"], Given.Json(
            """{"pytorchReplicaSpecs":{"Worker":{"template":{"metadata":{}}}}}"""));
        Assert.Empty(Diff.ByMeaning(job, job.With("spec", sent).With("status", JsonNull.Value)));
    }

    [Property]
    public bool By_form_nothing_differs_if_and_only_if_the_two_are_equal(JsonObject before, JsonObject after) =>
        Diff.ByForm(before, before).Count == 0 && Diff.ByForm(before, after).Count == 0 == before.Equals(after);

    [Property]
    public bool By_meaning_nothing_differs_if_and_only_if_the_two_mean_the_same(JsonObject before, JsonObject after) =>
        Diff.ByMeaning(before, after).Count == 0 == Meaning.Same(new TypedField(JobTypes.Job, Pointer: true), before, after);

    [Property]
    public bool What_differs_in_meaning_differs_in_form(JsonObject before, JsonObject after) =>
        Diff.ByMeaning(before, after).All(change => Diff.ByForm(before, after).Contains(change));

    [Property]
    public bool The_way_back_names_the_same_leaves(JsonObject before, JsonObject after) =>
        Diff.ByForm(before, after).Select(change => new Change(change.Path, change.After, change.Before))
            .SequenceEqual(Diff.ByForm(after, before));

    private static string Line(Change change) => $"{change.Path}: {change.Before} -> {change.After}";
}
