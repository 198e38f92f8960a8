using EventStore.Domain.Manifests;

namespace EventStore.Domain.Tests.Manifests;

public sealed class SchemaRules
{
    [Fact]
    public void The_documents_example_has_no_unknown_field() => Assert.Empty(Schema.UnknownFields(Given.Job()));

    [Fact]
    public void Both_operators_fields_are_known() => Assert.Empty(Schema.UnknownFields(Given.Job("""
        {"metadata":{"generateName":"a-","uid":"u","resourceVersion":"1","selfLink":"/","generation":1,"creationTimestamp":"x","deletionTimestamp":"x",
           "deletionGracePeriodSeconds":0,"labels":{"any":"x"},"annotations":{"any":"x"},"finalizers":["x"],"managedFields":[{"any":1}],
           "ownerReferences":[{"apiVersion":"v1","kind":"Pod","name":"p","uid":"u","controller":true,"blockOwnerDeletion":true}]},
         "spec":{"activeDeadlineSeconds":1,"backoffLimit":1,"cleanPodPolicy":"All","ttlSecondsAfterFinished":1,"nprocPerNode":"auto",
           "runPolicy":{"activeDeadlineSeconds":1,"backoffLimit":1,"cleanPodPolicy":"All","ttlSecondsAfterFinished":1,"suspend":false,"managedBy":"x",
             "schedulingPolicy":{"minAvailable":1,"queue":"q","minResources":{"any":{"thing":1}},"priorityClass":"p","scheduleTimeoutSeconds":1}},
           "elasticPolicy":{"minReplicas":1,"maxReplicas":2,"rdzvBackend":"c10d","rdzvPort":1,"rdzvHost":"h","rdzvId":"i","standalone":true,
             "rdzvConf":[{"key":"k","value":"v"}],"nProcPerNode":1,"maxRestarts":1,"metrics":[{"any":1}]},
           "pytorchReplicaSpecs":{"Worker":{"template":{"any":{"thing":[{"below":1}]}}}}},
         "status":{"any":{"thing":1}}}
        """)));

    [Theory]
    [InlineData("""{"foo":1}""", "foo")]
    [InlineData("""{"metadata":{"foo":1,"clusterName":"c"}}""", "metadata.clusterName", "metadata.foo")]
    [InlineData("""{"metadata":{"ownerReferences":[{"uid":"u"},{"foo":1}]}}""", "metadata.ownerReferences[1].foo")]
    [InlineData("""{"spec":{"activeDeadlineSecond":1,"ReplicaSpecs":[]}}""", "spec.ReplicaSpecs", "spec.activeDeadlineSecond")]
    [InlineData("""{"spec":{"pytorchReplicaSpecs":{"Worker":{"foo":{"bar":1}}}}}""", "spec.pytorchReplicaSpecs.Worker.foo")]
    [InlineData("""{"spec":{"runPolicy":{"foo":1,"schedulingPolicy":{"bar":1}}}}""", "spec.runPolicy.foo", "spec.runPolicy.schedulingPolicy.bar")]
    [InlineData("""{"spec":{"elasticPolicy":{"foo":1,"rdzvConf":[{"key":"k"},{"bar":1}]}}}""", "spec.elasticPolicy.foo", "spec.elasticPolicy.rdzvConf[1].bar")]
    public void A_member_nobody_knows_is_named(string patch, params string[] unknown) =>
        Assert.Equal(unknown, Schema.UnknownFields(Given.Job(patch)).Select(path => path.ToString()));

    [Theory]
    [InlineData("""{"metadata":"x","spec":[{"foo":1}],"status":5}""")]
    [InlineData("""{"metadata":{"labels":"x","ownerReferences":{"foo":1}},"spec":{"pytorchReplicaSpecs":["x"],"runPolicy":null}}""")]
    public void A_value_of_the_wrong_type_has_no_fields_to_know(string manifest) =>
        Assert.Empty(Schema.UnknownFields(Given.Object(manifest)));
}
