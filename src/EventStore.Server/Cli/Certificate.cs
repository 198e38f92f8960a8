using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using EventStore.Server.Access.Cluster;
using EventStore.Server.Hosting;
using k8s;
using k8s.Autorest;
using k8s.Exceptions;
using k8s.Models;

namespace EventStore.Server.Cli;

/// <summary>
/// <c>certificate</c>: a self-signed certificate for servers that share one, as a Secret: printed for <c>kubectl apply</c>, or put into a
/// cluster. One server alone makes its own on its first start.
/// </summary>
internal static class Certificate
{
    private const string Name = "eventstore-tls", Type = "kubernetes.io/tls", FileOfCertificate = "tls.crt", FileOfKey = "tls.key";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan EndsSoon = TimeSpan.FromDays(30);

    /// <summary>Prints the Secret, or puts it where <paramref name="kubeconfig"/> leads to.</summary>
    /// <param name="hosts">The names and addresses by which clients call the servers.</param>
    /// <param name="kubeconfig">The cluster, as <see cref="ClusterSettings.Configuration"/> takes it; null to print.</param>
    /// <param name="stop">Cancels it.</param>
    /// <exception cref="OperatorException">The cluster cannot be asked, or refuses.</exception>
    public static async Task<int> Run(IReadOnlyCollection<string> hosts, string? kubeconfig, CancellationToken stop)
    {
        if (kubeconfig is null)
        {
            (string certificate, string key) = OwnCertificate.MakePem(hosts);
            Console.Out.WriteLine($"""
                apiVersion: v1
                kind: Secret
                metadata:
                  name: {Name}
                type: {Type}
                data:
                  {FileOfCertificate}: {Convert.ToBase64String(Bytes(certificate))}
                  {FileOfKey}: {Convert.ToBase64String(Bytes(key))}
                """);
            return 0;
        }

        try
        {
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(stop);
            patience.CancelAfter(Patience);
            Console.Out.WriteLine(await Put(hosts, ClusterSettings.Configuration(kubeconfig), patience.Token));
            return 0;
        }
        catch (HttpOperationException e)
        {
            throw new OperatorException(
                $"the cluster refuses: {(int)e.Response.StatusCode} {e.Response.Content}",
                $"Whoever runs this needs the rights to get the secret {Name} and to create secrets.");
        }
        catch (Exception e) when (e is HttpRequestException or KubeConfigException or IOException
            || (e is OperationCanceledException && !stop.IsCancellationRequested))
        {
            throw new OperatorException($"the cluster cannot be asked: {e.Message}", $"Name a kubeconfig, or {ClusterSettings.InCluster}.");
        }
    }

    /// <summary>Creates the Secret unless there is one: that one is kept, for servers run with it, and it may be somebody's own.</summary>
    private static async Task<string> Put(
        IReadOnlyCollection<string> hosts, KubernetesClientConfiguration configuration, CancellationToken stop)
    {
        using var cluster = new k8s.Kubernetes(configuration);
        string @namespace = configuration.Namespace is { Length: > 0 } named ? named : "default";
        (string certificate, string key) = OwnCertificate.MakePem(hosts);
        var secret = new V1Secret
        {
            Metadata = new V1ObjectMeta { Name = Name },
            Type = Type,
            Data = new Dictionary<string, byte[]> { [FileOfCertificate] = Bytes(certificate), [FileOfKey] = Bytes(key) },
        };
        try
        {
            await cluster.CoreV1.CreateNamespacedSecretAsync(secret, @namespace, cancellationToken: stop);
            return $"secret {@namespace}/{Name} created, for {string.Join(", ", hosts)}";
        }
        catch (HttpOperationException e) when (e.Response.StatusCode == HttpStatusCode.Conflict)
        {
            V1Secret kept = await cluster.CoreV1.ReadNamespacedSecretAsync(Name, @namespace, cancellationToken: stop);
            return $"secret {@namespace}/{Name} is there already and is kept{Warning(kept, hosts)}";
        }
    }

    private static string Warning(V1Secret kept, IReadOnlyCollection<string> hosts)
    {
        try
        {
            byte[] pem = kept.Data?.TryGetValue(FileOfCertificate, out byte[]? found) == true ? found : [];
            using var certificate = X509Certificate2.CreateFromPem(Encoding.UTF8.GetString(pem));
            string[] missing = [.. hosts.Where(host => !certificate.MatchesHostname(host))];
            return missing.Length > 0 ? $". Its certificate does not name {string.Join(", ", missing)}"
                : certificate.NotAfter - DateTime.Now < EndsSoon ? $". Its certificate ends on {certificate.NotAfter.ToUniversalTime():u}"
                : "";
        }
        catch (CryptographicException)
        {
            return $". Its {FileOfCertificate} is no certificate";
        }
    }

    private static byte[] Bytes(string pem) => Encoding.ASCII.GetBytes(pem + "\n");
}
