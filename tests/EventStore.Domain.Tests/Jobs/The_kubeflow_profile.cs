using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using EventStore.Domain.Tests.Manifests;

namespace EventStore.Domain.Tests.Jobs;

/// <summary>
/// A job as a cluster with the training operator's definition serves it: one event for each accepted request, of whatever type.
/// </summary>
public sealed class The_kubeflow_profile
{
    [Fact]
    public void A_queues_start_is_one_event()
    {
        const string Start = """
            {"metadata":{"labels":{"q":"1"}},"spec":{"runPolicy":{"suspend":false},"pytorchReplicaSpecs":{"Worker":{"replicas":3,
             "template":{"metadata":{"labels":{"q":"1"}},"spec":{"nodeSelector":{"zone":"a"},"tolerations":[{"key":"k","operator":"Exists"}]}}}}}}
            """;
        Story.Given(Ask.Created("""{"spec":{"runPolicy":{"suspend":true}}}""")).When(Under(Ask.Patch(Start))).Then(Ask.Patched(
            Start,
            """
            {"metadata":{"labels":null},"spec":{"runPolicy":{"suspend":true},"pytorchReplicaSpecs":{"Worker":{"replicas":1,
             "template":{"metadata":null,"spec":{"nodeSelector":null,"tolerations":null}}}}}}
            """,
            "metadata.labels.q", "spec.pytorchReplicaSpecs.Worker.replicas", "spec.pytorchReplicaSpecs.Worker.template.metadata.labels.q",
            "spec.pytorchReplicaSpecs.Worker.template.spec.nodeSelector.zone", "spec.pytorchReplicaSpecs.Worker.template.spec.tolerations",
            "spec.runPolicy.suspend"));
    }

    [Theory]
    [InlineData("""{"spec":{"unknown":1,"runPolicy":{"ttl":5,"suspend":true}}}""", "spec.runPolicy.ttl spec.unknown", """{"spec":{"runPolicy":{"suspend":true}}}""")]
    [InlineData("""{"spec":{"pytorchReplicaSpecs":{"Worker":{"replica":3,"template":{"spec":{"containers":[{"name":"pytorch","image":"i","imagePolicy":"x"}],"nodeSelect":{"a":"b"}}}}}}}""",
        "spec.pytorchReplicaSpecs.Worker.replica spec.pytorchReplicaSpecs.Worker.template.spec.containers[0].imagePolicy spec.pytorchReplicaSpecs.Worker.template.spec.nodeSelect",
        """{"spec":{"pytorchReplicaSpecs":{"Worker":{"template":{"spec":{"containers":[{"name":"pytorch","image":"i"}]}}}}}}""")]
    [InlineData("""{"metadata":{"unknown":{"a":1},"labels":{"a":"1"}},"unknown":2}""", "metadata.unknown unknown", """{"metadata":{"labels":{"a":"1"}}}""")]
    [InlineData("""{"spec":{"cleanPodPolicy":"All","pytorchReplicaSpecs":{"Worker":{"template":{"spec":{"nodeSelector":{"any":"name"},"restartPolicyRules":null}}}}}}""",
        "", """{"spec":{"cleanPodPolicy":"All","pytorchReplicaSpecs":{"Worker":{"template":{"spec":{"nodeSelector":{"any":"name"}}}}}}}""")]
    public void Fields_that_no_schema_has_are_dropped_and_told(string sent, string unknown, string stored)
    {
        Assert.Equal(unknown, string.Join(
            ' ', Profile.Kubeflow.UnknownFields(Given.Object(sent)).Select(path => path.ToString()).Order(StringComparer.Ordinal)));
        Assert.Empty(Profile.Documented.UnknownInPatch(Given.Object(sent)));
        JsonObject patched = Story.Given(Ask.Created()).When(Under(Ask.Patch(sent))).After.Manifest;
        Assert.Equal(Story.Given(Ask.Created()).When(Under(Ask.Patch(stored))).After.Manifest, patched);
        Assert.DoesNotContain("unknown", patched.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_json_patch_is_stored_as_the_merge_patch_it_amounts_to_with_its_type()
    {
        Story changed = Story.Given(Ask.Created()).When(Operations("""
            [{"op":"test","path":"/metadata/resourceVersion","value":"10"},{"op":"replace","path":"/spec/pytorchReplicaSpecs/Worker/template/spec/containers/0/image","value":"v2"}]
            """));
        var happened = Assert.IsType<JobPatched>(Assert.IsType<Decision.Accepted>(changed.Decision).Event);
        Assert.Equal("application/json-patch+json", happened.PatchType);
        Assert.Equal(
            """{"spec":{"pytorchReplicaSpecs":{"Worker":{"template":{"spec":{"containers":[{"image":"v2","name":"pytorch"}]}}}}}}""",
            happened.Patch.ToString());
        Assert.Equal(changed.Job!.Manifest, changed.After.Revert(happened, 10)!.Manifest);
    }

    [Theory]
    [InlineData("""[{"op":"test","path":"/kind","value":"Job"}]""", nameof(Rejection.PatchFailed))]
    [InlineData("""[{"op":"replace","path":"/metadata/resourceVersion","value":"9"},{"op":"add","path":"/metadata/labels","value":{"c":"1"}}]""", nameof(Rejection.Stale))]
    [InlineData("""[{"op":"remove","path":"/metadata/resourceVersion"},{"op":"add","path":"/metadata/labels","value":{"c":"1"}}]""", nameof(Rejection.RevisionMissing))]
    public void A_json_patch_that_does_not_apply_changes_nothing(string operations, string why)
    {
        Story refused = Story.Given(Ask.Created()).When(Operations(operations));
        Assert.Equal(why, Assert.IsType<Decision.Refused>(refused.Decision).Why.GetType().Name);
    }

    [Theory]
    [InlineData("""{"spec":{"pytorchReplicaSpecs":{"Worker":{"replicas":1.5}}}}""", ".spec.pytorchReplicaSpecs.Worker.replicas", "spec.pytorchReplicaSpecs.Worker.replicas", "<nil>")]
    [InlineData("""{"spec":{"pytorchReplicaSpecs":{"Worker":{"replicas":2e0}}}}""", ".spec.pytorchReplicaSpecs.Worker.replicas")]
    [InlineData("""{"spec":{"pytorchReplicaSpecs":{"Worker":{"replicas":0}}}}""", "spec.pytorchReplicaSpecs.Worker.replicas")]
    [InlineData("""{"spec":{"pytorchReplicaSpecs":{"Master":{"replicas":2}}}}""", "spec.pytorchReplicaSpecs.Master.replicas")]
    [InlineData("""{"spec":{"pytorchReplicaSpecs":{"Worker":{"restartPolicy":"Sometimes"}}}}""", "spec.pytorchReplicaSpecs.Worker.restartPolicy")]
    [InlineData("""{"spec":{"pytorchReplicaSpecs":{"Worker":{"template":{"spec":{"hostNetwork":"yes"}}}}}}""",
        "spec.pytorchReplicaSpecs.Worker.template.spec.hostNetwork", "<nil>")]
    [InlineData("""{"spec":{"runPolicy":{"managedBy":"kueue.x-k8s.io/multikueue"}}}""", "spec.runPolicy.managedBy")]
    [InlineData("""{"metadata":{"finalizers":["no name!"]}}""", "metadata.finalizers")]
    public void What_the_definition_and_the_operator_refuse_is_named(string patch, params string[] fields) =>
        Story.Given(Ask.Created()).When(Under(Ask.Patch(patch))).ThenRefusedFor(fields);

    [Fact]
    public void A_default_of_the_definition_is_set_and_nulls_go()
    {
        Story changed = Story.Given(Ask.Created()).When(Under(Ask.Put(read => (JsonObject)MergePatch.Apply(
            read, Given.Json("""{"spec":{"runPolicy":{"ttlSecondsAfterFinished":5}}}""")))(Story.Given(Ask.Created()).Job!)));
        Assert.Equal(Given.Json("""{"suspend":false,"ttlSecondsAfterFinished":5}"""), changed.After.Manifest["spec"]!.Member("runPolicy"));
    }

    [Fact]
    public void A_replacement_without_finalizers_and_owners_takes_them_off()
    {
        Story owned = Story.Given(Ask.Created("""
            {"metadata":{"finalizers":["example.com/hold"],"ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"x","uid":"u","blockOwnerDeletion":true}]}}
            """));
        Story changed = owned.When(Under(Ask.Put("""{"metadata":{"finalizers":null,"ownerReferences":null}}""")(owned.Job!)));
        Assert.Null(changed.After.Metadata["finalizers"] ?? changed.After.Metadata["ownerReferences"]);
        Assert.Equal(owned.Job!.Manifest, changed.After.Revert(Assert.IsType<Decision.Accepted>(changed.Decision).Event, 10)!.Manifest);
    }

    [Theory]
    [InlineData(Dependents.Foreground, null, """["foregroundDeletion"]""")]
    [InlineData(Dependents.Orphan, null, """["orphan"]""")]
    [InlineData(Dependents.Orphan, """["a/b","foregroundDeletion"]""", """["a/b","orphan"]""")]
    [InlineData(Dependents.Background, """["a/b","orphan"]""", """["a/b"]""")]
    [InlineData(null, """["orphan"]""", """["orphan"]""")]
    public void A_deletion_waits_for_what_becomes_of_dependents(Dependents? dependents, string? before, string after)
    {
        Story held = Story.Given(Ask.Created("""{"metadata":{"finalizers":?}}""".Replace("?", before ?? "null", StringComparison.Ordinal)));
        Story deleted = held.When(Under(Ask.Delete() with { Dependents = dependents }));
        var happened = Assert.IsType<JobDeletionRequested>(Assert.IsType<Decision.Accepted>(deleted.Decision).Event);
        Assert.Equal(Given.Json(after), deleted.After.Metadata["finalizers"]);
        Assert.Equal(held.Job!.Manifest, deleted.After.Revert(happened, 10)!.Manifest);
        deleted.And.When(Under(Ask.Delete() with { Dependents = dependents })).ThenNothing();
    }

    [Fact]
    public void In_the_background_nothing_waits()
    {
        Story.Given(Ask.Created()).When(Under(Ask.Delete() with { Dependents = Dependents.Background })).Then(Ask.Deleted());
        // Documented: no collector.
        Story.Given(Ask.Created()).When(Ask.Delete() with { Dependents = Dependents.Foreground }).Then(Ask.Deleted());
    }

    [Fact]
    public void A_scale_sets_the_workers_and_shows_them()
    {
        Story scaled = Story.Given(Ask.Created()).When(ScaleTo("""{"spec":{"replicas":5}}"""));
        scaled.Then(Ask.Patched(
            """{"spec":{"pytorchReplicaSpecs":{"Worker":{"replicas":5}}}}""",
            """{"spec":{"pytorchReplicaSpecs":{"Worker":{"replicas":1}}}}""",
            "spec.pytorchReplicaSpecs.Worker.replicas"));
        Assert.Equal(Given.Json("""{"replicas":5}"""), Scale.Of(scaled.After.Manifest)!["spec"]);
        scaled.And.When(ScaleTo("""{"spec":{"replicas":5}}""")).ThenNothing();
        Story.Given(Ask.Created()).When(ScaleTo("""{"spec":{"replicas":-1}}"""))
            .ThenRefusedFor(".spec.pytorchReplicaSpecs.Worker.replicas");
        Story.Given(Ask.Created()).When(ScaleTo("""{"metadata":{"resourceVersion":"9"},"spec":{"replicas":2}}"""))
            .ThenRefused<Rejection.Stale>();
        Story.Given(Ask.Created("""{"spec":{"pytorchReplicaSpecs":{"Worker":null}}}""")).When(ScaleTo("""{"spec":{"replicas":2}}"""))
            .ThenRefused<Rejection.NoScale>();
    }

    private static ScaleJob ScaleTo(string patch) =>
        new(Ask.Key, DateTimeOffset.UnixEpoch, Ask.Patch("{}").Origin, Given.Object(patch), null) { Profile = Profile.Kubeflow };

    private static JobCommand Operations(string operations) =>
        Under(Ask.Patch("{}") with { Patch = new SentPatch.Operations(new JsonPatch((JsonArray)Given.Json(operations))) });

    private static JobCommand Under(JobCommand command) => command with { Profile = Profile.Kubeflow };
}
