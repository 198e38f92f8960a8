using System.Text;
using EventStore.Server.Hosting;

namespace EventStore.Server.Cli;

/// <summary>
/// <c>certificate</c>: a self-signed certificate for servers that share one, as a Secret for <c>kubectl apply</c>. One server alone makes
/// its own on its first start.
/// </summary>
internal static class Certificate
{
    /// <summary>Prints the Secret.</summary>
    /// <param name="hosts">The names and addresses by which clients call the servers.</param>
    public static int Run(IReadOnlyCollection<string> hosts)
    {
        (string certificate, string key) = OwnCertificate.MakePem(hosts);
        Console.Out.WriteLine($"""
            apiVersion: v1
            kind: Secret
            metadata:
              name: eventstore-tls
            type: kubernetes.io/tls
            data:
              tls.crt: {Base64(certificate)}
              tls.key: {Base64(key)}
            """);
        return 0;
    }

    private static string Base64(string pem) => Convert.ToBase64String(Encoding.ASCII.GetBytes(pem + "\n"));
}
