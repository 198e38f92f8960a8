using EventStore.Domain.Json;
using EventStore.Domain.Manifests;

namespace EventStore.Domain.Tests.Manifests;

public sealed class NewJobRules
{
    private const string Label =
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an " +
        "alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

    private const string Subdomain =
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end " +
        "with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

    private const string Name =
        "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character " +
        "(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

    private const string Containers = "spec.pytorchReplicaSpecs.Worker.template.spec.containers";

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"metadata":{"name":"a"}}""")]
    [InlineData("""{"metadata":{"name":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}}""")]
    [InlineData("""{"metadata":{"generateName":"foo-","name":"foo-bcdfg"}}""")]
    [InlineData("""{"spec":{"pytorchReplicaSpecs":{"Worker":null}}}""")]
    [InlineData("""{"spec":{"backoffLimit":0,"unknown":{"kept":true}}}""")]
    [InlineData("""{"spec":{"backoffLimit":2147483647,"runPolicy":"the operator's own business","nprocPerNode":7}}""")]
    [InlineData("""{"spec":{"pytorchReplicaSpecs":{"Master":{"replicas":null,"restartPolicy":null},"Worker":{"replicas":2147483647,"restartPolicy":"ExitCode"}}}}""")]
    [InlineData("""{"spec":{"pytorchReplicaSpecs":{"Worker":{"template":{"spec":{"containers":[{"name":"sidecar","image":"i"},{"name":"pytorch","image":"i"}]}}}}}}""")]
    [InlineData("""{"metadata":{"finalizers":["example.com/hold","orphan"],"ownerReferences":[{"apiVersion":"apps/v1","kind":"A","name":"n","uid":"u","controller":true},{"apiVersion":"v1","kind":"A","name":"n","uid":"u"}]}}""")]
    public void A_job_that_keeps_the_rules_is_fine(string patch) => Assert.Empty(Validation.OfNewJob(Given.Job(patch)));

    [Theory]
    [InlineData("""{"name":null}""", "metadata.name: Required value: name or generateName is required")]
    [InlineData("""{"name":""}""", "metadata.name: Required value: name or generateName is required")]
    [InlineData("""{"name":"Bad_Name"}""", $"metadata.name: Invalid value: \"Bad_Name\": {Subdomain}")]
    [InlineData("""{"name":"a..b"}""", $"metadata.name: Invalid value: \"a..b\": {Subdomain}")]
    [InlineData("""{"name":"a.b"}""", $"metadata.name: Invalid value: \"a.b\": {Label}")]
    [InlineData("""{"name":"a/b"}""", $"metadata.name: Invalid value: \"a/b\": {Subdomain}")]
    [InlineData("""{"generateName":"Foo-"}""", $"metadata.generateName: Invalid value: \"Foo-\": {Subdomain}")]
    [InlineData("""{"generateName":"foo.bar-"}""", $"metadata.generateName: Invalid value: \"foo.bar-\": {Label}")]
    [InlineData("""{"namespace":"Kube"}""", $"metadata.namespace: Invalid value: \"Kube\": {Label}")]
    [InlineData("""{"namespace":"a.b"}""", $"metadata.namespace: Invalid value: \"a.b\": {Label}")]
    [InlineData("""{"finalizers":["bad name!"]}""", $"metadata.finalizers: Invalid value: \"bad name!\": name part {Name}")]
    [InlineData("""{"finalizers":["foregroundDeletion","orphan"]}""", "metadata.finalizers: Invalid value: [\"foregroundDeletion\",\"orphan\"]: finalizer orphan and foregroundDeletion cannot be both set")]
    [InlineData("""{"ownerReferences":[{"apiVersion":"v1","kind":"Event","name":"n","uid":"u"}]}""", """metadata.ownerReferences: Invalid value: {"apiVersion":"v1","kind":"Event","name":"n","uid":"u"}: /v1, Kind=Event is disallowed from being an owner""")]
    [InlineData("""{"ownerReferences":[{"apiVersion":"a/b/c","kind":"K","name":"n","uid":"u"}]}""", "metadata.ownerReferences.apiVersion: Invalid value: \"a/b/c\": version must not be empty")]
    [InlineData("""{"ownerReferences":[{"apiVersion":"apps/","kind":"K","name":"n","uid":"u"}]}""", "metadata.ownerReferences.apiVersion: Invalid value: \"apps/\": version must not be empty")]
    [InlineData("""{"ownerReferences":[{}]}""",
        "metadata.ownerReferences.apiVersion: Invalid value: \"\": version must not be empty",
        "metadata.ownerReferences.kind: Invalid value: \"\": kind must not be empty",
        "metadata.ownerReferences.name: Invalid value: \"\": name must not be empty",
        "metadata.ownerReferences.uid: Invalid value: \"\": uid must not be empty")]
    [InlineData("""{"ownerReferences":[{"apiVersion":"v1","kind":"A","name":"a","uid":"u","controller":true},{"apiVersion":"v1","kind":"B","name":"b","uid":"v","controller":true}]}""",
        """metadata.ownerReferences: Invalid value: [{"apiVersion":"v1","controller":true,"kind":"A","name":"a","uid":"u"},{"apiVersion":"v1","controller":true,"kind":"B","name":"b","uid":"v"}]: Only one reference can have Controller set to true. Found "true" in references for A/a and B/b""")]
    public void Metadata_are_checked_in_upstreams_words(string metadata, params string[] errors) =>
        Assert.Equal(errors, Errors("metadata", metadata));

    [Theory]
    [InlineData(64, "must be no more than 63 characters")]
    [InlineData(253, "must be no more than 63 characters")]
    [InlineData(254, "must be no more than 253 characters")]
    public void A_long_name_is_refused_in_the_narrowest_words_upstream_would_use(int length, string text)
    {
        string name = new('a', length);
        Assert.Equal([$"metadata.name: Invalid value: \"{name}\": {text}"], Errors("metadata.name", $"\"{name}\""));
    }

    [Fact]
    public void A_name_wrong_in_length_and_spelling_is_told_both() =>
        Assert.Equal(2, Errors("metadata.name", $"\"{new string('A', 254)}\"").Length);

    [Fact]
    public void A_namespace_has_63_characters_at_most() => Assert.Equal(
        [$"metadata.namespace: Invalid value: \"{new string('a', 64)}\": must be no more than 63 characters"],
        Errors("metadata.namespace", $"\"{new string('a', 64)}\""));

    [Theory]
    [InlineData("null", "spec.pytorchReplicaSpecs: Required value")]
    [InlineData("{}", "spec.pytorchReplicaSpecs: Required value")]
    [InlineData("""{"pytorchReplicaSpecs":null}""", "spec.pytorchReplicaSpecs: Required value")]
    [InlineData("""{"pytorchReplicaSpecs":[]}""", "spec.pytorchReplicaSpecs: Invalid value: \"array\": spec.pytorchReplicaSpecs in body must be of type object: \"array\"")]
    [InlineData("\"x\"", "spec: Invalid value: \"string\": spec in body must be of type object: \"string\"")]
    [InlineData("""{"pytorchReplicaSpecs":{"Master":null,"Worker":null}}""",
        "spec.pytorchReplicaSpecs.Master: Invalid value: \"null\": spec.pytorchReplicaSpecs.Master in body must be of type object: \"null\"",
        "spec.pytorchReplicaSpecs.Worker: Invalid value: \"null\": spec.pytorchReplicaSpecs.Worker in body must be of type object: \"null\"")]
    [InlineData("""{"pytorchReplicaSpecs":{"Master":{}}}""", "spec.pytorchReplicaSpecs.Master.template.spec.containers: Required value: must be specified")]
    [InlineData("""{"pytorchReplicaSpecs":{"master":{}}}""",
        "spec.pytorchReplicaSpecs: Unsupported value: \"master\": supported values: \"Master\", \"Worker\"")]
    public void The_spec_must_have_replicas(string spec, params string[] errors) =>
        Assert.Equal(errors, Validation.OfNewJob(Given.JobWith("spec", spec)).Select(error => error.ToString()));

    [Fact]
    public void The_map_of_replicas_may_be_empty_as_upstream() =>
        Assert.Empty(Validation.OfNewJob(Given.JobWith("spec", """{"pytorchReplicaSpecs":{}}""")));

    [Fact]
    public void A_job_without_any_spec_lacks_its_replicas() => Assert.Equal(
        ["spec.pytorchReplicaSpecs: Required value"],
        Validation.OfNewJob(Given.Job().Without("spec")).Select(error => error.ToString()));

    [Theory]
    [InlineData("""{"Master":{"replicas":0}}""", "Master.replicas: Invalid value: 0: spec.pytorchReplicaSpecs.Master.replicas in body should be greater than or equal to 1")]
    [InlineData("""{"Master":{"replicas":2}}""", "Master.replicas: Invalid value: 2: spec.pytorchReplicaSpecs.Master.replicas in body should be less than or equal to 1")]
    [InlineData("""{"Worker":{"replicas":0}}""", "Worker.replicas: Invalid value: 0: spec.pytorchReplicaSpecs.Worker.replicas in body should be greater than or equal to 1")]
    [InlineData("""{"Worker":{"replicas":3000000000}}""", "Worker.replicas: Invalid value: 3000000000: spec.pytorchReplicaSpecs.Worker.replicas in body should be less than or equal to 2147483647")]
    [InlineData("""{"Worker":{"replicas":"2"}}""", "Worker.replicas: Invalid value: \"string\": spec.pytorchReplicaSpecs.Worker.replicas in body must be of type integer: \"string\"")]
    [InlineData("""{"Worker":{"replicas":1.5}}""", "Worker.replicas: Invalid value: \"number\": spec.pytorchReplicaSpecs.Worker.replicas in body must be of type integer: \"number\"")]
    [InlineData("""{"Worker":{"restartPolicy":"Maybe"}}""", "Worker.restartPolicy: Unsupported value: \"Maybe\": supported values: \"Always\", \"OnFailure\", \"Never\", \"ExitCode\"")]
    [InlineData("""{"Worker":{"restartPolicy":""}}""", "Worker.restartPolicy: Unsupported value: \"\": supported values: \"Always\", \"OnFailure\", \"Never\", \"ExitCode\"")]
    [InlineData("""{"Worker":{"restartPolicy":1}}""", "Worker.restartPolicy: Invalid value: \"integer\": spec.pytorchReplicaSpecs.Worker.restartPolicy in body must be of type string: \"integer\"")]
    [InlineData("""{"Worker":{"template":null}}""", "Worker.template.spec.containers: Required value: must be specified")]
    [InlineData("""{"Worker":{"template":{"spec":null}}}""", "Worker.template.spec.containers: Required value: must be specified")]
    [InlineData("""{"Worker":{"template":[]}}""", "Worker.template: Invalid value: \"array\": spec.pytorchReplicaSpecs.Worker.template in body must be of type object: \"array\"")]
    [InlineData("""{"Worker":{"template":{"spec":5}}}""", "Worker.template.spec: Invalid value: \"integer\": spec.pytorchReplicaSpecs.Worker.template.spec in body must be of type object: \"integer\"")]
    [InlineData("""{"Worker":5}""", "Worker: Invalid value: \"integer\": spec.pytorchReplicaSpecs.Worker in body must be of type object: \"integer\"")]
    public void Replicas_are_checked_one_by_one(string replicas, string error) =>
        Assert.Equal(["spec.pytorchReplicaSpecs." + error], Errors("spec.pytorchReplicaSpecs", replicas));

    [Theory]
    [InlineData("[]", $"{Containers}: Required value: must be specified")]
    [InlineData("null", $"{Containers}: Required value: must be specified")]
    [InlineData("{}", $"{Containers}: Invalid value: \"object\": {Containers} in body must be of type array: \"object\"")]
    [InlineData("""[{"name":"pytorch"}]""", $"{Containers}[0].image: Required value: must be required")]
    [InlineData("""[{"name":"pytorch","image":""}]""", $"{Containers}[0].image: Required value: must be required")]
    [InlineData("""[{"name":"pytorch","image":null}]""", $"{Containers}[0].image: Required value: must be required")]
    [InlineData("""[{"name":"pytorch","image":5}]""", $"{Containers}[0].image: Invalid value: \"integer\": {Containers}[0].image in body must be of type string: \"integer\"")]
    [InlineData("""[{"name":"torch","image":"i"}]""", $"{Containers}: Required value: must have at least one container with name pytorch")]
    [InlineData("""[{"name":5,"image":"i"},{"name":"pytorch","image":"i"}]""", $"{Containers}[0].name: Invalid value: \"integer\": {Containers}[0].name in body must be of type string: \"integer\"")]
    [InlineData("""[null,"x"]""",
        $"{Containers}[0]: Invalid value: \"null\": {Containers}[0] in body must be of type object: \"null\"",
        $"{Containers}[1]: Invalid value: \"string\": {Containers}[1] in body must be of type object: \"string\"",
        $"{Containers}: Required value: must have at least one container with name pytorch")]
    public void Containers_are_checked_one_by_one(string containers, params string[] errors) =>
        Assert.Equal(errors, Errors(Containers, containers));

    [Theory]
    [InlineData("-1", "Invalid value: -1: spec.backoffLimit in body should be greater than or equal to 0")]
    [InlineData("2147483648", "Invalid value: 2147483648: spec.backoffLimit in body should be less than or equal to 2147483647")]
    [InlineData("\"3\"", "Invalid value: \"string\": spec.backoffLimit in body must be of type integer: \"string\"")]
    public void The_backoff_limit_counts_from_zero(string limit, string error) =>
        Assert.Equal(["spec.backoffLimit: " + error], Errors("spec.backoffLimit", limit));

    [Fact]
    public void Every_violation_is_named_at_once_metadata_first() => Assert.Equal(
        [
            "metadata.name", "metadata.namespace", "metadata.labels", "metadata.annotations", "metadata.ownerReferences.uid",
            "metadata.finalizers", "spec.cleanPodPolicy", "spec.ttlSecondsAfterFinished", "spec.backoffLimit", "spec.pytorchReplicaSpecs",
            "spec.pytorchReplicaSpecs.Master.replicas", "spec.pytorchReplicaSpecs.Worker.replicas",
            "spec.pytorchReplicaSpecs.Worker.restartPolicy", Containers + "[0].image", Containers,
        ],
        Validation.OfNewJob(Given.Job("""
            {"metadata":{"name":null,"namespace":"A","labels":{"a":"!"},"annotations":{"!":""},"finalizers":["!"],
               "ownerReferences":[{"apiVersion":"v1","kind":"K","name":"n"}]},
             "spec":{"backoffLimit":-1,"cleanPodPolicy":"X","ttlSecondsAfterFinished":-1,"pytorchReplicaSpecs":{
               "Chief":{},"Master":{"replicas":2},"Worker":{"replicas":0,"restartPolicy":"X","template":{"spec":{"containers":[{"name":"x"}]}}}}}}
            """)).Select(error => error.Field));

    private static string[] Errors(string member, string patch) =>
        [.. Validation.OfNewJob(Given.JobPatched(member, patch)).Select(error => error.ToString())];

    [Theory]
    [InlineData("""{"elasticPolicy":{"rdzvBackend":"c10d","minReplicas":1,"maxReplicas":3,"maxRestarts":10},"nprocPerNode":"gpu"}""")]
    [InlineData("""{"runPolicy":{"suspend":true,"managedBy":"kueue.x-k8s.io/multikueue"}}""")]
    public void Workers_alone_are_a_job_in_the_training_operators_layout(string more) => Assert.Empty(Validation.OfNewJob(
        (JsonObject)MergePatch.Apply(
            Given.Job("""{"spec":{"pytorchReplicaSpecs":{"Master":null}}}"""), JsonObject.Of(("spec", Given.Json(more))))));

    [Theory]
    [InlineData("")]
    [InlineData(""", "cleanPodPolicy": "None", "ttlSecondsAfterFinished": 5""")]
    [InlineData(""", "elasticPolicy": null, "runPolicy": null""")]
    public void Workers_alone_need_a_master_in_the_documented_layout(string more) => Assert.Equal(
        ["spec.pytorchReplicaSpecs.Master: Required value: "
            + "Master ReplicaSpec must be present, or one of elasticPolicy, nprocPerNode, runPolicy in spec"],
        Validation.OfNewJob(Given.JobWith("spec", """
            {"pytorchReplicaSpecs": {"Worker": {"template": {"spec": {"containers": [{"name": "pytorch", "image": "i"}]}}}}
            """ + more + "}")).Select(error => error.ToString()));

    [Theory]
    [InlineData("""{"elasticPolicy":{},"pytorchReplicaSpecs":{"Worker":null}}""",
        "spec.pytorchReplicaSpecs.Worker: Required value: must be configured if elastic policy is used")]
    [InlineData("""{"elasticPolicy":{"nProcPerNode":2},"nprocPerNode":"auto"}""", "spec.elasticPolicy.nProcPerNode: Forbidden: must not be used with spec.nprocPerNode")]
    [InlineData("""{"runPolicy":{"managedBy":"me"}}""",
        "spec.runPolicy.managedBy: Unsupported value: \"me\": supported values: \"kubeflow.org/training-operator\", \"kueue.x-k8s.io/multikueue\"")]
    public void The_training_operators_rules_hold(string spec, string error) => Assert.Equal([error], Errors("spec", spec));
}
