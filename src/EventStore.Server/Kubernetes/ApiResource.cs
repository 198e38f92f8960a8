namespace EventStore.Server.Kubernetes;

/// <summary>The names one kind of object goes by in the API.</summary>
/// <param name="Group"><c>kubeflow.org</c>; empty for the core group.</param>
/// <param name="Version"><c>v1</c></param>
/// <param name="Plural"><c>pytorchjobs</c>, as in paths.</param>
/// <param name="Singular"><c>pytorchjob</c></param>
/// <param name="Kind"><c>PyTorchJob</c>, as in manifests.</param>
public sealed record ApiResource(string Group, string Version, string Plural, string Singular, string Kind)
{
    /// <summary><c>pytorchjobs.kubeflow.org</c>: how most messages call it.</summary>
    public string GroupResource { get; } = Qualify(Plural, Group);

    /// <summary><c>PyTorchJob.kubeflow.org</c>: how messages about invalid fields call it.</summary>
    public string GroupKind { get; } = Qualify(Kind, Group);

    /// <summary><c>kubeflow.org/v1</c>: what <c>apiVersion</c> says.</summary>
    public string GroupVersion { get; } = Group.Length == 0 ? Version : $"{Group}/{Version}";

    /// <summary>
    /// The path of the objects of a namespace, or of all: <c>/apis/kubeflow.org/v1/namespaces/ml/pytorchjobs</c>. Not for the core group.
    /// </summary>
    public string Path(string? @namespace = null) =>
        $"/apis/{GroupVersion}{(@namespace is null ? "" : $"/namespaces/{@namespace}")}/{Plural}";

    /// <summary>A name with its group behind it, as apimachinery's <c>GroupResource.String</c> prints it.</summary>
    internal static string Qualify(string name, string group) => group.Length == 0 ? name : $"{name}.{group}";
}
