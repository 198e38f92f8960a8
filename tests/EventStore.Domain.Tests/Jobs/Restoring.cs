using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Domain.Tests.Manifests;

namespace EventStore.Domain.Tests.Jobs;

/// <summary>A job that was deleted is made anew. The events' revisions are 10, 20, 30, …</summary>
public sealed class Restoring
{
    private static readonly Job Past = Story.Given(
        Ask.Created("""{"metadata":{"labels":{"app":"mnist"},"finalizers":["a/b"]},"spec":{"cleanPodPolicy":"All"}}"""),
        Ask.Patched("""{"spec":{"ttlSecondsAfterFinished":7}}""", """{"spec":{"ttlSecondsAfterFinished":null}}"""),
        Ask.StatusUpdated("""{"startTime":"now"}""", null, "status.startTime"),
        Ask.DeletionRequested()).Job!;

    [Fact]
    public void Is_the_beginning_of_another_life_that_names_the_one_before()
    {
        JsonObject manifest = (JsonObject)MergePatch.Apply(Past.Manifest, Given.Json("""
            {"metadata":{"creationTimestamp":"2026-02-03T02:05:06Z","deletionGracePeriodSeconds":null,"deletionTimestamp":null,"finalizers":null,"generation":1,
            "uid":"00000000-0000-0000-0000-000000000001"},"status":null}
            """));
        Story back = Story.Given().When(Ask.Restore(Past));
        back.Then(new JobRestored(manifest, Ask.Uid, 40));
        Assert.Equal((Ask.OtherUid, 1L, false), (back.After.UidText, back.After.Version, back.After.Deleting));
        Assert.Equal("""{"app":"mnist"}""", back.After.Metadata["labels"]!.ToString());
        Assert.Null(back.After.Revert(new JobRestored(manifest, Ask.Uid, 40), 0));
    }

    [Fact]
    public void Brings_status_and_finalizers_only_when_they_are_asked_for()
    {
        Job both = Story.Given().When(Ask.Restore(Past) with { WithStatus = true, WithFinalizers = true }).After;
        Assert.Equal(
            ("""["a/b"]""", """{"startTime":"now"}"""), (both.Metadata["finalizers"]!.ToString(), both.Manifest["status"]!.ToString()));
        Job neither = Story.Given().When(Ask.Restore(Past)).After;
        Assert.Equal((null, null), (neither.Metadata["finalizers"], neither.Manifest["status"]));
    }

    [Fact]
    public void Is_refused_where_the_name_lives() =>
        Story.Given(Ask.Created()).When(Ask.Restore(Past)).ThenRefused<Rejection.AlreadyExists>();

    [Fact]
    public void Makes_a_copy_under_another_name_which_must_be_one()
    {
        Job copy = Story.Given().When(Ask.Restore(Past, "beside", "other")).After;
        Assert.Equal(new JobKey("other", "beside"), copy.Key);
        Story.Given().When(Ask.Restore(Past, "Not a name")).ThenRefusedFor("metadata.name");
    }

    [Fact]
    public void And_deleting_is_as_if_nothing_had_been_but_for_the_history()
    {
        Story restored = Story.Given().When(Ask.Restore(Past)).And;
        restored.When(Ask.Delete()).Then(Ask.Deleted());
        Story.Given().When(Ask.Restore(restored.When(Ask.Delete()).After)).Then(
            new JobRestored(restored.Job!.Manifest, Guid.Parse(Ask.OtherUid), 1000));
    }
}
