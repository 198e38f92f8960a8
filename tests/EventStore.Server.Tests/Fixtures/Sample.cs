using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace EventStore.Server.Tests.Fixtures;

/// <summary>Jobs to test with, and the requests about them.</summary>
public static class Sample
{
    /// <summary>The path of a namespace's jobs.</summary>
    public static string Jobs(string @namespace = "kube-test") => $"/apis/kubeflow.org/v1/namespaces/{@namespace}/pytorchjobs";

    /// <summary>The path of a job.</summary>
    public static string Job(string name, string @namespace = "kube-test") => $"{Jobs(@namespace)}/{name}";

    /// <summary>The job of the documentation's example.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="labels">Its labels.</param>
    /// <param name="metadata">More members of metadata, each with a comma before it.</param>
    /// <param name="spec">More members of spec, each with a comma before it.</param>
    public static string Manifest(string name, string labels = """{"app":"test"}""", string metadata = "", string spec = "") => """
        {"apiVersion":"kubeflow.org/v1","kind":"PyTorchJob","metadata":{"name":"NAME","labels":LABELS METADATA},"spec":{"pytorchReplicaSpecs":{
        "Master":{"replicas":1,"restartPolicy":"Never","template":{"spec":{"containers":[{"args":["--backend","gloo"],"command":["python","/var/mnist.py"],
        "image":"*.*.*.215:20202/gcs/pytorch-cpu:v1","name":"pytorch","resources":{"limits":{"cpu":2,"memory":"4Gi"},"requests":{"cpu":2,"memory":"4Gi"}}}],
        "imagePullSecrets":[{"name":"imagepull-secret"}]}}},
        "Worker":{"replicas":1,"restartPolicy":"OnFailure","template":{"spec":{"containers":[{"image":"*.*.*.215:20202/gcs/pytorch-cpu:v1","name":"pytorch"}]}}}} SPEC}}
        """.Replace("NAME", name, StringComparison.Ordinal).Replace("LABELS", labels, StringComparison.Ordinal)
        .Replace("METADATA", metadata, StringComparison.Ordinal).Replace("SPEC", spec, StringComparison.Ordinal);

    /// <summary>Creates a job and answers its object.</summary>
    public static async Task<JsonNode> Create(this HttpClient client, string name, string @namespace = "kube-test")
    {
        using HttpResponseMessage answer = await client.PostAsync(Jobs(@namespace), Body(Manifest(name)));
        return await answer.Manifest(201);
    }

    /// <summary>Sends a merge patch.</summary>
    public static Task<HttpResponseMessage> Patch(this HttpClient client, string path, string patch) =>
        client.PatchAsync(path, Body(patch, "application/merge-patch+json"));

    /// <summary>The answer's object, after a check of its code; a surprise shows the body.</summary>
    public static async Task<JsonNode> Manifest(this HttpResponseMessage answer, int code = 200)
    {
        string text = await answer.Content.ReadAsStringAsync();
        Assert.True((int)answer.StatusCode == code, $"{(int)answer.StatusCode} instead of {code}: {text}");
        return JsonNode.Parse(text)!;
    }

    /// <summary>The object at that path.</summary>
    public static async Task<JsonNode> Get(this HttpClient client, string path)
    {
        using HttpResponseMessage answer = await client.GetAsync(path);
        return await answer.Manifest();
    }

    /// <summary>A JSON body.</summary>
    public static StringContent Body(string json, string mediaType = "application/json") => new(json, Encoding.UTF8, mediaType);

    /// <summary><c>metadata.resourceVersion</c>.</summary>
    public static string Revision(this JsonNode manifest) => (string)manifest["metadata"]!["resourceVersion"]!;

    /// <summary>A JSON string literal.</summary>
    public static string Quoted(string text) => JsonSerializer.Serialize(text);
}
