using EventStore.Domain.Json;

namespace EventStore.Domain.Manifests;

/// <summary>
/// The fields of a PyTorchJob: the one table of names, types, ranges and meanings, for everybody who needs them, <c>kubectl
/// explain</c> among them. Sources: ObjectMeta and OwnerReference of apimachinery's meta/v1; the spec of pytorch-operator v1 with
/// its four policy fields at the top, together with the training-operator's runPolicy, elasticPolicy and nprocPerNode.
/// </summary>
/// <remarks>
/// The table describes known fields; unknown members of the spec are stored too. Only what the rules of <see cref="Validation"/>
/// name is checked against its shape; runPolicy and elasticPolicy are left to the operator.
/// </remarks>
public static class Schema
{
    /// <summary>The API version of a job's manifest.</summary>
    public const string ApiVersion = "kubeflow.org/v1";

    /// <summary>The kind of a job's manifest.</summary>
    public const string Kind = "PyTorchJob";

    private static readonly AnyShape Anything = new();
    private static readonly TextShape Text = new();
    private static readonly TimeShape Time = new();
    private static readonly FlagShape Flag = new();
    private static readonly IntegerShape Int64 = new();
    private static readonly IntegerShape Int32 = new(int.MinValue, int.MaxValue);

    private static readonly (string, Shape, string)[] PolicyFields =
    [
        ("activeDeadlineSeconds", new IntegerShape(1, long.MaxValue),
            "How many seconds the job may be active, counted from status.startTime, before the operator fails it. Applies to replicas with "
            + "restartPolicy OnFailure or Always. No limit when unset."),
        ("backoffLimit", new IntegerShape(0, int.MaxValue), "How often containers may be restarted before the job is marked as failed."),
        ("cleanPodPolicy", new TextShape("All", "Running", "None") { MayBeEmpty = true },
            "Which pods the operator deletes when the job has finished: All of them, only those still Running, or None. "
            + "The operator takes None when unset; nothing is written into the stored job."),
        ("ttlSecondsAfterFinished", new IntegerShape(0, int.MaxValue),
            "How many seconds after it finished the operator deletes the job. Kept for ever when unset; its history always is."),
    ];

    private static readonly ObjectShape SchedulingPolicy = new(
        ("minAvailable", Int32, "How many pods must be schedulable at once before any is started."),
        ("minResources", Anything, "The least resources the job needs, by name, as Kubernetes quantities."),
        ("priorityClass", Text, "The PriorityClass of the pod group."),
        ("queue", Text, "The queue of the gang scheduler."),
        ("scheduleTimeoutSeconds", Int32, "How long the gang scheduler waits for all pods."));

    private static readonly ObjectShape RunPolicy = new(
    [
        .. PolicyFields,
        ("managedBy", Text, "Which controller runs the job: kubeflow.org/training-operator or kueue.x-k8s.io/multikueue."),
        ("schedulingPolicy", SchedulingPolicy, "How the job's pods are scheduled together."),
        ("suspend", Flag, "Whether the operator keeps the job from running."),
    ]);

    private static readonly ObjectShape ElasticPolicy = new(
        ("maxReplicas", Int32, "The most workers the job may be scaled to."),
        ("maxRestarts", Int32, "How often torchrun restarts a worker group."),
        ("metrics", Anything, "Metrics for the horizontal pod autoscaler."),
        ("minReplicas", Int32, "The least workers the job may be scaled to."),
        ("nProcPerNode", Int32, "Deprecated: use spec.nprocPerNode."),
        ("rdzvBackend", Text, "The rendezvous backend: c10d, etcd or etcd-v2."),
        ("rdzvConf", new ListShape(new ObjectShape(("key", Text, "Its name."), ("value", Text, "Its value."))),
            "Further settings of the rendezvous backend."),
        ("rdzvHost", Text, "The host of the rendezvous."),
        ("rdzvId", Text, "The id of the rendezvous."),
        ("rdzvPort", Int32, "The port of the rendezvous."),
        ("standalone", Flag, "Start a rendezvous backend of its own on a free port, for a job of one node."));

    /// <summary>The roles a replica may have, in the order they are shown in.</summary>
    public static IReadOnlyList<string> Roles { get; } = ["Master", "Worker"];

    /// <summary>One entry of <c>spec.pytorchReplicaSpecs</c>.</summary>
    public static ObjectShape ReplicaSpec { get; } = new(
        ("replicas", new IntegerShape(1, int.MaxValue),
            "How many pods play this role. Exactly 1 for Master; the operator takes 1 when unset."),
        ("restartPolicy", new TextShape("Always", "OnFailure", "Never", "ExitCode"),
            "When a pod that ended is started again. ExitCode: exit codes 1 to 127 are final, 128 to 255 are retried. "
            + "The operator takes OnFailure when unset."),
        ("template", new AnyShape { Usually = UncheckedSchema.PodTemplate },
            "The pod to start: a Kubernetes PodTemplateSpec, stored as given. It must have a container named pytorch."));

    /// <summary><c>spec</c></summary>
    public static ObjectShape Spec { get; } = new(
    [
        .. PolicyFields,
        ("elasticPolicy", ElasticPolicy, "How the number of workers may change while the job runs (torchrun)."),
        ("nprocPerNode", Text, "How many processes run on each node: auto, cpu, gpu or a number."),
        ("pytorchReplicaSpecs", new MapShape(ReplicaSpec), "What runs in each role: Master, Worker or both."),
        ("runPolicy", RunPolicy, "The training-operator's place for the policies at the top of spec; stored as given."),
    ])
    {
        Required = ["pytorchReplicaSpecs"],
    };

    /// <summary>One entry of <c>metadata.ownerReferences</c>.</summary>
    public static ObjectShape OwnerReference { get; } = new(
        ("apiVersion", Text, "The owner's apiVersion."),
        ("blockOwnerDeletion", Flag, "Whether the owner's foreground deletion waits for this object."),
        ("controller", Flag, "Whether the owner manages this object. Only one may."),
        ("kind", Text, "The owner's kind."),
        ("name", Text, "The owner's name."),
        ("uid", Text, "The owner's uid."))
    {
        Required = ["apiVersion", "kind", "name", "uid"],
    };

    /// <summary><c>metadata</c></summary>
    public static ObjectShape ObjectMeta { get; } = new(
        ("annotations", new MapShape(Text), "What tools and people keep beside the object, by name. May be changed at any time."),
        ("creationTimestamp", Time, "When the object was created. Set by the server."),
        ("deletionGracePeriodSeconds", Int64, "Set by the server with deletionTimestamp."),
        ("deletionTimestamp", Time, "When deletion was asked for. Set by the server while finalizers hold the object."),
        ("finalizers", new ListShape(Text),
            "Who must agree before the object is removed. Once deletion has begun, entries may only be taken off."),
        ("generateName", Text, "The beginning of a name for the server to complete, when name is not given."),
        ("generation", Int64,
            "How often the desired state has changed: 1 at first, one more with each change outside metadata and status "
            + "and with a request for deletion. Set by the server."),
        ("labels", new MapShape(Text), "Names and values to select objects by. May be changed at any time."),
        ("managedFields", new ListShape(Anything), "Who manages which field. Accepted and not kept."),
        ("name", Text, "The object's name, unique in its namespace. Cannot be changed."),
        ("namespace", Text, "The namespace the object is in. Cannot be changed."),
        ("ownerReferences", new ListShape(OwnerReference), "The objects this one belongs to."),
        ("resourceVersion", Text,
            "The revision of the object's last change. Given in an update, the update is carried out only if this is still the last one "
            + "(else 409 Conflict)."),
        ("selfLink", Text, "The object's path. Set by the server."),
        ("uid", Text, "Tells this object from others that had the name before or after it. Set by the server."));

    /// <summary>The whole job. The descriptions say what of it may change after creation.</summary>
    public static ObjectShape Job(UpdatableFields updatable) => new(
        ("apiVersion", Text, ApiVersion),
        ("kind", Text, Kind),
        ("metadata", ObjectMeta,
            $"What every Kubernetes object has. {Capital(Enumerate(updatable, "metadata"))} may be changed after creation."),
        ("spec", Spec, updatable.Paths.Contains("spec")
            ? "What is to run. All of it may be changed after creation."
            : $"What is to run. After creation {Enumerate(updatable, "spec")} may be changed, and nothing else."),
        ("status", new AnyShape { Usually = UncheckedSchema.JobStatus },
            "What the operator observed. Written through the status subresource only."))
    {
        Required = ["spec"],
    };

    /// <summary>The unknown members, in order: <c>fieldValidation=Warn</c> warns of them and <c>Strict</c> refuses them.</summary>
    public static IReadOnlyList<FieldPath> UnknownFields(JsonObject manifest) =>
        Profile.Documented.Job.UnknownFields(FieldPath.Root, manifest);

    /// <summary>The updatable fields of one part of the job as a clause: <c>labels, annotations and finalizers</c>.</summary>
    private static string Enumerate(UpdatableFields updatable, string part)
    {
        string prefix = part + ".";
        string[] names =
            [.. updatable.Paths.Where(path => path.StartsWith(prefix, StringComparison.Ordinal)).Select(path => path[prefix.Length..])];
        return names.Length <= 1 ? string.Concat(names) : $"{string.Join(", ", names[..^1])} and {names[^1]}";
    }

    private static string Capital(string text) => text.Length == 0 ? "Nothing" : char.ToUpperInvariant(text[0]) + text[1..];
}
