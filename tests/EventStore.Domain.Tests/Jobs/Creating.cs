using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Domain.Tests.Manifests;

namespace EventStore.Domain.Tests.Jobs;

public sealed class Creating
{
    private const string ServerOwned = """
        {"metadata":{"creationTimestamp":"2026-02-03T02:05:06Z","generation":1,"uid":"c6e548f1-adfe-11e9-ba3a-b44326d0c915"}}
        """;

    [Fact]
    public void A_job_is_stored_as_it_was_sent_with_what_the_server_owns()
    {
        Story story = Story.Given().When(Ask.Create());
        story.Then(new JobCreated(Given.Job(ServerOwned)));
        Assert.Equal(
            (Ask.Key, Ask.Uid, 1, 1000, false, false),
            (story.After.Key, story.After.Uid, story.After.Version, story.After.Revision, story.After.Deleted, story.After.Deleting));
    }

    [Theory]
    [InlineData("""{"metadata":{"uid":"00000000-0000-0000-0000-000000000001","creationTimestamp":"2001-01-01T00:00:00Z","generation":9,"selfLink":"/x"}}""")]
    [InlineData("""{"metadata":{"deletionTimestamp":"2001-01-01T00:00:00Z","deletionGracePeriodSeconds":30,"managedFields":[{"manager":"me"}]}}""")]
    [InlineData("""{"metadata":{"resourceVersion":"0"}}""")]
    [InlineData("""{"metadata":{"resourceVersion":""}}""")]
    [InlineData("""{"metadata":{"namespace":null}}""")]
    [InlineData("""{"metadata":{"namespace":""}}""")]
    [InlineData("""{"status":{"conditions":[]}}""")]
    [InlineData("""{"status":5}""")]
    [InlineData("""{"metadata":{"foo":1,"enable":true,"initializers":{"a":[]},"clusterName":"c"}}""")]
    [InlineData("""{"metadata":{"labels":{},"annotations":{},"finalizers":[],"ownerReferences":[],"generateName":""}}""")]
    public void What_only_the_server_may_write_is_replaced_and_what_upstream_would_not_store_is_dropped(string patch) =>
        Story.Given().When(Ask.Create(patch)).Then(new JobCreated(Given.Job(ServerOwned)));

    [Theory]
    [InlineData("metadata.labels", """{"a":null}""")]
    [InlineData("metadata.creationTimestamp", "null")]
    [InlineData("status", "null")]
    [InlineData("spec.activeDeadlineSeconds", "null")]
    [InlineData("spec.ttlSecondsAfterFinished", "null")]
    [InlineData("spec.cleanPodPolicy", "null")]
    public void A_null_where_a_value_is_optional_is_not_stored(string path, string value) => Story
        .Given().When(Ask.Create((JsonObject)Ask.Set(Given.Job(), path, value))).Then(new JobCreated(Given.Job(ServerOwned)));

    [Theory]
    [InlineData("spec.foo", """{"a":[null,1.10]}""")]
    [InlineData("spec.runPolicy", """{"suspend":true,"cleanPodPolicy":"Sometimes","queue":null}""")]
    [InlineData("spec.backoffLimit", "null")]
    [InlineData("spec.pytorchReplicaSpecs.Master.template.metadata", """{"creationTimestamp":null}""")]
    [InlineData("foo", "null")]
    [InlineData("spec.cleanPodPolicy", "\"\"")]
    public void Whatever_else_was_sent_is_stored_as_it_was_written(string path, string value) => Story
        .Given().When(Ask.Create((JsonObject)Ask.Set(Given.Job(), path, value)))
        .Then(new JobCreated((JsonObject)Ask.Set(Given.Job(ServerOwned), path, value)));

    [Fact]
    public void Labels_annotations_finalizers_owners_and_the_prefix_are_stored()
    {
        const string metadata = """
            {"metadata":{"labels":{"a":""},"annotations":{"b":"c"},"finalizers":["x/y"],"generateName":"pytorch-",
             "ownerReferences":[{"apiVersion":"v1","kind":"Pod","name":"p","uid":"u","controller":false}]}}
            """;
        Story.Given().When(Ask.Create(metadata)).Then(new JobCreated(
            (JsonObject)MergePatch.Apply(Given.Job(ServerOwned), Given.Json(metadata))));
    }

    [Fact]
    public void A_name_that_was_generated_comes_from_the_command() => Assert.Equal(
        (JsonValue)"pytorch-x7k2p",
        Story.Given().When(Ask.Create(
            Given.Job("""{"metadata":{"name":null,"generateName":"pytorch-"}}"""), "pytorch-x7k2p")).After.Metadata["name"]);

    [Theory]
    [InlineData("{}")]
    [InlineData("null")]
    public void Who_sends_no_name_is_told_so(string metadata) => Story
        .Given().When(Ask.Create(Given.JobWith("metadata", metadata), name: ""))
        .ThenRefused<Rejection.Invalid>("metadata.name: Required value: name or generateName is required");

    [Fact]
    public void So_is_who_sends_no_metadata() => Story
        .Given().When(Ask.Create(Given.Job().Without("metadata"), name: ""))
        .ThenRefused<Rejection.Invalid>("metadata.name: Required value: name or generateName is required");

    [Theory]
    [InlineData("1")]
    [InlineData("10")]
    [InlineData("abc")]
    public void A_revision_must_not_be_set(string revision) => Story
        .Given().When(Ask.Create($$$"""{"metadata":{"resourceVersion":"{{{revision}}}"}}"""))
        .ThenRefused<Rejection.BadRequest>("resourceVersion should not be set on objects to be created");

    [Theory]
    [InlineData("""{"metadata":{"namespace":"other"}}""", "the namespace of the provided object does not match the namespace sent on the request")]
    [InlineData("""{"apiVersion":"apps/v1"}""", "the API version in the data (apps/v1) does not match the expected API version (kubeflow.org/v1)")]
    [InlineData("""{"kind":null}""", "Object 'Kind' is missing")]
    [InlineData("""{"metadata":{"labels":5}}""",
        "PyTorchJob in version \"v1\" cannot be handled as a PyTorchJob: metadata.labels: Invalid value: \"integer\": metadata.labels in body must be of type object: \"integer\"")]
    public void What_cannot_be_read_as_a_job_of_that_namespace_is_a_bad_request(string patch, string message) =>
        Story.Given().When(Ask.Create(patch)).ThenRefused<Rejection.BadRequest>(message);

    [Fact]
    public void Every_wrong_value_is_named_at_once() => Story
        .Given().When(Ask.Create(
            """{"metadata":{"labels":{"a":"!"}},"spec":{"cleanPodPolicy":"X","pytorchReplicaSpecs":{"Worker":{"replicas":0}}}}"""))
        .ThenRefusedFor("metadata.labels", "spec.cleanPodPolicy", "spec.pytorchReplicaSpecs.Worker.replicas");

    [Fact]
    public void A_name_that_is_taken_is_refused_but_only_for_a_job_that_could_have_been()
    {
        Story.Given(Ask.Created()).When(Ask.Create()).ThenRefused<Rejection.AlreadyExists>();
        Story.Given(Ask.Created()).When(Ask.Create("""{"spec":{"cleanPodPolicy":"X"}}""")).ThenRefusedFor("spec.cleanPodPolicy");
        Story.Given(Ask.Created()).When(Ask.Create("""{"metadata":{"resourceVersion":"10"},"spec":{"cleanPodPolicy":"X"}}"""))
            .ThenRefused<Rejection.BadRequest>("resourceVersion should not be set on objects to be created");
        Story.Given(Ask.Created()).When(Ask.Create("""{"metadata":{"resourceVersion":"10","namespace":"other"}}"""))
            .ThenRefused<Rejection.BadRequest>("the namespace of the provided object does not match the namespace sent on the request");
    }

    [Fact]
    public void No_event_but_a_creation_begins_a_stream_and_none_of_it_comes_later()
    {
        Assert.Throws<InvalidOperationException>(() => Story.Given(Ask.Deleted()));
        Assert.Throws<InvalidOperationException>(() => Story.Given(Ask.Created(), Ask.Created()));
    }
}
