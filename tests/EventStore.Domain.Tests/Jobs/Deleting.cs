using EventStore.Domain.Jobs;
using EventStore.Domain.Json;

namespace EventStore.Domain.Tests.Jobs;

/// <summary>A delete, what may hold it, and what may still change meanwhile.</summary>
public sealed class Deleting
{
    private const string Held = """{"metadata":{"labels":{"app":"mnist"},"finalizers":["a.b/c","d.e/f"]}}""";

    [Fact]
    public void A_job_without_finalizers_goes_at_once()
    {
        Story story = Story.Given(Ask.Created()).When(Ask.Delete());
        story.Then(Ask.Deleted());
        Assert.Equal((true, 2, 1000), (story.After.Deleted, story.After.Version, story.After.Revision));
        Assert.Same(story.Job!.Manifest, story.After.Manifest);
    }

    [Fact]
    public void A_job_with_finalizers_is_only_marked()
    {
        Story story = Story.Given(Ask.Created(Held)).When(Ask.Delete());
        story.Then(new JobDeletionRequested("2026-02-03T02:05:06Z"));
        Assert.Equal((false, true), (story.After.Deleted, story.After.Deleting));
        Assert.Equal(
            """
            {"creationTimestamp":"2019-07-24T10:36:26Z","deletionGracePeriodSeconds":0,"deletionTimestamp":"2026-02-03T02:05:06Z","finalizers":["a.b/c","d.e/f"],"generation":2,"labels":{"app":"mnist"},"name":"pytorch-test","namespace":"kube-test","uid":"c6e548f1-adfe-11e9-ba3a-b44326d0c915"}
            """,
            story.After.Metadata.ToString());
        Assert.Equal(story.Job!.Manifest["spec"], story.After.Manifest["spec"]);
    }

    [Fact]
    public void Deleting_twice_is_deleting_once() =>
        Story.Given(Ask.Created(Held), Ask.DeletionRequested()).When(Ask.Delete()).ThenNothing();

    [Fact]
    public void A_delete_may_name_the_incarnation_and_the_revision()
    {
        Story.Given(Ask.Created()).When(Ask.Delete(Ask.Uid.ToString(), "10")).Then(Ask.Deleted());
        Story.Given(Ask.Created()).When(Ask.Delete(Ask.OtherUid, "10"))
            .ThenRefused<Rejection.UidPrecondition>(Ask.OtherUid, Ask.Uid.ToString());
        Story.Given(Ask.Created()).When(Ask.Delete(null, "9")).ThenRefused<Rejection.RevisionPrecondition>("9", "10");
        Story.Given(Ask.Created()).When(Ask.Delete(Ask.OtherUid, "9"))
            .ThenRefused<Rejection.UidPrecondition>(Ask.OtherUid, Ask.Uid.ToString());
        Story.Given(Ask.Created(Held), Ask.DeletionRequested()).When(Ask.Delete(null, "10"))
            .ThenRefused<Rejection.RevisionPrecondition>("10", "20");
    }

    [Theory]
    [InlineData("""["a.b/c"]""")]
    [InlineData("""["d.e/f"]""")]
    public void Finalizers_may_be_taken_off_while_the_job_is_being_deleted(string rest)
    {
        string patch = $$$"""{"metadata":{"finalizers":{{{rest}}}}}""";
        const string replaced = """{"metadata":{"finalizers":["a.b/c","d.e/f"]}}""";
        Story patched = BeingDeleted().When(Ask.Patch(patch));
        patched.Then(Ask.Patched(patch, replaced, "metadata.finalizers"));
        Assert.Equal((false, (JsonValue)2), (patched.After.Deleted, patched.After.Metadata["generation"]));
        BeingDeleted().When(Ask.Put(patch)).Then(Ask.Replaced(patch, replaced, "metadata.finalizers"));
    }

    [Theory]
    [InlineData("""["x/y","a.b/c","d.e/f"]""", "\"x/y\"")]
    [InlineData("""["x/y"]""", "\"x/y\"")]
    [InlineData("""["z","a.b/c","x/y","z"]""", "\"x/y\", \"z\"")]
    public void None_may_be_added_then(string finalizers, string added)
    {
        string patch = $$$"""{"metadata":{"finalizers":{{{finalizers}}}}}""";
        string text =
            $"metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{{{added}}}";
        BeingDeleted().When(Ask.Patch(patch)).ThenRefused<Rejection.Invalid>(text);
        BeingDeleted().When(Ask.Put(patch)).ThenRefused<Rejection.Invalid>(text);
    }

    [Fact]
    public void A_finalizer_added_is_named_beside_the_other_wrong_values() => BeingDeleted()
        .When(Ask.Patch("""{"metadata":{"finalizers":["x/y"]},"spec":{"cleanPodPolicy":"all"}}"""))
        .ThenRefused<Rejection.Invalid>(
            "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{\"x/y\"}",
            "spec.cleanPodPolicy: Unsupported value: \"all\": supported values: \"All\", \"Running\", \"None\"");

    [Fact]
    public void A_field_outside_the_five_comes_before_a_finalizer_added() => BeingDeleted()
        .When(Ask.Patch("""{"metadata":{"finalizers":["x/y"]},"spec":{"backoffLimit":3}}"""))
        .ThenRefused<Rejection.FieldsFixed>("spec.backoffLimit");

    [Theory]
    [InlineData("null")]
    [InlineData("[]")]
    public void The_patch_that_takes_the_last_one_off_deletes_the_job(string finalizers)
    {
        Story story = BeingDeleted().When(Ask.Patch($$$"""{"metadata":{"finalizers":{{{finalizers}}}}}"""));
        story.Then(Ask.Deleted(
            """{"metadata":{"finalizers":null}}""", """{"metadata":{"finalizers":["a.b/c","d.e/f"]}}""", "metadata.finalizers"));
        Assert.Equal((true, 3, 1000), (story.After.Deleted, story.After.Version, story.After.Revision));
        Assert.Null(story.After.Metadata["finalizers"]);
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("null")] // no member at all: what Go's omitempty makes of the empty list
    public void So_does_a_put_without_any(string finalizers) => BeingDeleted()
        .When(Ask.Put($$$"""{"metadata":{"finalizers":{{{finalizers}}}}}"""))
        .Then(Ask.Deleted(
            """{"metadata":{"finalizers":null}}""", """{"metadata":{"finalizers":["a.b/c","d.e/f"]}}""", "metadata.finalizers"));

    [Fact]
    public void A_put_that_says_null_takes_them_off_too() => BeingDeleted()
        .When(Ask.Put(read => (JsonObject)Ask.Set(read, "metadata.finalizers", "null")))
        .Then(Ask.Deleted(
            """{"metadata":{"finalizers":null}}""", """{"metadata":{"finalizers":["a.b/c","d.e/f"]}}""", "metadata.finalizers"));

    [Fact]
    public void A_put_of_the_status_leaves_them_alone() => BeingDeleted()
        .When(Ask.PutStatus("""{"a":1}""", """{"metadata":{"finalizers":null}}"""))
        .Then(Ask.StatusUpdated("""{"a":1}""", null, "status.a"));

    [Fact]
    public void As_long_as_nobody_deletes_the_job_a_put_that_leaves_them_out_keeps_them() => Story.Given(Ask.Created(Held))
        .When(Ask.Put("""{"metadata":{"finalizers":null}}"""))
        .ThenNothing();

    [Fact]
    public void What_else_that_patch_changes_is_in_the_same_event()
    {
        Story story = BeingDeleted().When(Ask.Patch(
            """{"metadata":{"finalizers":null,"labels":{"app":"done"}},"spec":{"cleanPodPolicy":"All"}}"""));
        story.Then(Ask.Deleted(
            """{"metadata":{"finalizers":null,"labels":{"app":"done"}},"spec":{"cleanPodPolicy":"All"}}""",
            """{"metadata":{"finalizers":["a.b/c","d.e/f"],"labels":{"app":"mnist"}},"spec":{"cleanPodPolicy":null}}""",
            "metadata.finalizers", "metadata.labels.app", "spec.cleanPodPolicy"));
        Assert.Equal((JsonValue)3, story.After.Metadata["generation"]);
    }

    [Fact]
    public void A_patch_that_leaves_a_finalizer_changes_the_job_and_lets_it_live() => BeingDeleted()
        .When(Ask.Patch("""{"metadata":{"labels":{"app":"done"}}}"""))
        .Then(Ask.Patched(
            """{"metadata":{"labels":{"app":"done"}}}""", """{"metadata":{"labels":{"app":"mnist"}}}""", "metadata.labels.app"));

    [Theory]
    [InlineData("""{"metadata":{"deletionTimestamp":null,"deletionGracePeriodSeconds":null}}""")]
    [InlineData("""{"metadata":{"deletionTimestamp":"2030-01-01T00:00:00Z","deletionGracePeriodSeconds":30}}""")]
    public void A_deletion_cannot_be_taken_back(string patch)
    {
        BeingDeleted().When(Ask.Patch(patch)).ThenNothing();
        BeingDeleted().When(Ask.Put(patch)).ThenNothing();
    }

    [Fact]
    public void A_great_many_finalizers_are_compared_in_one_pass() => Scaling.IsOfOnePass(500, count =>
    {
        string[] names = [.. Enumerable.Range(0, count).Select(n => $"\"a/{n}\"")];
        Story story = Story.Given(
            Ask.Created($$$"""{"metadata":{"finalizers":[{{{string.Join(',', names)}}}]}}"""), Ask.DeletionRequested());
        JobCommand patch = Ask.Patch($$$"""{"metadata":{"finalizers":[{{{string.Join(',', names.Reverse())}}}]}}""");
        return () => story.When(patch);
    });

    private static Story BeingDeleted() => Story.Given(Ask.Created(Held), Ask.DeletionRequested());

    [Fact]
    public void The_name_is_not_free_before_the_job_is_gone()
    {
        Story refused = BeingDeleted().When(Ask.Create());
        Assert.Equal(new Rejection.AlreadyExists(BeingDeleted: true), Assert.IsType<Decision.Refused>(refused.Decision).Why);
        refused = Story.Given(Ask.Created()).When(Ask.Create());
        Assert.Equal(new Rejection.AlreadyExists(BeingDeleted: false), Assert.IsType<Decision.Refused>(refused.Decision).Why);
    }
}
