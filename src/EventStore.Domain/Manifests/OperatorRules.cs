using EventStore.Domain.Json;

namespace EventStore.Domain.Manifests;

/// <summary>
/// The rules of the training operator's admission webhook (1.9) that span several fields, in its words. Values of the wrong type break no
/// rule here.
/// </summary>
internal static class OperatorRules
{
    private static readonly FieldPath Spec = FieldPath.Of("spec");
    private static readonly string[] Controllers = ["kubeflow.org/training-operator", "kueue.x-k8s.io/multikueue"];

    /// <summary>What is wrong with a spec.</summary>
    public static IEnumerable<FieldError> Of(JsonObject spec) => [.. ManagedBy(spec["runPolicy"]), .. Elastic(spec)];

    private static IEnumerable<FieldError> ManagedBy(JsonValue? runPolicy) =>
        runPolicy?.Member("managedBy") is JsonText manager && !Controllers.Contains(manager.Value)
            ? [FieldError.NotSupported(Spec.Member("runPolicy").Member("managedBy"), manager, Controllers)]
            : [];

    private static IEnumerable<FieldError> Elastic(JsonObject spec)
    {
        if (spec["elasticPolicy"] is not JsonObject elastic)
            yield break;
        if (spec["pytorchReplicaSpecs"] is JsonObject roles && roles["Worker"] is null)
            yield return FieldError.Required(Spec.Member("pytorchReplicaSpecs").Member("Worker"), "must be configured if elastic policy is used");
        if (IsSet(elastic["nProcPerNode"]) && IsSet(spec["nprocPerNode"]))
            yield return FieldError.Forbidden(Spec.Member("elasticPolicy").Member("nProcPerNode"), "must not be used with spec.nprocPerNode");
    }

    private static bool IsSet(JsonValue? value) => value is not (null or JsonNull);
}
