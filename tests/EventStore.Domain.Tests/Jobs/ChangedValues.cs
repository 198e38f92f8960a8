using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Domain.Tests.Manifests;

namespace EventStore.Domain.Tests.Jobs;

/// <summary>Values outside their range, and changes that are none.</summary>
public sealed class ChangedValues
{
    private const string Full = """
        {"metadata":{"labels":{"app":"mnist"},"annotations":{"note":"n"}},
         "spec":{"activeDeadlineSeconds":60,"ttlSecondsAfterFinished":0,"cleanPodPolicy":"All"}}
        """;

    [Fact]
    public void Every_wrong_value_is_named_at_once()
    {
        const string patch = """
            {"metadata":{"labels":{"a":"!"},"annotations":{"b!":""}},"spec":{"activeDeadlineSeconds":0,"cleanPodPolicy":"all","ttlSecondsAfterFinished":-1}}
            """;
        string[] fields =
        [
            "metadata.labels", "metadata.annotations", "spec.activeDeadlineSeconds", "spec.cleanPodPolicy", "spec.ttlSecondsAfterFinished",
        ];
        foreach (Story story in BothWays(patch))
            story.ThenRefusedFor(fields);
    }

    [Theory]
    [InlineData("activeDeadlineSeconds", "{}", "\"object\": spec.activeDeadlineSeconds in body must be of type integer: \"object\"")]
    [InlineData("ttlSecondsAfterFinished", "[]", "\"array\": spec.ttlSecondsAfterFinished in body must be of type integer: \"array\"")]
    [InlineData("ttlSecondsAfterFinished", "\"\"", "\"string\": spec.ttlSecondsAfterFinished in body must be of type integer: \"string\"")]
    [InlineData("cleanPodPolicy", "{}", "\"object\": spec.cleanPodPolicy in body must be of type string: \"object\"")]
    [InlineData("cleanPodPolicy", "[]", "\"array\": spec.cleanPodPolicy in body must be of type string: \"array\"")]
    [InlineData("cleanPodPolicy", "false", "\"boolean\": spec.cleanPodPolicy in body must be of type string: \"boolean\"")]
    public void A_policy_of_another_type_is_refused_and_takes_nothing_away(string field, string value, string error)
    {
        foreach (Story story in BothWays($$$"""{"spec":{"{{{field}}}":{{{value}}}}}"""))
            story.ThenRefused<Rejection.Invalid>($"spec.{field}: Invalid value: {error}");
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"metadata":{"labels":{"app":"mnist"},"annotations":{"note":"n"}}}""")]
    [InlineData("""{"metadata":{"labels":{"none":null}}}""")]
    [InlineData("""{"spec":{"activeDeadlineSeconds":60,"ttlSecondsAfterFinished":-0,"cleanPodPolicy":"All"}}""")]
    [InlineData("""{"spec":{"activeDeadlineSeconds":6e1}}""")]
    public void The_same_values_are_no_change(string patch)
    {
        foreach (Story story in BothWays(patch))
            story.ThenNothing();
    }

    [Theory]
    [InlineData("""{"metadata":{"labels":{},"annotations":null}}""")]
    [InlineData("""{"metadata":{"labels":null,"annotations":{}}}""")]
    [InlineData("""{"metadata":{"labels":{"a":null},"annotations":{"b":null}}}""")]
    [InlineData("""{"spec":{"activeDeadlineSeconds":null,"ttlSecondsAfterFinished":null,"cleanPodPolicy":null}}""")]
    public void What_is_absent_cannot_be_taken_away(string patch)
    {
        Story.Given(Ask.Created()).When(Ask.Patch(patch)).ThenNothing();
        Story.Given(Ask.Created()).When(Ask.Put(patch)).ThenNothing();
    }

    [Theory]
    [InlineData("metadata.labels", "{}")]
    [InlineData("metadata.labels", "null")]
    [InlineData("metadata.labels", """{"a":null}""")]
    [InlineData("metadata.annotations", """{"a":null,"b":null}""")]
    [InlineData("metadata.finalizers", "[]")]
    [InlineData("metadata.ownerReferences", "[]")]
    [InlineData("spec.cleanPodPolicy", "null")]
    [InlineData("spec.activeDeadlineSeconds", "null")]
    public void A_null_or_an_empty_map_written_out_in_a_put_is_the_same_as_none(string path, string value) =>
        Story.Given(Ask.Created()).When(Ask.Put(read => (JsonObject)Ask.Set(read, path, value))).ThenNothing();

    [Fact]
    public void A_null_label_in_a_put_is_a_label_that_is_not_there()
    {
        Story story = Story.Given(Ask.Created(Full)).When(Ask.Put(
            read => (JsonObject)Ask.Set(read, "metadata.labels", """{"app":null,"team":"a"}""")));
        story.Then(Ask.Replaced(
            """{"metadata":{"labels":{"app":null,"team":"a"}}}""", """{"metadata":{"labels":{"app":"mnist","team":null}}}""",
            "metadata.labels.app", "metadata.labels.team"));
        Assert.Equal(Given.Json("""{"team":"a"}"""), story.After.Metadata["labels"]);
    }

    [Fact]
    public void What_was_just_written_is_no_change_the_second_time()
    {
        PatchJob patch = Ask.Patch("""{"metadata":{"labels":{"app":null,"a":"b"}},"spec":{"cleanPodPolicy":""}}""");
        Story.Given(Ask.Created(Full)).When(patch).And.When(patch).ThenNothing();
    }

    private static Story[] BothWays(string patch) =>
        [Story.Given(Ask.Created(Full)).When(Ask.Patch(patch)), Story.Given(Ask.Created(Full)).When(Ask.Put(patch))];

    [Fact]
    public void An_integer_written_with_a_point_is_stored_without_it()
    {
        Story.Given(Ask.Created()).When(Ask.Patch("""{"spec":{"ttlSecondsAfterFinished":60.0}}"""))
            .Then(Ask.Patched("""{"spec":{"ttlSecondsAfterFinished":60}}""", """{"spec":{"ttlSecondsAfterFinished":null}}""",
                "spec.ttlSecondsAfterFinished"));
        Story.Given(Ask.Created("""{"spec":{"ttlSecondsAfterFinished":60}}"""))
            .When(Ask.Patch("""{"spec":{"ttlSecondsAfterFinished":60.00}}""")).ThenNothing();
        Story.Given(Ask.Created()).When(Ask.Patch("""{"spec":{"pytorchReplicaSpecs":{"Worker":{"replicas":1.0}}}}""")).ThenNothing();
        Story.Given().When(Ask.Create("""{"spec":{"pytorchReplicaSpecs":{"Worker":{"replicas":2.0}}}}"""))
            .Then(new JobCreated((JsonObject)MergePatch.Apply(Story.Given().When(Ask.Create()).After.Manifest, Given.Json(
                """{"spec":{"pytorchReplicaSpecs":{"Worker":{"replicas":2}}}}"""))));
    }
}
