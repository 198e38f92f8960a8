using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using EventStore.Domain.Tests.Manifests;

namespace EventStore.Domain.Tests.Jobs;

/// <summary>A nested path is one line in the table: decider, validation, schema and rollback follow.</summary>
public sealed class A_table_of_updatable_fields
{
    private static readonly Profile WithSuspend = new("with-suspend", new(
        new("metadata.labels"),
        new("spec.runPolicy.suspend"),
        new("spec.pytorchReplicaSpecs.Worker.replicas")));

    private static readonly JobCreated Suspended = Ask.Created("""{"spec":{"runPolicy":{"backoffLimit":3,"suspend":true}}}""");

    [Theory]
    [InlineData("""{"spec":{"runPolicy":{"suspend":false}}}""", """{"spec":{"runPolicy":{"suspend":true}}}""", "spec.runPolicy.suspend")]
    [InlineData("""{"spec":{"runPolicy":{"suspend":null}}}""", """{"spec":{"runPolicy":{"suspend":true}}}""", "spec.runPolicy.suspend")]
    [InlineData("""{"spec":{"pytorchReplicaSpecs":{"Worker":{"replicas":4}}}}""", """{"spec":{"pytorchReplicaSpecs":{"Worker":{"replicas":1}}}}""",
        "spec.pytorchReplicaSpecs.Worker.replicas")]
    public void Lets_the_nested_field_change(string patch, string replaced, string path) => Story.Given(Suspended)
        .When(Under(Ask.Patch(patch)))
        .Then(Ask.Patched(patch, replaced, path));

    [Theory]
    [InlineData("""{"spec":{"runPolicy":{"backoffLimit":4}}}""", "spec.runPolicy.backoffLimit")]
    [InlineData("""{"spec":{"runPolicy":null}}""", "spec.runPolicy.backoffLimit")]
    [InlineData("""{"spec":{"runPolicy":5}}""", "spec.runPolicy")]
    [InlineData("""{"spec":{"pytorchReplicaSpecs":{"Master":{"replicas":null}}}}""", "spec.pytorchReplicaSpecs.Master.replicas")]
    [InlineData("""{"metadata":{"annotations":{"a":"b"}}}""", "metadata.annotations.a")]
    public void Leaves_everything_else_fixed(string patch, string field)
    {
        Story refused = Story.Given(Suspended).When(Under(Ask.Patch(patch)));
        var why = Assert.IsType<Rejection.FieldsFixed>(Assert.IsType<Decision.Refused>(refused.Decision).Why);
        Assert.Equal([field], why.Fields.Select(path => path.ToString()));
        Assert.Equal(["metadata.labels", "spec.runPolicy.suspend", "spec.pytorchReplicaSpecs.Worker.replicas"], why.Updatable);
    }

    [Fact]
    public void Makes_the_object_the_field_stands_in_and_takes_it_away_again()
    {
        Story made = Story.Given(Ask.Created()).When(Under(Ask.Patch("""{"spec":{"runPolicy":{"suspend":true}}}""")));
        made.Then(Ask.Patched("""{"spec":{"runPolicy":{"suspend":true}}}""", """{"spec":{"runPolicy":null}}""", "spec.runPolicy.suspend"));
        made.And.When(Under(Ask.Put("""{"spec":{"runPolicy":null}}""")(made.After)))
            .Then(Ask.Replaced("""{"spec":{"runPolicy":null}}""", """{"spec":{"runPolicy":{"suspend":true}}}""", "spec.runPolicy.suspend"));
    }

    [Theory]
    [InlineData("""{"spec":{"runPolicy":{"suspend":"yes"}}}""", "spec.runPolicy.suspend")]
    [InlineData("""{"spec":{"pytorchReplicaSpecs":{"Worker":{"replicas":0}}}}""", "spec.pytorchReplicaSpecs.Worker.replicas")]
    public void Has_the_nested_value_checked_by_the_schema(string patch, string field)
    {
        Story.Given(Suspended).When(Under(Ask.Patch(patch))).ThenRefusedFor(field);
        Story.Given().When(Under(Ask.Create(patch))).ThenRefusedFor(field);
    }

    [Fact]
    public void Is_what_a_rollback_restores()
    {
        Job before = Story.Given(Suspended).Job!;
        Story resumed = Story.Given(Suspended).When(Under(Ask.Patch(
            """{"metadata":{"labels":{"q":"1"}},"spec":{"runPolicy":{"suspend":false},"pytorchReplicaSpecs":{"Worker":{"replicas":7}}}}""")));
        Assert.Equal(before.Manifest["spec"], resumed.And.When(Under(Ask.RollBack(before))).After.Manifest["spec"]);
    }

    [Fact]
    public void A_null_in_a_new_job_counts_as_absent_down_to_the_field()
    {
        Story made = Story.Given().When(Under(Ask.Create(
            Given.Job().With("spec", ((JsonObject)Given.Job()["spec"]!).With("runPolicy", Given.Json("""{"suspend":null,"x":null}"""))))));
        Assert.Equal(Given.Json("""{"x":null}"""), made.After.Manifest["spec"]!.Member("runPolicy"));
    }

    [Fact]
    public void Is_the_published_patch_schema_and_nothing_more() => Assert.Equal(
        ["metadata.labels", "spec.pytorchReplicaSpecs.Worker.replicas", "spec.runPolicy.suspend"],
        Leaves(WithSuspend.Updatable.Patch(WithSuspend.Job), "").Order(StringComparer.Ordinal));

    [Fact]
    public void Is_named_in_the_descriptions() =>
        Assert.Equal(
            "What is to run. After creation runPolicy.suspend and pytorchReplicaSpecs.Worker.replicas may be changed, and nothing else.",
            WithSuspend.Job.Fields.Single(field => field.Name == "spec").About);

    private static JobCommand Under(JobCommand command) => command with { Profile = WithSuspend };

    private static IEnumerable<string> Leaves(Shape shape, string at) => shape is ObjectShape fields
        ? fields.Fields.SelectMany(field => Leaves(field.Shape, at.Length == 0 ? field.Name : $"{at}.{field.Name}"))
        : [at];
}
