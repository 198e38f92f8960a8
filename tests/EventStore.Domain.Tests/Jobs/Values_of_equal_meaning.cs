using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Domain.Tests.Manifests;

namespace EventStore.Domain.Tests.Jobs;

/// <summary>What a typed client writes otherwise than it read, and means the same by, changes nothing; the stored form stays.</summary>
public sealed class Values_of_equal_meaning
{
    [Theory]
    [InlineData("2", "\"2\"")]
    [InlineData("2", "\"2000m\"")]
    [InlineData("2.5", "\"2500m\"")]
    [InlineData("\"1024Mi\"", "\"1Gi\"")]
    [InlineData("\"1000m\"", "\"1\"")]
    [InlineData("\"1.5Gi\"", "\"1536Mi\"")]
    [InlineData("\"1e3\"", "\"1k\"")]
    [InlineData("\"1E3\"", "1000")]
    [InlineData("\"1E\"", "\"1000P\"")]
    [InlineData("\"+.5\"", "\"500m\"")]
    [InlineData("\"5.\"", "5")]
    [InlineData("\"-1\"", "\"-1000m\"")]
    [InlineData("\"0.1n\"", "\"1n\"")] // Go rounds up to whole nanos
    [InlineData("\"16Ei\"", "\"18446744073709551616\"")]
    [InlineData("\"1e-9\"", "\"1n\"")]
    public void Quantities_are_compared_by_value(string stored, string sent)
    {
        Limit(stored).When(Ask.Patch(LimitPatch(sent))).ThenNothing();
        Limit(sent).When(Ask.Patch(LimitPatch(stored))).ThenNothing();
    }

    [Theory]
    [InlineData("2", "\"2001m\"")]
    [InlineData("\"1Gi\"", "\"1G\"")]
    [InlineData("\"1E\"", "\"1Ei\"")]
    [InlineData("\"1\"", "\"-1\"")]
    [InlineData("\"16Ei\"", "\"18446744073709551617\"")]
    [InlineData("1", "\"1x\"")]
    [InlineData("1", "\"1 \"")]
    [InlineData("1", "\"1.0.0\"")]
    [InlineData("1", "\".\"")]
    [InlineData("\"1e999999999\"", "\"1e999999998\"")]
    [InlineData("1", "true")]
    public void Other_quantities_are_a_change(string stored, string sent) =>
        Limit(stored).When(Ask.Patch(LimitPatch(sent)))
            .ThenRefused<Rejection.FieldsFixed>("spec.pytorchReplicaSpecs.Worker.template.spec.containers");

    [Theory]
    [InlineData("""{"env":[{"name":"A","value":""}]}""", """{"env":[{"name":"A"}]}""")]
    [InlineData("""{"volumeMounts":[{"mountPath":"/v","name":"v","readOnly":false}]}""", """{"volumeMounts":[{"mountPath":"/v","name":"v"}]}""")]
    [InlineData("""{"args":[],"tty":false,"workingDir":""}""", "{}")]
    [InlineData("""{"ports":[{"containerPort":80,"hostPort":0}]}""", """{"ports":[{"containerPort":80}]}""")]
    [InlineData("""{"ports":[{"containerPort":80.0}]}""", """{"ports":[{"containerPort":80}]}""")]
    [InlineData("""{"livenessProbe":{"httpGet":{"port":"80"},"periodSeconds":0}}""", """{"livenessProbe":{"httpGet":{"port":80}}}""")]
    [InlineData("""{"resources":{"limits":{}}}""", """{"resources":{}}""")]
    public void What_a_typed_client_leaves_out_equals_an_absent_member(string stored, string sent)
    {
        Story.Given(Worker(stored)).When(Ask.PutExactly(Shown(Worker(sent)))).ThenNothing();
        Story.Given(Worker(sent)).When(Ask.PutExactly(Shown(Worker(stored)))).ThenNothing();
    }

    [Theory]
    [InlineData("""{"securityContext":{"privileged":false}}""", "{}")] // a pointer: false is not absent
    [InlineData("""{"env":[{"name":"A","value":"x"}]}""", """{"env":[{"name":"A"}]}""")]
    [InlineData("""{"args":[""]}""", "{}")]
    [InlineData("""{"resources":{"limits":{"cpu":0}}}""", "{}")] // a limit of nothing is a limit
    [InlineData("""{"unknown":false}""", "{}")]
    [InlineData("""{"unknown":"1024Mi"}""", """{"unknown":"1Gi"}""")]
    public void What_no_typed_client_leaves_out_is_a_change(string stored, string sent) =>
        Story.Given(Worker(stored)).When(Ask.PutExactly(Shown(Worker(sent))))
            .ThenRefused<Rejection.FieldsFixed>("spec.pytorchReplicaSpecs.Worker.template.spec.containers");

    [Fact]
    public void The_stored_form_stays_when_something_else_changes()
    {
        JsonObject sent = (JsonObject)MergePatch.Apply(
            Shown(Worker("""{"resources":{"limits":{"memory":"1Gi"}}}""")), Given.Json("""{"metadata":{"labels":{"team":"ml"}}}"""));
        Story changed = Story.Given(Worker("""{"resources":{"limits":{"memory":"1024Mi"}}}""")).When(Ask.PutExactly(sent));
        changed.Then(Ask.Replaced("""{"metadata":{"labels":{"team":"ml"}}}""", """{"metadata":{"labels":null}}""", "metadata.labels.team"));
        Assert.Contains("1024Mi", changed.After.Manifest.ToString(), StringComparison.Ordinal);
    }

    private static Story Limit(string cpu) => Story.Given(Ask.Created(LimitPatch(cpu)));

    private static string LimitPatch(string cpu) =>
        WorkerPatch("""{"name":"pytorch","image":"i","resources":{"limits":{"cpu":?}}}""".Replace("?", cpu, StringComparison.Ordinal));

    private static string WorkerPatch(string container) =>
        """{"spec":{"pytorchReplicaSpecs":{"Worker":{"template":{"spec":{"containers":[?]}}}}}}""".Replace(
            "?", container, StringComparison.Ordinal);

    private static JobCreated Worker(string container) =>
        Ask.Created(WorkerPatch(MergePatch.Apply(Given.Json(container), Given.Json("""{"name":"pytorch","image":"i"}""")).ToString()));

    private static JsonObject Shown(JobCreated created) =>
        (JsonObject)MergePatch.Apply(created.Manifest, Given.Json("""{"metadata":{"resourceVersion":"10"}}"""));
}
