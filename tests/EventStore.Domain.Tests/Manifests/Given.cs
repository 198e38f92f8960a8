using System.Text;
using EventStore.Domain.Json;

namespace EventStore.Domain.Tests.Manifests;

/// <summary>The material of the tests: JSON from text, and a job that breaks no rule.</summary>
internal static class Given
{
    private static readonly JsonObject ValidJob = Object("""
        {
          "apiVersion": "kubeflow.org/v1", "kind": "PyTorchJob",
          "metadata": {"name": "pytorch-test", "namespace": "kube-test"},
          "spec": {"pytorchReplicaSpecs": {
            "Master": {"replicas": 1, "restartPolicy": "Never", "template": {"spec": {
              "containers": [{"name": "pytorch", "image": "pytorch-cpu:v1", "resources": {"limits": {"cpu": 2, "memory": "4Gi"}}}],
              "imagePullSecrets": [{"name": "imagepull-secret"}]}}},
            "Worker": {"replicas": 1, "restartPolicy": "OnFailure", "template": {"spec": {
              "containers": [{"name": "pytorch", "image": "pytorch-cpu:v1"}]}}}}}
        }
        """);

    public static JsonValue Json(string text) => JsonReading.Parse(Encoding.UTF8.GetBytes(text));

    public static JsonObject Object(string text) => (JsonObject)Json(text);

    /// <summary>The document's own example with one merge patch upon it.</summary>
    public static JsonObject Job(string patch = "{}") => (JsonObject)MergePatch.Apply(ValidJob, Json(patch));

    /// <summary>The same with the patch put at one member, named by its path: <c>spec.backoffLimit</c>.</summary>
    public static JsonObject JobPatched(string member, string patch) => (JsonObject)MergePatch.Apply(
        ValidJob, member.Split('.').Reverse().Aggregate(Json(patch), (value, name) => JsonObject.Of((name, value))));

    /// <summary>The valid job with a member set, to null as well, which no merge patch can do.</summary>
    public static JsonObject JobWith(string topMember, string value) => ValidJob.With(topMember, Json(value));
}
