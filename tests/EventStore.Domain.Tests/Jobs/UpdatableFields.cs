using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;

namespace EventStore.Domain.Tests.Jobs;

/// <summary>The five fields that may change, and what an event says of a change.</summary>
public sealed class UpdatableFields
{
    private const string Full = """
        {"metadata":{"labels":{"app":"mnist","team":"a"},"annotations":{"note":"n"}},
         "spec":{"activeDeadlineSeconds":60,"ttlSecondsAfterFinished":0,"cleanPodPolicy":"All"}}
        """;

    [Fact]
    public void There_are_five() => Assert.Equal(
        ["metadata.labels", "metadata.annotations", "spec.activeDeadlineSeconds", "spec.ttlSecondsAfterFinished", "spec.cleanPodPolicy"],
        Profile.Documented.Updatable.Paths);

    [Theory]
    [InlineData("""{"metadata":{"labels":{"app":"test"}}}""", """{"metadata":{"labels":null}}""", "metadata.labels.app")]
    [InlineData("""{"metadata":{"annotations":{"example.com/a":"b"}}}""", """{"metadata":{"annotations":null}}""", "metadata.annotations['example.com/a']")]
    [InlineData("""{"spec":{"activeDeadlineSeconds":9223372036854775807}}""", """{"spec":{"activeDeadlineSeconds":null}}""", "spec.activeDeadlineSeconds")]
    [InlineData("""{"spec":{"ttlSecondsAfterFinished":0}}""", """{"spec":{"ttlSecondsAfterFinished":null}}""", "spec.ttlSecondsAfterFinished")]
    [InlineData("""{"spec":{"cleanPodPolicy":"Running"}}""", """{"spec":{"cleanPodPolicy":null}}""", "spec.cleanPodPolicy")]
    [InlineData("""{"spec":{"cleanPodPolicy":""}}""", """{"spec":{"cleanPodPolicy":null}}""", "spec.cleanPodPolicy")]
    public void Each_may_be_set(string patch, string replaced, string path) => BothWays(Ask.Created(), patch, patch, replaced, path);

    [Theory]
    [InlineData("""{"metadata":{"labels":{"app":"test"}}}""", """{"metadata":{"labels":{"app":"mnist"}}}""", "metadata.labels.app")]
    [InlineData("""{"metadata":{"annotations":{"note":""}}}""", """{"metadata":{"annotations":{"note":"n"}}}""", "metadata.annotations.note")]
    [InlineData("""{"spec":{"activeDeadlineSeconds":61}}""", """{"spec":{"activeDeadlineSeconds":60}}""", "spec.activeDeadlineSeconds")]
    [InlineData("""{"spec":{"ttlSecondsAfterFinished":2147483647}}""", """{"spec":{"ttlSecondsAfterFinished":0}}""", "spec.ttlSecondsAfterFinished")]
    [InlineData("""{"spec":{"cleanPodPolicy":"None"}}""", """{"spec":{"cleanPodPolicy":"All"}}""", "spec.cleanPodPolicy")]
    public void Each_may_be_changed(string patch, string replaced, string path) =>
        BothWays(Ask.Created(Full), patch, patch, replaced, path);

    [Theory]
    [InlineData("""{"metadata":{"labels":null}}""", """{"metadata":{"labels":{"app":"mnist","team":"a"}}}""", "metadata.labels.app", "metadata.labels.team")]
    [InlineData("""{"metadata":{"labels":{"app":null}}}""", """{"metadata":{"labels":{"app":"mnist"}}}""", "metadata.labels.app")]
    [InlineData("""{"metadata":{"annotations":null}}""", """{"metadata":{"annotations":{"note":"n"}}}""", "metadata.annotations.note")]
    [InlineData("""{"spec":{"activeDeadlineSeconds":null}}""", """{"spec":{"activeDeadlineSeconds":60}}""", "spec.activeDeadlineSeconds")]
    [InlineData("""{"spec":{"ttlSecondsAfterFinished":null}}""", """{"spec":{"ttlSecondsAfterFinished":0}}""", "spec.ttlSecondsAfterFinished")]
    [InlineData("""{"spec":{"cleanPodPolicy":null}}""", """{"spec":{"cleanPodPolicy":"All"}}""", "spec.cleanPodPolicy")]
    public void Each_may_be_taken_away_with_null(string patch, string replaced, params string[] paths) =>
        BothWays(Ask.Created(Full), patch, patch, replaced, paths);

    [Fact]
    public void The_last_label_takes_the_map_with_it() => BothWays(
        Ask.Created("""{"metadata":{"labels":{"app":"mnist"}}}"""),
        """{"metadata":{"labels":{"app":null}}}""",
        """{"metadata":{"labels":null}}""", """{"metadata":{"labels":{"app":"mnist"}}}""", "metadata.labels.app");

    [Fact]
    public void All_five_may_change_at_once_in_one_event() => BothWays(
        Ask.Created(Full),
        """{"metadata":{"labels":{"app":null,"x":"1"},"annotations":null},"spec":{"activeDeadlineSeconds":1,"ttlSecondsAfterFinished":null,"cleanPodPolicy":""}}""",
        """{"metadata":{"labels":{"app":null,"x":"1"},"annotations":null},"spec":{"activeDeadlineSeconds":1,"ttlSecondsAfterFinished":null,"cleanPodPolicy":""}}""",
        """{"metadata":{"labels":{"app":"mnist","x":null},"annotations":{"note":"n"}},"spec":{"activeDeadlineSeconds":60,"ttlSecondsAfterFinished":0,"cleanPodPolicy":"All"}}""",
        "metadata.annotations.note", "metadata.labels.app", "metadata.labels.x", "spec.activeDeadlineSeconds", "spec.cleanPodPolicy",
        "spec.ttlSecondsAfterFinished");

    [Fact]
    public void The_event_holds_what_really_changed_and_nothing_else() => BothWays(
        Ask.Created(Full),
        """{"kind":"PyTorchJob","metadata":{"name":"pytorch-test","labels":{"app":"mnist","team":"b","none":null}},"spec":{"cleanPodPolicy":"All","activeDeadlineSeconds":60}}""",
        """{"metadata":{"labels":{"team":"b"}}}""", """{"metadata":{"labels":{"team":"a"}}}""", "metadata.labels.team");

    [Theory]
    [InlineData("""{"metadata":{"labels":{"app":"test"},"annotations":null}}""", 1)]
    [InlineData("""{"spec":{"cleanPodPolicy":"None"}}""", 2)]
    [InlineData("""{"metadata":{"labels":{"app":"test"}},"spec":{"activeDeadlineSeconds":null}}""", 2)]
    public void The_generation_counts_changes_outside_metadata(string patch, long generation)
    {
        Assert.Equal((JsonValue)generation, Story.Given(Ask.Created(Full)).When(Ask.Patch(patch)).After.Metadata["generation"]);
        Assert.Equal((JsonValue)generation, Story.Given(Ask.Created(Full)).When(Ask.Put(patch)).After.Metadata["generation"]);
    }

    [Fact]
    public void A_change_is_the_next_version_at_the_revision_given_and_leaves_the_rest_alone()
    {
        Story story = Story.Given(Ask.CreatedWithNullsInTemplates());
        Job after = story.When(Ask.Patch("""{"spec":{"cleanPodPolicy":"All"}}""")).After;
        Assert.Equal((2, 1000, false), (after.Version, after.Revision, after.Deleted));
        Assert.Same(story.Job!.Manifest["spec"]!.Member("pytorchReplicaSpecs"), after.Manifest["spec"]!.Member("pytorchReplicaSpecs"));
    }

    [Fact]
    public void Digits_stay_as_they_were_sent() => Story
        .Given(Ask.Created())
        .When(Ask.Patch("""{"metadata":{"annotations":{"n":"1.10"}},"spec":{"activeDeadlineSeconds":9007199254740993}}"""))
        .Then(Ask.Patched(
            """{"metadata":{"annotations":{"n":"1.10"}},"spec":{"activeDeadlineSeconds":9007199254740993}}""",
            """{"metadata":{"annotations":null},"spec":{"activeDeadlineSeconds":null}}""", "metadata.annotations.n",
            "spec.activeDeadlineSeconds"));

    [Fact]
    public void A_put_without_labels_annotations_and_policies_takes_them_away() => Story
        .Given(Ask.Created(Full))
        .When(Ask.Put(
            """{"metadata":{"labels":null,"annotations":null},"spec":{"activeDeadlineSeconds":null,"ttlSecondsAfterFinished":null,"cleanPodPolicy":null}}"""))
        .Then(Ask.Replaced(
            """{"metadata":{"labels":null,"annotations":null},"spec":{"activeDeadlineSeconds":null,"ttlSecondsAfterFinished":null,"cleanPodPolicy":null}}""",
            Full, "metadata.annotations.note", "metadata.labels.app", "metadata.labels.team", "spec.activeDeadlineSeconds",
            "spec.cleanPodPolicy", "spec.ttlSecondsAfterFinished"));

    [Fact]
    public void More_than_a_thousand_changed_values_are_in_the_patch_though_not_all_among_the_paths()
    {
        string labels = string.Join(',', Enumerable.Range(0, 1001).Select(n => $"\"a{n:d4}\":\"\""));
        JobEvent happened = Assert.IsType<Decision.Accepted>(
            Story.Given(Ask.Created()).When(Ask.Patch($$$$"""{"metadata":{"labels":{{{{{labels}}}}}}}""")).Decision).Event;
        JobPatched patched = Assert.IsType<JobPatched>(happened);
        Assert.Equal((1000, 1001), (patched.Paths.Count, ((JsonObject)patched.Patch["metadata"]!.Member("labels")!).Count));
    }

    private static void BothWays(JobCreated created, string command, string patch, string replaced, params string[] paths)
    {
        Story.Given(created).When(Ask.Patch(command)).Then(Ask.Patched(patch, replaced, paths));
        Story.Given(created).When(Ask.Put(command)).Then(Ask.Replaced(patch, replaced, paths));
    }
}
