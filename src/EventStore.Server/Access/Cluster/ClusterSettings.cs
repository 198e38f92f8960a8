using System.Diagnostics.CodeAnalysis;
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
    /// <param name="settings">The settings.</param>
    /// <param name="wrong">What is wrong, beginning with the flag.</param>
    public static bool TryRead(
        Func<string, string?> setting, [NotNullWhen(true)] out ClusterSettings? settings, [NotNullWhen(false)] out string? wrong)
    {
        string? authentication = Given(Names[0]), authorization = Given(Names[1]), mode = Given(Names[2]) ?? "RBAC";
        (settings, wrong) = (null, mode switch
        {
            "Webhook" => null,
            "RBAC" when authorization is not null => "--authorization-kubeconfig counts for nothing without --authorization-mode=Webhook",
            "RBAC" => null,
            _ => $"--authorization-mode: '{mode}' is neither RBAC nor Webhook",
        });
        if (wrong is not null)
            return false;
        settings = new ClusterSettings(authentication, mode == "RBAC" ? null : authorization ?? authentication ?? InCluster);
        return true;

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
