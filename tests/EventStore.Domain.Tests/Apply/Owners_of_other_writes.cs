using EventStore.Domain.Apply;
using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Domain.Tests.Jobs;
using EventStore.Domain.Tests.Manifests;
using static EventStore.Domain.Tests.Apply.Applying;

namespace EventStore.Domain.Tests.Apply;

/// <summary>Whoever writes without applying owns what they changed, and everybody else loses it.</summary>
public sealed class Owners_of_other_writes
{
    [Fact]
    public void Who_creates_owns_everything_but_what_identifies_the_job()
    {
        string owned = OwnedBy(Made().Job!, "maker");
        Assert.StartsWith(
            """{"f:metadata":{"f:labels":{".":{},"f:app":{}}},"f:spec":{".":{},"f:pytorchReplicaSpecs":{".":{},"f:Master":{".":{},"f:replicas":{},""",
            owned, StringComparison.Ordinal);
        Assert.Contains("""k:{\"name\":\"pytorch\"}":{".":{},"f:image":{},"f:name":{}""", owned, StringComparison.Ordinal);
    }

    [Fact]
    public void A_merge_patch_takes_what_it_changes_with_the_defaults_it_brings()
    {
        Job patched = Made().When(Under(Ask.Patch(
            """{"metadata":{"labels":{"app":"x","b":"1"}},"spec":{"runPolicy":{"ttlSecondsAfterFinished":5}}}"""), "merger")).After;
        Assert.Equal(
            """{"f:metadata":{"f:labels":{"f:app":{},"f:b":{}}},"f:spec":{"f:runPolicy":{".":{},"f:suspend":{},"f:ttlSecondsAfterFinished":{}}}}""",
            OwnedBy(patched, "merger"));
        Assert.StartsWith("""{"f:metadata":{"f:labels":{}},""", OwnedBy(patched, "maker"), StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_taken_away_belongs_to_nobody()
    {
        Job patched = Made().When(Under(Ask.Patch("""{"metadata":{"labels":{"app":null}}}"""), "merger")).After;
        Assert.StartsWith("""maker Update - {"f:spec":""", Owners(patched), StringComparison.Ordinal);
        Assert.Single(ManagedFields.Of(patched.Owners).Items);
    }

    [Fact]
    public void A_status_and_a_scale_are_owned_under_their_subresource()
    {
        Story written = Made().When(Under(Ask.PatchStatus("""{"status":{"startTime":"2026-01-01T00:00:00Z"}}"""), "op")).And;
        Assert.Contains("""op Update status {"f:status":{".":{},"f:startTime":{}}}""", Owners(written.Job!), StringComparison.Ordinal);
        JobCommand any = Ask.Patch("{}");
        Job scaled = written
            .When(Under(new ScaleJob(Ask.Key, any.Time, any.Origin, Given.Object("""{"spec":{"replicas":7}}"""), null), "hpa")).After;
        Assert.Contains(
            """hpa Update scale {"f:spec":{"f:pytorchReplicaSpecs":{"f:Worker":{"f:replicas":{}}}}}""", Owners(scaled),
            StringComparison.Ordinal);
    }

    [Fact]
    public void Finalizers_and_owner_references_are_owned_one_by_one()
    {
        Job patched = Made().When(Under(Ask.Patch(
            """{"metadata":{"finalizers":["example.com/hold"],"ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"x","uid":"u"}]}}"""),
            "merger")).After;
        Assert.Equal(
            """{"f:metadata":{"f:finalizers":{".":{},"v:\"example.com/hold\"":{}},"f:ownerReferences":{".":{},"k:{\"uid\":\"u\"}":{}}}}""",
            OwnedBy(patched, "merger"));
    }

    [Theory]
    [InlineData("""{"metadata":{"managedFields":[{}]}}""")]
    [InlineData("""{"metadata":{"managedFields":[]}}""")]
    public void The_owners_can_be_forgotten(string patch)
    {
        Story forgotten = Made().When(Under(Ask.Patch(patch), "merger"));
        Assert.True(forgotten.After.Owners.IsNone);
        Assert.Empty(Assert.IsType<JobPatched>(Assert.IsType<Decision.Accepted>(forgotten.Decision).Event).Paths);
        forgotten.And.When(Under(Ask.Patch("""{"metadata":{"labels":{"b":"1"}}}"""), "merger")).Then(
            Ask.Patched("""{"metadata":{"labels":{"b":"1"}}}""", """{"metadata":{"labels":{"b":null}}}""", "metadata.labels.b"));
    }

    [Theory]
    [InlineData("""[{"op":"replace","path":"/metadata/managedFields","value":[{}]}]""", true)]
    [InlineData("""[{"op":"test","path":"/metadata/managedFields/0/manager","value":"maker"},{"op":"remove","path":"/metadata/labels"}]""", false)]
    public void A_json_patch_sees_the_owners(string operations, bool forgets)
    {
        JobCommand any = Ask.Patch("{}");
        var patch = new SentPatch.Operations(new JsonPatch((JsonArray)Given.Json(operations)));
        Assert.Equal(forgets, Made().When(Under(new PatchJob(Ask.Key, any.Time, any.Origin, patch), "p")).After.Owners.IsNone);
    }

    [Fact]
    public void Who_restores_owns_everything_but_the_status()
    {
        Job past = Made().When(Under(Ask.PatchStatus("""{"status":{"startTime":"2026-01-01T00:00:00Z"}}"""), "op")).After;
        JobCommand any = Ask.Patch("{}");
        Job restored = new Story(null)
            .When(Under(new RestoreJob(Ask.Key, any.Time, any.Origin, past, Ask.Uid) { WithStatus = true }, "restorer")).After;
        Assert.NotNull(restored.Manifest["status"]);
        Assert.Equal(OwnedBy(Made().Job!, "maker"), OwnedBy(restored, "restorer"));
        Assert.Single(ManagedFields.Of(restored.Owners).Items);
    }

    [Fact]
    public void What_was_read_may_be_sent_back()
    {
        Story made = Made();
        JsonObject shown = made.Job!.Manifest.With(
            "metadata", made.Job.Metadata.With("managedFields", ManagedFields.Of(made.Job.Owners)).With("resourceVersion", "1000"));
        made.When(Under(Ask.PutExactly(shown), "putter")).ThenNothing();
    }

    [Fact]
    public void More_than_ten_updaters_become_ancient()
    {
        Story story = Made();
        for (int i = 0; i < 12; i++)
        {
            string patch = "{\"metadata\":{\"labels\":{\"l" + i + "\":\"1\"}}}";
            DateTimeOffset time = DateTimeOffset.UnixEpoch.AddSeconds(2_000_000_000 + i);
            story = story.When(Under(Ask.Patch(patch) with { Time = time }, $"m{i}")).And;
        }

        string[] managers = [.. Owners(story.Job!).Split('\n').Select(line => line.Split(' ')[0])];
        Assert.Equal(10, managers.Length);
        Assert.Contains("ancient-changes", managers);
        Assert.Contains("f:l1\"", OwnedBy(story.Job!, "ancient-changes"), StringComparison.Ordinal);
    }

    [Fact]
    public void The_documented_profile_counts_nothing()
    {
        Story made = new Story(null).When(Ask.Create() with { Manager = "maker" });
        Assert.Equal((null, null), (Assert.IsType<JobCreated>(Assert.IsType<Decision.Accepted>(made.Decision).Event).Manager,
            Assert.IsType<Decision.Accepted>(made.Decision).Event.Owners));
        Assert.True(made.And.When(Ask.Patch("""{"metadata":{"labels":{"b":"1"}}}""")).After.Owners.IsNone);
    }
}
