namespace EventStore.Domain.Manifests;

/// <summary>
/// The parts of a job that are stored as given, as they mostly look: for readers of the documentation. Nothing here is checked, and a
/// field that is not listed is as good as one that is. Sources: core/v1 PodTemplateSpec, cut to what training jobs use; the JobStatus of
/// kubeflow's common/v1.
/// </summary>
internal static class UncheckedSchema
{
    private static readonly AnyShape Anything = new();
    private static readonly TextShape Text = new();
    private static readonly TimeShape Time = new();
    private static readonly IntegerShape Int32 = new(int.MinValue, int.MaxValue);

    private static readonly ObjectShape Resources = new(
        ("limits", new MapShape(Anything), "The most of each resource it may use, as Kubernetes quantities: cpu, memory, nvidia.com/gpu."),
        ("requests", new MapShape(Anything), "The least of each resource it needs."));

    private static readonly ObjectShape Container = new(
        ("args", new ListShape(Text), "Arguments of the command."),
        ("command", new ListShape(Text), "What to run instead of the image's entry point."),
        ("env", new ListShape(Anything), "Environment variables: name and value, or valueFrom."),
        ("image", Text, "The image to run. Must be given."),
        ("imagePullPolicy", Text, "Always, IfNotPresent or Never."),
        ("name", Text, "The container's name; one must be named pytorch."),
        ("ports", new ListShape(Anything),
            "Ports it listens on. The operator adds pytorchjob-port, 23456, to the container named pytorch."),
        ("resources", Resources, "What it needs and may use."),
        ("volumeMounts", new ListShape(Anything), "Where the pod's volumes are mounted."),
        ("workingDir", Text, "Where the command is run."))
    {
        Required = ["image", "name"],
    };

    private static readonly ObjectShape PodSpec = new(
        ("affinity", Anything, "Which nodes and neighbours are preferred or required."),
        ("containers", new ListShape(Container), "What runs in the pod."),
        ("imagePullSecrets", new ListShape(Anything), "Secrets for pulling the images, each with a name."),
        ("initContainers", new ListShape(Container), "What runs before the containers, one after another."),
        ("nodeSelector", new MapShape(Text), "Labels the node must have."),
        ("schedulerName", Text, "Which scheduler places the pod."),
        ("serviceAccountName", Text, "Whom the pod acts as in the cluster."),
        ("tolerations", new ListShape(Anything), "Which taints of nodes are no hindrance."),
        ("volumes", new ListShape(Anything), "Volumes for the containers to mount."))
    {
        Required = ["containers"],
    };

    private static readonly ObjectShape Condition = new(
        ("lastTransitionTime", Time, "When status last changed."),
        ("lastUpdateTime", Time, "When the condition was last reported."),
        ("message", Text, "The reason as a sentence."),
        ("reason", Text, "The reason in one word."),
        ("status", new TextShape("True", "False", "Unknown"), "Whether it holds."),
        ("type", Text, "Created, Running, Restarting, Suspended, Succeeded or Failed."))
    {
        Required = ["status", "type"],
    };

    private static readonly ObjectShape ReplicaStatus = new(
        ("active", Int32, "How many pods are running."),
        ("failed", Int32, "How many pods failed."),
        ("selector", Text, "The label selector of the role's pods."),
        ("succeeded", Int32, "How many pods succeeded."));

    /// <summary><c>spec.pytorchReplicaSpecs.*.template</c></summary>
    public static ObjectShape PodTemplate { get; } = new(
        ("metadata", Anything, "Labels and annotations of the pods."),
        ("spec", new AnyShape { Usually = PodSpec }, "The pods: a Kubernetes PodSpec."));

    /// <summary><c>status</c></summary>
    public static ObjectShape JobStatus { get; } = new(
        ("completionTime", Time, "When the job finished."),
        ("conditions", new ListShape(Condition), "What became of the job, the latest last. The State column shows the last one's type."),
        ("lastReconcileTime", Time, "When the operator last looked at the job."),
        ("replicaStatuses", new MapShape(ReplicaStatus), "How many pods of each role run, succeeded and failed."),
        ("startTime", Time, "When the operator first took the job up."));
}
