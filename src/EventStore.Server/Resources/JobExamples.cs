using System.Text.Json.Nodes;

namespace EventStore.Server.Resources;

/// <summary>The examples of the cloud service's own documents: the job pytorch-test in the namespace kube-test.</summary>
internal static class JobExamples
{
    public const string Namespace = "kube-test";

    public const string Name = "pytorch-test";

    private const string SpecText = """
        "spec": {
          "pytorchReplicaSpecs": {
            "Master": {
              "replicas": 1,
              "restartPolicy": "Never",
              "template": {
                "spec": {
                  "containers": [{
                    "args": ["--backend", "gloo"],
                    "command": ["python", "/var/mnist.py"],
                    "image": "*.*.*.215:20202/gcs/pytorch-cpu:v1",
                    "name": "pytorch",
                    "resources": { "limits": { "cpu": 2, "memory": "4Gi" }, "requests": { "cpu": 2, "memory": "4Gi" } }
                  }],
                  "imagePullSecrets": [{ "name": "imagepull-secret" }]
                }
              }
            },
            "Worker": {
              "replicas": 1,
              "restartPolicy": "OnFailure",
              "template": {
                "spec": {
                  "containers": [{
                    "args": ["--backend", "gloo"],
                    "command": ["python", "/var/mnist.py"],
                    "image": "*.*.*.215:20202/gcs/pytorch-cpu:v1",
                    "name": "pytorch",
                    "resources": { "limits": { "cpu": 2, "memory": "4Gi" }, "requests": { "cpu": 2, "memory": "4Gi" } }
                  }],
                  "imagePullSecrets": [{ "name": "imagepull-secret" }]
                }
              }
            }
          }
        }
        """;

    /// <summary>What is sent to create it.</summary>
    public static JsonNode Manifest => Parse($$"""
        { "apiVersion": "kubeflow.org/v1", "kind": "PyTorchJob", "metadata": { "name": "{{Name}}" }, {{SpecText}} }
        """);

    /// <summary>The job after <see cref="LabelPatch"/>.</summary>
    public static JsonNode Job => Parse($$"""
        {
          "apiVersion": "kubeflow.org/v1",
          "kind": "PyTorchJob",
          "metadata": {
            "creationTimestamp": "2019-07-24T10:35:38Z",
            "generation": 1,
            "labels": { "app": "test" },
            "name": "{{Name}}",
            "namespace": "{{Namespace}}",
            "resourceVersion": "72519229",
            "selfLink": "/apis/kubeflow.org/v1/namespaces/{{Namespace}}/pytorchjobs/{{Name}}",
            "uid": "c6e548f1-adfe-11e9-ba3a-b44326d0c915"
          },
          {{SpecText}},
          "status": {{StatusText}}
        }
        """);

    public static JsonNode LabelPatch => Parse("""{ "metadata": { "labels": { "app": "test" } } }""");

    /// <summary>A patch of the other fields, one taken away, under the optimistic lock.</summary>
    public static JsonNode LockedPatch => Parse("""
        {
          "metadata": { "resourceVersion": "72519229", "annotations": { "example.com/owner": "team-a" } },
          "spec": { "activeDeadlineSeconds": 86400, "cleanPodPolicy": "All", "ttlSecondsAfterFinished": null }
        }
        """);

    /// <summary>A merge patch of the status.</summary>
    public static JsonNode StatusPatch => Parse($$"""{ "status": {{StatusText}} }""");

    private const string StatusText = """
        {
          "conditions": [{
            "lastTransitionTime": "2019-07-24T10:36:26Z",
            "lastUpdateTime": "2019-07-24T10:36:26Z",
            "message": "PyTorchJob pytorch-test is created.",
            "reason": "PyTorchJobCreated",
            "status": "True",
            "type": "Created"
          }],
          "replicaStatuses": { "Master": {} },
          "startTime": "2019-07-24T10:36:26Z"
        }
        """;

    private static JsonNode Parse(string json) => JsonNode.Parse(json)!;

    /// <summary>The job as its creation is answered.</summary>
    public static JsonNode Created
    {
        get
        {
            JsonNode job = Job;
            job.AsObject().Remove("status");
            job["metadata"]!.AsObject().Remove("labels");
            job["metadata"]!["resourceVersion"] = "72519207";
            return job;
        }
    }
}
