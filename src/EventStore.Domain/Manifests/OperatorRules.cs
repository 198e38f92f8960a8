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

    /// <summary>All that the admission webhook refuses, for specs whose types the schema has checked.</summary>
    /// <param name="before">The spec before an update; null for a new job.</param>
    /// <param name="spec">The spec.</param>
    public static IEnumerable<FieldError> Admit(JsonObject? before, JsonObject spec) =>
    [
        .. before is null ? [] : Immutable(before, spec, "managedBy", "field is immutable"),
        .. before is null ? [] : Immutable(before, spec, "schedulingPolicy.queue", "spec.runPolicy.schedulingPolicy.queue is immutable"),
        .. Of(spec),
        .. Roles(spec["pytorchReplicaSpecs"] as JsonObject ?? JsonObject.Empty),
    ];

    private static IEnumerable<FieldError> Immutable(JsonObject before, JsonObject spec, string path, string detail)
    {
        string[] names = path.Split('.');
        (JsonValue? was, JsonValue? now) = (Value(before), Value(spec));
        // The queue may be set once: a transition rule needs a value on both sides.
        bool changed = names.Length == 1 ? !Equals(was, now) : was is not null && now is not null && !was.Equals(now);
        return changed
            ? [FieldError.Invalid(names.Aggregate(Spec.Member("runPolicy"), (at, name) => at.Member(name)), now ?? JsonNull.Value, detail)]
            : [];

        JsonValue? Value(JsonObject of) => names.Aggregate(of["runPolicy"], (at, name) => at?.Member(name));
    }

    private static IEnumerable<FieldError> Roles(JsonObject roles)
    {
        FieldPath at = Spec.Member("pytorchReplicaSpecs");
        foreach (string role in roles.Names)
        {
            FieldPath replica = at.Member(role);
            if (!Schema.Roles.Contains(role))
                yield return FieldError.NotSupported(at, role, Schema.Roles);
            foreach (FieldError error in Schema.ReplicaSpec["restartPolicy"]!.Errors(replica.Member("restartPolicy"),
                Given(roles[role]?.Member("restartPolicy"))))
                yield return error;
            foreach (FieldError error in Containers(replica.Member("template").Member("spec").Member("containers"), roles[role]))
                yield return error;
            long? replicas = roles[role]?.Member("replicas") is JsonNumber number && number.TryGetInt64(out long value) ? value : null;
            if (role == "Master" ? replicas != 1 : replicas < 1)
                yield return FieldError.Forbidden(replica.Member("replicas"), role == "Master" ? "must be 1" : "must be at least 1");
        }
    }

    private static IEnumerable<FieldError> Containers(FieldPath at, JsonValue? role)
    {
        IReadOnlyList<JsonValue> containers = (role?.Member("template")?.Member("spec")?.Member("containers") as JsonArray)?.Items ?? [];
        if (containers.Count == 0)
            yield return FieldError.Required(at, "must be specified");
        for (int i = 0; i < containers.Count; i++)
        {
            if (Given(containers[i].Member("image")) is null)
                yield return FieldError.Required(at.Item(i).Member("image"), "must be required");
        }

        if (!containers.Any(container => container.Member("name") is JsonText { Value: "pytorch" }))
            yield return FieldError.Required(at, "must have at least one container with name pytorch");
    }

    private static JsonValue? Given(JsonValue? value) => value is JsonText { Value: "" } ? null : value;

    private static IEnumerable<FieldError> ManagedBy(JsonValue? runPolicy) =>
        runPolicy?.Member("managedBy") is JsonText manager && !Controllers.Contains(manager.Value)
            ? [FieldError.NotSupported(Spec.Member("runPolicy").Member("managedBy"), manager, Controllers)]
            : [];

    private static IEnumerable<FieldError> Elastic(JsonObject spec)
    {
        if (spec["elasticPolicy"] is not JsonObject elastic)
            yield break;
        if (spec["pytorchReplicaSpecs"] is JsonObject roles && roles["Worker"] is null)
            yield return FieldError.Required(
                Spec.Member("pytorchReplicaSpecs").Member("Worker"), "must be configured if elastic policy is used");
        if (IsSet(elastic["nProcPerNode"]) && IsSet(spec["nprocPerNode"]))
            yield return FieldError.Forbidden(
                Spec.Member("elasticPolicy").Member("nProcPerNode"), "must not be used with spec.nprocPerNode");
    }

    private static bool IsSet(JsonValue? value) => value is not (null or JsonNull);
}
