using k8s;

namespace EventStore.Server.Access.Cluster;

/// <summary>
/// Which decisions a Kubernetes cluster makes for this server: kube-apiserver's <c>--authentication-kubeconfig</c>,
/// <c>--authorization-kubeconfig</c> and <c>--authorization-mode</c>.
/// </summary>
/// <param name="Authentication">The kubeconfig of the cluster that knows tokens and front proxies; null when none is asked.</param>
/// <param name="Authorization">The kubeconfig of the cluster that knows rights; null when the rules of files decide.</param>
internal sealed record ClusterSettings(string? Authentication, string? Authorization)
{
    /// <summary>In place of a file: the service account of the pod this server runs in.</summary>
    public const string InCluster = "in-cluster";

    /// <summary>The settings, by their flags' names.</summary>
    public static readonly IReadOnlyList<string> Names = ["authentication-kubeconfig", "authorization-kubeconfig", "authorization-mode"];

    /// <summary>Reads them.</summary>
    /// <param name="setting">Gives a setting by its flag's name.</param>
    /// <exception cref="OperatorException">One is wrong.</exception>
    public static ClusterSettings Read(Func<string, string?> setting)
    {
        string? authentication = Given(Names[0]), authorization = Given(Names[1]), mode = Given(Names[2]) ?? "RBAC";
        return mode switch
        {
            "Webhook" => new ClusterSettings(authentication, authorization ?? authentication ?? InCluster),
            "RBAC" when authorization is null => new ClusterSettings(authentication, null),
            "RBAC" => throw OperatorException.OfOption(
                "--authorization-kubeconfig counts for nothing without --authorization-mode=Webhook"),
            _ => throw OperatorException.OfOption($"--authorization-mode: '{mode}' is neither RBAC nor Webhook"),
        };

        string? Given(string name) => setting(name) is { Length: > 0 } value ? value : null;
    }

    /// <summary>A client for the cluster of a kubeconfig.</summary>
    /// <param name="kubeconfig">The file, or <see cref="InCluster"/>.</param>
    /// <exception cref="k8s.Exceptions.KubeConfigException">It is no kubeconfig, or this is no pod with a service account.</exception>
    public static IKubernetes Client(string kubeconfig) => new k8s.Kubernetes(Configuration(kubeconfig));

    /// <summary>What a client of the cluster of a kubeconfig needs, and the namespace it is for.</summary>
    /// <param name="kubeconfig">The file, or <see cref="InCluster"/>.</param>
    /// <exception cref="k8s.Exceptions.KubeConfigException">It is no kubeconfig, or this is no pod with a service account.</exception>
    public static KubernetesClientConfiguration Configuration(string kubeconfig) => kubeconfig == InCluster
        ? KubernetesClientConfiguration.InClusterConfig()
        : KubernetesClientConfiguration.BuildConfigFromConfigFile(new FileInfo(kubeconfig));
}
