using EventStore.Domain.Json;

namespace EventStore.Domain.Manifests;

/// <summary>
/// The rules for the spec of a PyTorchJob. pytorch-operator v1 checked a job only after it was stored, and then failed it; here the
/// same rules are checked before. Paths and texts for replica templates are those of the training-operator's webhook, those for
/// types and ranges kube-openapi's. Nothing is defaulted. Which operator's rules hold for workers without a master is told by the layout.
/// </summary>
internal static class JobValidation
{
    private const string Container = "pytorch";

    private static readonly FieldPath Spec = FieldPath.Of("spec");
    private static readonly FieldPath ReplicaSpecs = Spec.Member("pytorchReplicaSpecs");
    private static readonly IntegerShape ExactlyOne = new(1, 1);
    private static readonly TextShape Text = new();
    private static readonly string[] OfTrainingOperator = ["elasticPolicy", "nprocPerNode", "runPolicy"];

    /// <summary>What is wrong with the spec of a new job.</summary>
    /// <param name="spec">The spec.</param>
    /// <param name="updatable">What of the job may change later, which is checked now already.</param>
    public static IEnumerable<FieldError> OfNew(JsonValue? spec, FieldTree updatable) => spec switch
    {
        null or JsonNull => [FieldError.Required(ReplicaSpecs)],
        JsonObject fields =>
        [
            .. OfUpdate(fields, updatable)
                .Concat(Field(Spec, fields, "backoffLimit", Schema.Spec))
                .Concat(OperatorRules.Of(fields))
                .Concat(Master(fields))
                .Concat(Replicas(fields["pytorchReplicaSpecs"]))
                .Distinct(), // a field of a replica may be updatable too
        ],
        _ => [FieldError.WrongType(Spec, spec, "object")],
    };

    /// <summary>What is wrong with the updatable fields of the spec.</summary>
    public static IEnumerable<FieldError> OfUpdate(JsonObject spec, FieldTree updatable) =>
        updatable["spec"]?.Errors(Spec, Schema.Spec, spec) ?? [];

    private static IEnumerable<FieldError> Field(FieldPath at, JsonObject fields, string name, ObjectShape shape) =>
        shape[name]!.Errors(at.Member(name), fields[name]);

    /// <summary>
    /// pytorch-operator v1 fails workers without a master, in these words; the training-operator runs them. A spec is the
    /// training-operator's when it holds a field that pytorch-operator v1 does not know.
    /// </summary>
    private static IEnumerable<FieldError> Master(JsonObject spec) =>
        spec["pytorchReplicaSpecs"] is JsonObject roles && roles["Worker"] is not null && roles["Master"] is null
            && OfTrainingOperator.All(name => spec[name] is null or JsonNull)
            ? [FieldError.Required(ReplicaSpecs.Member("Master"),
                $"Master ReplicaSpec must be present, or one of {string.Join(", ", OfTrainingOperator)} in spec")]
            : [];

    /// <summary>Each replica by itself. An empty map is taken, as by the custom resource and the operator's webhook.</summary>
    private static IEnumerable<FieldError> Replicas(JsonValue? replicas) => replicas switch
    {
        null or JsonNull => [FieldError.Required(ReplicaSpecs)],
        JsonObject roles => roles.Names.SelectMany(role => Replica(role, roles[role]!)),
        _ => [FieldError.WrongType(ReplicaSpecs, replicas, "object")],
    };

    private static IEnumerable<FieldError> Replica(string role, JsonValue replica)
    {
        if (!Schema.Roles.Contains(role))
            return [FieldError.NotSupported(ReplicaSpecs, role, Schema.Roles)];
        FieldPath at = ReplicaSpecs.Member(role);
        if (replica is not JsonObject fields)
            return [FieldError.WrongType(at, replica, "object")]; // null too, on which upstream's webhook panics
        return
        [
            .. role == "Master"
                ? ExactlyOne.Errors(at.Member("replicas"), fields["replicas"])
                : Field(at, fields, "replicas", Schema.ReplicaSpec),
            .. Field(at, fields, "restartPolicy", Schema.ReplicaSpec),
            .. Template(at.Member("template"), fields["template"]),
        ];
    }

    private static IEnumerable<FieldError> Template(FieldPath at, JsonValue? template) => template switch
    {
        null or JsonNull => Pod(at.Member("spec"), null),
        JsonObject fields => Pod(at.Member("spec"), fields["spec"]),
        _ => [FieldError.WrongType(at, template, "object")],
    };

    private static IEnumerable<FieldError> Pod(FieldPath at, JsonValue? pod) => pod switch
    {
        null or JsonNull => Containers(at.Member("containers"), null),
        JsonObject fields => Containers(at.Member("containers"), fields["containers"]),
        _ => [FieldError.WrongType(at, pod, "object")],
    };

    private static IEnumerable<FieldError> Containers(FieldPath at, JsonValue? containers)
    {
        if (containers is null or JsonNull or JsonArray { Items.Count: 0 })
            return [FieldError.Required(at, "must be specified")];
        if (containers is not JsonArray list)
            return [FieldError.WrongType(at, containers, "array")];
        IEnumerable<FieldError> errors = list.Items.SelectMany((container, index) => OneContainer(at.Item(index), container));
        return list.Items.Any(container => container is JsonObject fields && fields["name"] is JsonText { Value: Container })
            ? errors
            : errors.Append(FieldError.Required(at, $"must have at least one container with name {Container}"));
    }

    private static IEnumerable<FieldError> OneContainer(FieldPath at, JsonValue container)
    {
        if (container is not JsonObject fields)
            return [FieldError.WrongType(at, container, "object")];
        IEnumerable<FieldError> image = fields["image"] is null or JsonNull or JsonText { Value: "" }
            ? [FieldError.Required(at.Member("image"), "must be required")]
            : Text.Errors(at.Member("image"), fields["image"]);
        return image.Concat(Text.Errors(at.Member("name"), fields["name"]));
    }
}
