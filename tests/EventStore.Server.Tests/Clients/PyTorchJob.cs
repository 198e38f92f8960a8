using System.Text.Json;
using System.Text.Json.Serialization;
using k8s;
using k8s.Models;

namespace EventStore.Server.Tests.Clients;

/// <summary>A job as a user of the official C# client would declare it: a few typed fields, the rest as it comes.</summary>
public sealed class PyTorchJob : IKubernetesObject<V1ObjectMeta>
{
    [JsonPropertyName("apiVersion")]
    public string ApiVersion { get; set; } = "kubeflow.org/v1";

    [JsonPropertyName("kind")]
    public string Kind { get; set; } = "PyTorchJob";

    [JsonPropertyName("metadata")]
    public V1ObjectMeta Metadata { get; set; } = new();

    [JsonPropertyName("spec")]
    public PyTorchJobSpec Spec { get; set; } = new();

    [JsonPropertyName("status")]
    public JsonElement? Status { get; set; }
}

/// <summary>The part of the spec this user cares for.</summary>
public sealed class PyTorchJobSpec
{
    [JsonPropertyName("cleanPodPolicy")]
    public string? CleanPodPolicy { get; set; }

    [JsonPropertyName("ttlSecondsAfterFinished")]
    public int? TtlSecondsAfterFinished { get; set; }

    [JsonExtensionData]
    public Dictionary<string, JsonElement> Others { get; set; } = [];
}

/// <summary>A list of jobs.</summary>
public sealed class PyTorchJobList : IKubernetesObject<V1ListMeta>, IItems<PyTorchJob>
{
    [JsonPropertyName("apiVersion")]
    public string ApiVersion { get; set; } = "kubeflow.org/v1";

    [JsonPropertyName("kind")]
    public string Kind { get; set; } = "PyTorchJobList";

    [JsonPropertyName("metadata")]
    public V1ListMeta Metadata { get; set; } = new();

    [JsonPropertyName("items")]
    public IList<PyTorchJob> Items { get; set; } = [];
}
