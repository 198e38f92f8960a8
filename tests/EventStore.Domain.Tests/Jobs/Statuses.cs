using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using EventStore.Domain.Tests.Manifests;

namespace EventStore.Domain.Tests.Jobs;

/// <summary>What goes through <c>…/status</c>: the status and nothing else.</summary>
public sealed class Statuses
{
    private const string Running = """{"conditions":[{"status":"True","type":"Running"}],"startTime":"2026-01-01T00:00:00Z"}""";

    [Fact]
    public void A_first_status_is_set_whole()
    {
        Story patched = Story.Given(Ask.Created()).When(Ask.PatchStatus($$$"""{"status":{{{Running}}}}"""));
        patched.Then(Ask.StatusUpdated(Running, null, "status.conditions", "status.startTime"));
        Assert.Equal(Given.Json(Running), patched.After.Manifest["status"]);
        Assert.Equal((2, 1000), (patched.After.Version, patched.After.Revision));
        Assert.Same(patched.Job!.Metadata, patched.After.Metadata);
        Story.Given(Ask.Created()).When(Ask.PutStatus(Running)).Then(Ask.StatusUpdated(
            Running, null, "status.conditions", "status.startTime"));
    }

    [Theory]
    [InlineData(34, 34)]
    [InlineData(35, null)]
    public void It_has_a_limit_however_many_patches_made_it(int limit, int? refused)
    {
        const string before = """{"a":"0123456789"}""", after = """{"a":"0123456789","b":"0123456789"}""";
        Story story = Story.Given(Ask.Created(), Ask.StatusUpdated(before, null))
            .When(Ask.PatchStatus("""{"status":{"b":"0123456789"}}""") with { Limits = new MetadataLimits(StatusBytes: limit) });
        if (refused is null)
            story.Then(Ask.StatusUpdated(after, before, "status.b"));
        else
            story.ThenRefused<Rejection.Invalid>("status: Too long: may not be more than 34 bytes");
    }

    [Fact]
    public void A_patch_of_it_is_recorded_as_the_whole_before_and_after() => Story
        .Given(Ask.Created(), Ask.StatusUpdated(Running, null))
        .When(Ask.PatchStatus("""{"status":{"startTime":null,"replicaStatuses":{"Master":{"active":1}}}}"""))
        .Then(Ask.StatusUpdated(
            """{"conditions":[{"status":"True","type":"Running"}],"replicaStatuses":{"Master":{"active":1}}}""", Running,
            "status.replicaStatuses.Master.active", "status.startTime"));

    [Fact]
    public void Nulls_inside_are_kept_as_operators_write_them()
    {
        const string fresh = """{"conditions":null,"replicaStatuses":{"Master":{}}}""";
        Story story = Story.Given(Ask.Created()).When(Ask.PutStatus(fresh));
        story.Then(Ask.StatusUpdated(fresh, null, "status.conditions", "status.replicaStatuses.Master"));
        Assert.Equal(Given.Json(fresh), story.After.Manifest["status"]);
        story.And.When(Ask.PutStatus(fresh)).ThenNothing();
        story.And.When(Ask.PutStatus("""{"replicaStatuses":{"Master":{}}}""")).Then(Ask.StatusUpdated(
            """{"replicaStatuses":{"Master":{}}}""", fresh, "status.conditions"));
        story.And.When(Ask.PatchStatus("""{"status":{"startTime":"now"}}""")).Then(Ask.StatusUpdated(
            """{"conditions":null,"replicaStatuses":{"Master":{}},"startTime":"now"}""", fresh, "status.startTime"));
    }

    [Fact]
    public void It_may_be_empty_and_that_is_not_the_same_as_none()
    {
        Story.Given(Ask.Created()).When(Ask.PutStatus("{}")).Then(Ask.StatusUpdated("{}", null, "status"));
        Story.Given(Ask.Created()).When(Ask.PatchStatus("""{"status":{}}""")).Then(Ask.StatusUpdated("{}", null, "status"));
        Story.Given(Ask.Created(), Ask.StatusUpdated("{}", null)).When(Ask.PutStatus(null)).Then(Ask.StatusUpdated(null, "{}", "status"));
    }

    [Fact]
    public void It_may_be_taken_away()
    {
        Story story = Story.Given(Ask.Created(), Ask.StatusUpdated(Running, null));
        story.When(Ask.PatchStatus("""{"status":null}""")).Then(Ask.StatusUpdated(null, Running, "status.conditions", "status.startTime"));
        story.When(Ask.PutStatus(null)).Then(Ask.StatusUpdated(null, Running, "status.conditions", "status.startTime"));
        story.When(Ask.PutStatus("null")).Then(Ask.StatusUpdated(null, Running, "status.conditions", "status.startTime"));
        Assert.Null(story.When(Ask.PutStatus(null)).After.Manifest["status"]);
    }

    [Fact]
    public void The_same_status_is_no_change()
    {
        Story story = Story.Given(Ask.Created(), Ask.StatusUpdated(Running, null));
        story.When(Ask.PatchStatus($$$"""{"status":{{{Running}}}}""")).ThenNothing();
        story.When(Ask.PatchStatus("{}")).ThenNothing();
        story.When(Ask.PutStatus(Running)).ThenNothing();
        Story.Given(Ask.Created()).When(Ask.PutStatus(null)).ThenNothing();
        Story.Given(Ask.Created()).When(Ask.PutStatus("null")).ThenNothing();
        Story.Given(Ask.Created()).When(Ask.PatchStatus("""{"status":null}""")).ThenNothing();
    }

    [Theory]
    [InlineData("5", "integer")]
    [InlineData("\"Running\"", "string")]
    [InlineData("[]", "array")]
    [InlineData("true", "boolean")]
    public void It_is_an_object(string status, string type)
    {
        string error = $"status: Invalid value: \"{type}\": status in body must be of type object: \"{type}\"";
        Story.Given(Ask.Created()).When(Ask.PatchStatus($$$"""{"status":{{{status}}}}""")).ThenRefused<Rejection.Invalid>(error);
        Story.Given(Ask.Created()).When(Ask.PutStatus(status)).ThenRefused<Rejection.Invalid>(error);
    }

    [Fact]
    public void Whatever_else_is_sent_is_left_alone()
    {
        const string other =
            """{"foo":1,"metadata":{"labels":{"a":"b"},"finalizers":["x/y"],"generation":9},"spec":{"backoffLimit":3,"cleanPodPolicy":"none"}}""";
        var both = (JsonObject)MergePatch.Apply(Given.Object(other), Given.Json("""{"status":{"a":1}}"""));
        Story.Given(Ask.Created()).When(Ask.PatchStatus(other)).ThenNothing();
        Story.Given(Ask.Created()).When(Ask.PatchStatus(both.ToString())).Then(Ask.StatusUpdated("""{"a":1}""", null, "status.a"));
        Story.Given(Ask.Created()).When(Ask.PutStatus("""{"a":1}""", other)).Then(Ask.StatusUpdated("""{"a":1}""", null, "status.a"));
    }

    [Fact]
    public void A_job_being_deleted_still_has_one() => Story
        .Given(Ask.Created("""{"metadata":{"finalizers":["a/b"]}}"""), Ask.DeletionRequested())
        .When(Ask.PatchStatus("""{"metadata":{"finalizers":null},"status":{"a":1}}"""))
        .Then(Ask.StatusUpdated("""{"a":1}""", null, "status.a"));
}
