using EventStore.Domain.History;
using EventStore.Domain.Jobs;
using EventStore.Domain.Manifests;

namespace EventStore.Domain.Tests.Jobs;

/// <summary>Going back to an earlier revision. The events' revisions are 10, 20, 30, …</summary>
public sealed class RollingBack
{
    private static readonly JobEvent[] Life =
    [
        Ask.Created("""{"metadata":{"labels":{"app":"mnist"}},"spec":{"cleanPodPolicy":"All"}}"""),
        Ask.Patched("""{"metadata":{"labels":{"app":"x","team":"ml"}}}""", """{"metadata":{"labels":{"app":"mnist","team":null}}}"""),
        Ask.Patched(
            """{"spec":{"cleanPodPolicy":null,"ttlSecondsAfterFinished":7}}""",
            """{"spec":{"cleanPodPolicy":"All","ttlSecondsAfterFinished":null}}"""),
        Ask.StatusUpdated("""{"conditions":[{"type":"Running"}],"startTime":"now"}""", null, "status.conditions", "status.startTime"),
    ];

    private static readonly Job AtFirst = Story.Given(Life[..1]).Job!;
    private static readonly Job Labelled = Story.Given(Life[..2]).Job!;

    [Fact]
    public void Is_one_event_with_both_ways_and_the_revision() => Story.Given(Life).When(Ask.RollBack(AtFirst)).Then(Ask.RolledBack(
        10,
        """{"metadata":{"labels":{"app":"mnist","team":null}},"spec":{"cleanPodPolicy":"All","ttlSecondsAfterFinished":null}}""",
        """{"metadata":{"labels":{"app":"x","team":"ml"}},"spec":{"cleanPodPolicy":null,"ttlSecondsAfterFinished":7}}""",
        "metadata.labels.app", "metadata.labels.team", "spec.cleanPodPolicy", "spec.ttlSecondsAfterFinished"));

    [Fact]
    public void Counts_as_a_generation_only_when_something_outside_metadata_goes_back()
    {
        Job before = Story.Given(Life).Job!;
        Assert.Equal("2", before.Metadata["generation"]!.ToString());
        Assert.Equal("3", Story.Given(Life).When(Ask.RollBack(AtFirst)).After.Metadata["generation"]!.ToString());
        Assert.Equal("1", Story.Given(Life[..2]).When(Ask.RollBack(AtFirst)).After.Metadata["generation"]!.ToString());
    }

    [Fact]
    public void To_where_the_job_stands_is_nothing() => Story.Given(Life).When(Ask.RollBack(Story.Given(Life).Job)).ThenNothing();

    [Fact]
    public void Where_only_the_status_changed_since_is_nothing_and_says_so()
    {
        Job past = Story.Given(Life[..3]).Job!;
        Story.Given(Life).When(Ask.RollBack(past)).ThenNothing();
        Assert.Equal(
            ["status.conditions", "status.startTime"], Rollback.NotRestored(past, Story.Given(Life).Job!).Select(path => path.ToString()));
    }

    [Fact]
    public void Of_a_job_being_deleted_leaves_it_being_deleted()
    {
        JobEvent[] life =
            [Ask.Created("""{"metadata":{"finalizers":["a/b"],"labels":{"app":"mnist"}}}"""), Life[1], Ask.DeletionRequested()];
        Job past = Story.Given(life[..1]).Job!;
        Story back = Story.Given(life).When(Ask.RollBack(past));
        Assert.True(back.After.Deleting);
        Assert.Equal("""{"app":"mnist"}""", back.After.Metadata["labels"]!.ToString());
        Assert.Equal(
            ["metadata.deletionGracePeriodSeconds", "metadata.deletionTimestamp"],
            Rollback.NotRestored(past, back.After).Select(path => path.ToString()));
    }

    [Fact]
    public void Of_no_job_is_not_found() => new Story((Job?)null).When(Ask.RollBack(AtFirst)).ThenRefused<Rejection.NotFound>();

    [Fact]
    public void To_a_revision_without_the_job_is_refused() => Story.Given(Life).When(Ask.RollBack(null)).ThenRefused<Rejection.Invalid>(
        "revision: Invalid value: 1: there was no such job at that revision");

    [Fact]
    public void To_another_incarnation_is_refused() =>
        Story.Given(Life).When(Ask.RollBack(AtFirst with { Uid = Guid.Parse(Ask.OtherUid) })).ThenRefused<Rejection.Invalid>(
            $"revision: Invalid value: 10: another job of that name lived at that revision: its uid was {Ask.OtherUid}, this one's is {Ask.Uid}");

    [Fact]
    public void Is_held_to_the_limits_of_metadata() =>
        Story.Given(Life).When(Ask.RollBack(Labelled) with { Limits = new MetadataLimits(Labels: 1) })
        .ThenRefused<Rejection.Invalid>("metadata.labels: Too many: 2: must have at most 1 items");

    [Theory]
    [InlineData("40")]
    [InlineData(null)]
    public void Under_a_lock_that_holds_or_none_is_done(string? current) =>
        Assert.IsType<Decision.Accepted>(Story.Given(Life).When(Ask.RollBack(Labelled, current)).Decision);

    [Fact]
    public void Under_a_lock_that_does_not_hold_is_stale_whatever_else_is_wrong()
    {
        Story.Given(Life).When(Ask.RollBack(Labelled, "30")).ThenRefused<Rejection.Stale>();
        Story.Given(Life).When(Ask.RollBack(null, "30")).ThenRefused<Rejection.Stale>();
        Story.Given(Life).When(Ask.RollBack(Labelled, "0")).ThenRefused<Rejection.RevisionMissing>();
        Story.Given(Life).When(Ask.RollBack(Labelled, "x")).ThenRefused<Rejection.BadRequest>(
            "metadata.resourceVersion: Invalid value: \"x\": must be the decimal number of a revision");
    }

    [Fact]
    public void Is_told_value_by_value() => Assert.Equal(
        ["metadata.labels.app: \"x\" -> \"mnist\"", "metadata.labels.team: \"ml\" -> "],
        Changes.Of(Assert.IsType<Decision.Accepted>(Story.Given(Life[..2]).When(Ask.RollBack(AtFirst)).Decision).Event)
            .Select(change => $"{change.Path}: {change.Before} -> {change.After}"));
}
