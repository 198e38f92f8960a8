namespace EventStore.Domain.Manifests;

/// <summary>
/// The fields of a PyTorchJob: the one table of names, types and ranges, for everybody who needs them. Sources: ObjectMeta and
/// OwnerReference of apimachinery's meta/v1; the spec of pytorch-operator v1 with its four policy fields at the top (API-FACTS 2.1)
/// together with the training-operator's runPolicy, elasticPolicy and nprocPerNode (2.4).
/// </summary>
/// <remarks>
/// The table says what is known, not what is kept: an unknown member of the spec is stored like any other. Only what the rules of
/// <see cref="Validation"/> name is checked against its shape; runPolicy and elasticPolicy are the operator's own business.
/// </remarks>
public static class Schema
{
    private static readonly AnyShape Anything = new();
    private static readonly TextShape Text = new();
    private static readonly TimeShape Time = new();
    private static readonly FlagShape Flag = new();
    private static readonly IntegerShape Int64 = new();
    private static readonly IntegerShape Int32 = new(int.MinValue, int.MaxValue);

    private static readonly (string, Shape)[] PolicyFields =
    [
        ("activeDeadlineSeconds", new IntegerShape(1, long.MaxValue)),
        ("backoffLimit", new IntegerShape(0, int.MaxValue)),
        ("cleanPodPolicy", new TextShape("All", "Running", "None") { MayBeEmpty = true }),
        ("ttlSecondsAfterFinished", new IntegerShape(0, int.MaxValue)),
    ];

    private static readonly ObjectShape SchedulingPolicy = new(
        ("minAvailable", Int32),
        ("minResources", Anything),
        ("priorityClass", Text),
        ("queue", Text),
        ("scheduleTimeoutSeconds", Int32));

    private static readonly ObjectShape RunPolicy = new(
    [
        .. PolicyFields,
        ("managedBy", Text),
        ("schedulingPolicy", SchedulingPolicy),
        ("suspend", Flag),
    ]);

    private static readonly ObjectShape ElasticPolicy = new(
        ("maxReplicas", Int32),
        ("maxRestarts", Int32),
        ("metrics", Anything),
        ("minReplicas", Int32),
        ("nProcPerNode", Int32),
        ("rdzvBackend", Text),
        ("rdzvConf", new ListShape(new ObjectShape(("key", Text), ("value", Text)))),
        ("rdzvHost", Text),
        ("rdzvId", Text),
        ("rdzvPort", Int32),
        ("standalone", Flag));

    /// <summary>The roles a replica may have, in the order they are shown in.</summary>
    public static IReadOnlyList<string> Roles { get; } = ["Master", "Worker"];

    /// <summary>One entry of <c>spec.pytorchReplicaSpecs</c>.</summary>
    public static ObjectShape ReplicaSpec { get; } = new(
        ("replicas", new IntegerShape(1, int.MaxValue)),
        ("restartPolicy", new TextShape("Always", "OnFailure", "Never", "ExitCode")),
        ("template", Anything));

    /// <summary><c>spec</c></summary>
    public static ObjectShape Spec { get; } = new(
    [
        .. PolicyFields,
        ("elasticPolicy", ElasticPolicy),
        ("nprocPerNode", Text),
        ("pytorchReplicaSpecs", new MapShape(ReplicaSpec)),
        ("runPolicy", RunPolicy),
    ]);

    /// <summary>One entry of <c>metadata.ownerReferences</c>.</summary>
    public static ObjectShape OwnerReference { get; } = new(
        ("apiVersion", Text),
        ("blockOwnerDeletion", Flag),
        ("controller", Flag),
        ("kind", Text),
        ("name", Text),
        ("uid", Text));

    /// <summary><c>metadata</c></summary>
    public static ObjectShape ObjectMeta { get; } = new(
        ("annotations", new MapShape(Text)),
        ("creationTimestamp", Time),
        ("deletionGracePeriodSeconds", Int64),
        ("deletionTimestamp", Time),
        ("finalizers", new ListShape(Text)),
        ("generateName", Text),
        ("generation", Int64),
        ("labels", new MapShape(Text)),
        ("managedFields", new ListShape(Anything)),
        ("name", Text),
        ("namespace", Text),
        ("ownerReferences", new ListShape(OwnerReference)),
        ("resourceVersion", Text),
        ("selfLink", Text),
        ("uid", Text));

    /// <summary>The whole job.</summary>
    public static ObjectShape PyTorchJob { get; } = new(
        ("apiVersion", Text),
        ("kind", Text),
        ("metadata", ObjectMeta),
        ("spec", Spec),
        ("status", Anything));

    /// <summary>The members nobody knows, in order: what <c>fieldValidation=Warn</c> warns of and <c>Strict</c> refuses.</summary>
    public static IReadOnlyList<FieldPath> UnknownFields(JsonObject manifest) => PyTorchJob.UnknownFields(FieldPath.Root, manifest);
}
