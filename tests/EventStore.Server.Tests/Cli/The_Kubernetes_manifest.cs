using System.Runtime.Versioning;
using EventStore.Server.Cli;
using EventStore.Server.Hosting;
using EventStore.Server.Tests.Fixtures;
using k8s;
using k8s.Models;

namespace EventStore.Server.Tests.Cli;

/// <summary>The manifest delivered for running in a cluster, read as the official client reads it, unknown fields refused.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class The_Kubernetes_manifest
{
    private const string Folder = "src/EventStore.Server/kubernetes/";

    private static readonly List<object> Objects =
        [.. ((string[])["server.yaml", "certificate.yaml", "migrate.yaml", "networkpolicy.yaml"]).SelectMany(
            file => KubernetesYaml.LoadAllFromString(Repository.Read(Folder + file), strict: true))];

    private static readonly V1PodSpec Pod = Objects.OfType<V1Deployment>().Single().Spec.Template.Spec;

    private static readonly V1PodSpec Migration = Job("eventstore-migrate"), Certificate = Job("eventstore-certificate");

    private static readonly V1Container Server = Assert.Single(Pod.Containers);

    [Fact]
    public void Has_the_servers_behind_one_service()
    {
        V1Deployment deployment = Objects.OfType<V1Deployment>().Single();
        V1Service service = Objects.OfType<V1Service>().Single();
        Assert.Equal(9, Objects.Count);
        Assert.Equal(deployment.Spec.Template.Metadata.Labels, Objects.OfType<V1NetworkPolicy>().Single().Spec.PodSelector.MatchLabels);
        Assert.All(
            Objects.OfType<V1Job>(), job => Assert.NotEqual(deployment.Spec.Template.Metadata.Labels, job.Spec.Template.Metadata.Labels));
        Assert.Equal(2, deployment.Spec.Replicas);
        Assert.Equal(deployment.Spec.Template.Metadata.Labels, service.Spec.Selector);
        Assert.Equal(deployment.Spec.Template.Metadata.Labels, deployment.Spec.Selector.MatchLabels);
        Assert.Equal(deployment.Spec.Template.Metadata.Labels, Objects.OfType<V1PodDisruptionBudget>().Single().Spec.Selector.MatchLabels);
        Assert.Equal(Server.Ports.Single().Name, service.Spec.Ports.Single().TargetPort.Value);
    }

    [Fact]
    public void Runs_verbs_and_options_there_are()
    {
        foreach (V1Container container in Containers())
            Assert.Null(CommandLine.Problem(CommandLine.Parse([.. container.Args])));
        Assert.Null(Pod.InitContainers);
        Assert.Equal(["migrate"], Assert.Single(Migration.Containers).Args);
        Assert.Equal("serve", Server.Args[0]);
    }

    [Fact]
    public void Probes_what_tells_a_server_that_is_dead_from_one_that_cannot_serve()
    {
        Assert.Equal("/livez", Server.LivenessProbe.HttpGet.Path);
        Assert.Equal("/readyz", Server.ReadinessProbe.HttpGet.Path);
        Assert.Equal("/readyz", Server.StartupProbe.HttpGet.Path);
        Assert.All(
            [Server.LivenessProbe, Server.ReadinessProbe, Server.StartupProbe], probe => Assert.Equal("HTTPS", probe.HttpGet.Scheme));
    }

    [Fact]
    public void Gives_no_rights_that_are_not_needed()
    {
        foreach (V1PodSpec pod in (V1PodSpec[])[Pod, Migration, Certificate])
        {
            Assert.True(pod.SecurityContext.RunAsNonRoot);
            Assert.NotEqual(0, pod.SecurityContext.RunAsUser);
            Assert.Equal(pod == Certificate, pod.AutomountServiceAccountToken);
            Assert.Equal("RuntimeDefault", pod.SecurityContext.SeccompProfile.Type);
        }

        // To create cannot be narrowed by a name; whatever else is allowed is.
        Assert.Equal(
            ["secrets create ", "secrets get eventstore-tls"],
            Objects.OfType<V1Role>().Single().Rules.Select(
                rule => $"{Assert.Single(rule.Resources)} {Assert.Single(rule.Verbs)} {rule.ResourceNames?.Single()}"));
        foreach (V1Container container in Containers())
        {
            Assert.True(container.SecurityContext.ReadOnlyRootFilesystem);
            Assert.False(container.SecurityContext.AllowPrivilegeEscalation);
            Assert.Equal(["ALL"], container.SecurityContext.Capabilities.Drop);
            Assert.True(container.Resources.Limits.ContainsKey("memory"));
            Assert.True(container.Resources.Requests.ContainsKey("cpu"));
        }
    }

    [Fact]
    public void Names_secrets_and_holds_none_and_the_server_never_sees_the_owner_s()
    {
        V1EnvVar[] connections = [.. Containers().SelectMany(container => container.Env ?? []).Where(variable => variable.Name.StartsWith(
            "ConnectionStrings", StringComparison.Ordinal))];
        Assert.Equal(3, connections.Length);
        Assert.All(connections, variable => Assert.True(variable.Value is null && variable.ValueFrom.SecretKeyRef is not null));
        Assert.Equal(
            ["eventstore-server"],
            Server.Env.Where(variable => variable.ValueFrom is not null).Select(variable => variable.ValueFrom.SecretKeyRef.Name));
        Assert.All(Pod.Volumes.Where(volume => volume.Secret is not null), volume => Assert.Equal(288, volume.Secret.DefaultMode)); // 0440
    }

    /// <summary>
    /// As an extension of the cluster's API the servers may ask the cluster, and have its bindings in the right namespaces.
    /// </summary>
    [SkippableFact]
    public async Task Is_aggregated_by_an_overlay()
    {
        Skip.IfNot(Compose_file_and_manifest.HasKubectl, "kubectl is missing");
        List<object> all = KubernetesYaml.LoadAllFromString(
            string.Join(
                "\n---\n", (await Compose_file_and_manifest.Kubectl("kustomize", Repository.PathOf("src/EventStore.Server/aggregated")))
                    .Split("\n---\n")
                .Where(each => !each.Contains("kind: ServiceMonitor", StringComparison.Ordinal))), strict: true);
        V1APIService service = all.OfType<V1APIService>().Single();
        V1Service served = all.OfType<V1Service>().Single();
        Assert.Equal(
            (served.Metadata.Name, "eventstore", served.Spec.Ports.Single().Port),
            (service.Spec.Service.Name, service.Spec.Service.NamespaceProperty, service.Spec.Service.Port!.Value));
        V1PodSpec pod = all.OfType<V1Deployment>().Single().Spec.Template.Spec;
        Assert.Equal(
            (all.OfType<V1ServiceAccount>().Single(account => account.Metadata.Name == "eventstore").Metadata.Name, true),
            (pod.ServiceAccountName, pod.AutomountServiceAccountToken));
        string[] arguments = [.. pod.Containers.Single().Args];
        Assert.Null(CommandLine.Problem(CommandLine.Parse(arguments)));
        Assert.Contains($"--groups={service.Spec.Group}", arguments);
        Assert.Equal("kube-system", all.OfType<V1RoleBinding>()
            .Single(binding => binding.RoleRef.Name.StartsWith("extension-", StringComparison.Ordinal)).Metadata.NamespaceProperty);
        Assert.Contains("system:auth-delegator", all.OfType<V1ClusterRoleBinding>().Select(binding => binding.RoleRef.Name));
        Assert.Contains(all.OfType<V1NetworkPolicy>().Single().Spec.Egress, rule => rule.Ports.Any(port => port.Port.Value == "6443"));
    }

    /// <summary>kubectl's own kustomize puts it together: every file is named, and every image has the version that is built.</summary>
    [SkippableFact]
    public async Task Is_put_together_by_kustomize()
    {
        Skip.IfNot(Compose_file_and_manifest.HasKubectl, "kubectl is missing");
        string all = await Compose_file_and_manifest.Kubectl("kustomize", Repository.PathOf(Folder));
        Assert.Equal(11, all.Split("\n---\n").Length); // with the ConfigMap of the rules and the ServiceMonitor
        Assert.Equal(12, all.Split("\n  namespace: eventstore\n").Length - 1); // the account is named with its own
        Assert.Equal(3, all.Split("image: eventstore-server:1.0.0\n").Length - 1);
        Assert.Contains("kind: ServiceMonitor", all, StringComparison.Ordinal);
    }

    private static IEnumerable<V1Container> Containers() => [.. Migration.Containers, .. Certificate.Containers, Server];

    /// <summary>What the container of a Job is called with.</summary>
    internal static IList<string> ArgumentsOf(string job) => Job(job).Containers.Single().Args;

    private static V1PodSpec Job(string name) => Objects.OfType<V1Job>().Single(job => job.Metadata.Name == name).Spec.Template.Spec;

    [Fact]
    public void Waits_for_the_server_to_stop()
    {
        TimeSpan delay = TimeSpan.Parse(
            Server.Env.Single(variable => variable.Name == "Stop__Delay").Value, System.Globalization.CultureInfo.InvariantCulture);
        var limits = new StopLimits { Delay = delay };
        Assert.True(delay + limits.ForRequests + StopLimits.LaneTime <= limits.Time);
        Assert.True(limits.Time < TimeSpan.FromSeconds(Pod.TerminationGracePeriodSeconds!.Value));
        Assert.True(delay > TimeSpan.FromSeconds((Server.ReadinessProbe.PeriodSeconds * Server.ReadinessProbe.FailureThreshold)!.Value));
    }
}
