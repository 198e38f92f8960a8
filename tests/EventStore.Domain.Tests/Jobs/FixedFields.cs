using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Domain.Tests.Manifests;

namespace EventStore.Domain.Tests.Jobs;

/// <summary>Everything but the five: refused whole and by name if it would change, left alone if it would not.</summary>
public sealed class FixedFields
{
    private const string Master = "spec.pytorchReplicaSpecs.Master.";
    private const string Worker = "spec.pytorchReplicaSpecs.Worker.";

    [Theory]
    [InlineData("""{"metadata":{"finalizers":["example.com/hold"]}}""", "metadata.finalizers")]
    [InlineData("""{"metadata":{"generateName":"other-"}}""", "metadata.generateName")]
    [InlineData("""{"metadata":{"foo":1}}""", "metadata.foo")]
    [InlineData("""{"metadata":{"foo":{"a":{"b":false}}}}""", "metadata.foo.a.b")]
    [InlineData("""{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"Pod","name":"p","uid":"u"}]}}""", "metadata.ownerReferences")]
    [InlineData("""{"metadata":{"deletionTimestamp":"2030-01-01T00:00:00Z"}}""", "metadata.deletionTimestamp")]
    [InlineData("""{"metadata":{"deletionGracePeriodSeconds":0}}""", "metadata.deletionGracePeriodSeconds")]
    [InlineData("""{"spec":{"backoffLimit":3}}""", "spec.backoffLimit")]
    [InlineData("""{"spec":{"runPolicy":{"cleanPodPolicy":"All"}}}""", "spec.runPolicy.cleanPodPolicy")]
    [InlineData("""{"spec":{"runPolicy":{"suspend":true,"schedulingPolicy":{"queue":"q"}}}}""", "spec.runPolicy.schedulingPolicy.queue", "spec.runPolicy.suspend")]
    [InlineData("""{"spec":{"runPolicy":{"activeDeadlineSeconds":-0}}}""", "spec.runPolicy.activeDeadlineSeconds")]
    [InlineData("""{"spec":{"foo":null,"bar":false}}""", "spec.bar")]
    [InlineData("""{"spec":{"foo":[]}}""", "spec.foo")]
    [InlineData("""{"spec":{"pytorchReplicaSpecs":{"Worker":{"replicas":2}}}}""", Worker + "replicas")]
    [InlineData("""{"spec":{"pytorchReplicaSpecs":{"Worker":{"replicas":"1"}}}}""", Worker + "replicas")]
    [InlineData("""{"spec":{"pytorchReplicaSpecs":{"Master":{"restartPolicy":null}}}}""", Master + "restartPolicy")]
    [InlineData("""{"spec":{"pytorchReplicaSpecs":{"Master":{"template":{"spec":{"containers":[{"name":"pytorch","image":"other:v2"}]}}}}}}""", Master + "template.spec.containers")]
    [InlineData("""{"spec":{"pytorchReplicaSpecs":{"Master":{"template":{"metadata":{"labels":{"example.com/a":"b"}}}}}}}""", Master + "template.metadata.labels['example.com/a']")]
    [InlineData("""{"spec":{"pytorchReplicaSpecs":{"Worker":5}}}""", "spec.pytorchReplicaSpecs.Worker")]
    [InlineData("""{"spec":{"pytorchReplicaSpecs":"none"}}""", "spec.pytorchReplicaSpecs")]
    [InlineData("""{"spec":[]}""", "spec")]
    [InlineData("""{"spec":5}""", "spec")]
    [InlineData("""{"foo":"bar"}""", "foo")]
    [InlineData("""{"foo":{"bar":[1]}}""", "foo.bar")]
    [InlineData("""{"example.com/foo":1}""", "['example.com/foo']")]
    [InlineData("""{"spec":{"pytorchReplicaSpecs":{"Evaluator":{"replicas":1}}}}""", "spec.pytorchReplicaSpecs.Evaluator.replicas")]
    [InlineData("""{"spec":{"pytorchReplicaSpecs":{"Master":null}}}""",
        Master + "replicas", Master + "restartPolicy", Master + "template.spec.containers", Master + "template.spec.imagePullSecrets")]
    [InlineData("""{"spec":{"pytorchReplicaSpecs":null}}""",
        Master + "replicas", Master + "restartPolicy", Master + "template.spec.containers", Master + "template.spec.imagePullSecrets",
        Worker + "replicas", Worker + "restartPolicy", Worker + "template.spec.containers")]
    [InlineData("""{"spec":null}""",
        Master + "replicas", Master + "restartPolicy", Master + "template.spec.containers", Master + "template.spec.imagePullSecrets",
        Worker + "replicas", Worker + "restartPolicy", Worker + "template.spec.containers")]
    public void A_change_of_any_other_field_is_refused_by_its_path(string patch, params string[] paths) =>
        RefusedBothWays(Ask.Created(), patch, paths);

    [Fact]
    public void A_worker_cannot_be_added() => RefusedBothWays(
        Ask.Created("""{"spec":{"pytorchReplicaSpecs":{"Worker":null}}}"""),
        """{"spec":{"pytorchReplicaSpecs":{"Worker":{"replicas":1,"template":{"spec":{"containers":[{"name":"pytorch","image":"i"}]}}}}}}""",
        Worker + "replicas", Worker + "template.spec.containers");

    [Fact]
    public void A_policy_that_goes_with_the_whole_spec_is_not_among_what_cannot_change() => RefusedBothWays(
        Ask.Created(
            """{"spec":{"activeDeadlineSeconds":60,"backoffLimit":1,"pytorchReplicaSpecs":{"Worker":null,"Master":{"template":null}}}}"""),
        """{"spec":null}""",
        "spec.backoffLimit", Master + "replicas", Master + "restartPolicy");

    [Fact]
    public void Several_are_named_at_once_in_order_beside_what_may_change() => RefusedBothWays(
        Ask.Created(),
        """
        {"zzz":1,"metadata":{"labels":{"a":"b"},"generateName":"g-","foo":true},
         "spec":{"cleanPodPolicy":"All","backoffLimit":3,"pytorchReplicaSpecs":{"Worker":{"replicas":4},"Master":{"replicas":2}}}}
        """,
        "metadata.foo", "metadata.generateName", "spec.backoffLimit", Master + "replicas", Worker + "replicas", "zzz");

    [Theory]
    [InlineData("""{"metadata":{"finalizers":null}}""", "metadata.finalizers")]
    [InlineData("""{"metadata":{"finalizers":[]}}""", "metadata.finalizers")]
    [InlineData("""{"metadata":{"finalizers":["b.c/d","a.b/c"]}}""", "metadata.finalizers")]
    [InlineData("""{"metadata":{"finalizers":["a.b/c"]}}""", "metadata.finalizers")]
    [InlineData("""{"metadata":{"ownerReferences":null}}""", "metadata.ownerReferences")]
    [InlineData("""{"metadata":{"generateName":null}}""", "metadata.generateName")]
    [InlineData("""{"metadata":{"generateName":""}}""", "metadata.generateName")]
    public void What_metadata_hold_beyond_labels_and_annotations_cannot_be_patched_away(string patch, string path) =>
        Story.Given(Owned()).When(Ask.Patch(patch)).ThenRefused<Rejection.FieldsFixed>(path);

    [Theory]
    [InlineData("finalizers")]
    [InlineData("ownerReferences")]
    public void A_put_with_an_empty_list_would_take_it_away_and_is_refused(string field) => Story
        .Given(Owned())
        .When(Ask.Put($$$"""{"metadata":{"{{{field}}}":[]}}"""))
        .ThenRefused<Rejection.FieldsFixed>("metadata." + field);

    [Theory]
    [InlineData("")]
    [InlineData(",\"finalizers\":null,\"ownerReferences\":null,\"generateName\":null,\"creationTimestamp\":null,\"generation\":null,\"uid\":null")]
    public void A_put_keeps_what_it_leaves_out_of_metadata_but_labels_and_annotations(string nulls) => Story
        .Given(Owned())
        .When(Ask.Put(read => (JsonObject)Ask.Set(read, "metadata", $$"""{"name":"pytorch-test","resourceVersion":"10"{{nulls}}}""")))
        .Then(Ask.Replaced("""{"metadata":{"labels":null}}""", """{"metadata":{"labels":{"app":"mnist"}}}""", "metadata.labels.app"));

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"apiVersion":"kubeflow.org/v1","kind":"PyTorchJob","metadata":{"name":"pytorch-test","namespace":"kube-test"}}""")]
    [InlineData("""{"metadata":{"labels":{"app":"mnist"},"finalizers":["a.b/c","b.c/d"],"generateName":"pytorch-"}}""")]
    [InlineData("""{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"Pod","name":"p","uid":"u"}]}}""")]
    [InlineData("""{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"Pod","name":"p","uid":"u","controller":null}]}}""")]
    [InlineData("""{"metadata":{"foo":null,"bar":{},"baz":[],"managedFields":null,"annotations":{},"clusterName":""}}""")]
    [InlineData("""{"spec":{"backoffLimit":null,"runPolicy":{},"elasticPolicy":{"metrics":null},"cleanPodPolicy":null}}""")]
    [InlineData("""{"spec":{"pytorchReplicaSpecs":{"Worker":{"replicas":1,"template":{"metadata":{"creationTimestamp":null}}}}}}""")]
    [InlineData("""{"spec":{"pytorchReplicaSpecs":{"Worker":{"template":{"spec":{"containers":[{"name":"pytorch","image":"pytorch-cpu:v1","resources":{}}]}}}}}}""")]
    [InlineData("""{"foo":null,"bar":{},"baz":{"a":{"b":null}}}""")]
    public void Naming_another_field_with_its_present_value_is_no_change(string patch)
    {
        Story.Given(Owned()).When(Ask.Patch(patch)).ThenNothing();
        Story.Given(Owned()).When(Ask.Put(patch)).ThenNothing();
    }

    [Fact]
    public void What_a_Go_client_makes_of_a_template_is_no_change_and_the_stored_form_is_kept()
    {
        Story.Given(Ask.Created()).When(Ask.Put(Ask.WithNullsInTemplates)).ThenNothing();
        Story.Given(Ask.CreatedWithNullsInTemplates())
            .When(Ask.Put(read => Without(read, "spec.pytorchReplicaSpecs.Master.template.metadata"))).ThenNothing();
        Story.Given(Ask.CreatedWithNullsInTemplates())
            .When(Ask.Patch("""{"spec":{"pytorchReplicaSpecs":{"Master":{"template":{"metadata":{"creationTimestamp":null}}}}}}"""))
            .ThenNothing();

        Story relabelled = Story.Given(Ask.CreatedWithNullsInTemplates()).When(Ask.Patch(
            """{"metadata":{"labels":{"a":"b"}},"spec":{"pytorchReplicaSpecs":{"Master":{"template":{"metadata":{"creationTimestamp":null}}}}}}"""));
        relabelled.Then(Ask.Patched("""{"metadata":{"labels":{"a":"b"}}}""", """{"metadata":{"labels":null}}""", "metadata.labels.a"));
        Assert.Equal(relabelled.Job!.Manifest["spec"], relabelled.After.Manifest["spec"]);
    }

    [Fact]
    public void Nulls_within_a_list_make_no_difference_but_an_item_more_does()
    {
        const string containers = """[{"name":"pytorch","image":"pytorch-cpu:v1","command":null,"resources":{"limits":{}}}""";
        Story.Given(Ask.Created()).When(Ask.Put(read => Containers(read, containers + "]"))).ThenNothing();
        Story.Given(Ask.Created()).When(Ask.Put(read => Containers(read, containers + ",null]")))
            .ThenRefused<Rejection.FieldsFixed>(Worker + "template.spec.containers");
    }

    [Theory]
    [InlineData("""{"status":{"startTime":"2019-07-24T10:36:26Z"}}""")]
    [InlineData("""{"status":5}""")]
    [InlineData("""{"status":null}""")]
    [InlineData("""{"metadata":{"generation":77}}""")]
    [InlineData("""{"metadata":{"generation":null}}""")]
    [InlineData("""{"metadata":{"creationTimestamp":"2001-01-01T00:00:00Z"}}""")]
    [InlineData("""{"metadata":{"creationTimestamp":null}}""")]
    [InlineData("""{"metadata":{"selfLink":"/x"}}""")]
    [InlineData("""{"metadata":{"managedFields":[{}]}}""")]
    [InlineData("""{"metadata":{"managedFields":[]}}""")]
    [InlineData("""{"metadata":{"uid":null}}""")]
    [InlineData("""{"metadata":{"uid":""}}""")]
    [InlineData("""{"metadata":{"namespace":null}}""")]
    public void What_the_server_owns_is_kept_in_silence(string patch)
    {
        var created = Ask.Created();
        Story.Given(created, Ask.StatusUpdated("""{"startTime":"2026-01-01T00:00:00Z"}""", null)).When(Ask.Patch(patch)).ThenNothing();
        Story.Given(created, Ask.StatusUpdated("""{"startTime":"2026-01-01T00:00:00Z"}""", null)).When(Ask.Put(patch)).ThenNothing();
        var labelled = (JsonObject)MergePatch.Apply(Given.Object(patch), Given.Json("""{"metadata":{"labels":{"a":"b"}}}"""));
        Story.Given(created).When(Ask.Patch(labelled.ToString()))
            .Then(Ask.Patched("""{"metadata":{"labels":{"a":"b"}}}""", """{"metadata":{"labels":null}}""", "metadata.labels.a"));
    }

    private static JobCreated Owned() => Ask.Created("""
        {"metadata":{"labels":{"app":"mnist"},"generateName":"pytorch-","finalizers":["a.b/c","b.c/d"],
         "ownerReferences":[{"apiVersion":"v1","kind":"Pod","name":"p","uid":"u"}]}}
        """);

    private static JsonObject Containers(JsonObject manifest, string containers) =>
        (JsonObject)Ask.Set(manifest, Worker + "template.spec.containers", containers);

    private static JsonObject Without(JsonObject manifest, string path) =>
        (JsonObject)MergePatch.Apply(
            manifest, path.Split('.').Reverse().Aggregate((JsonValue)JsonNull.Value, (value, name) => JsonObject.Of((name, value))));

    private static void RefusedBothWays(JobCreated created, string patch, params string[] paths)
    {
        Story.Given(created).When(Ask.Patch(patch)).ThenRefused<Rejection.FieldsFixed>(paths);
        Story.Given(created).When(Ask.Put(patch)).ThenRefused<Rejection.FieldsFixed>(paths);
    }
}
