using System.IO.Pipelines;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace EventStore.Server.Hosting;

/// <summary>
/// TLS for kubectl. kubectl and every client built on client-go send no credential over plain HTTP, whatever the kubeconfig says
/// (client-go <c>clientcmd</c>, kubernetes/kubectl #744), so the address that serves HTTP also serves HTTPS, with a certificate
/// the server makes itself on the first start and names in the kubeconfig.
/// </summary>
internal static class OwnCertificate
{
    private const byte TlsHandshake = 0x16;
    private const int LifetimeYears = 10;
    private static readonly TimeSpan FirstByteWithin = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan RenewBefore = TimeSpan.FromDays(30);

    /// <summary>Its path in a data folder.</summary>
    public static string PathIn(string folder) => Path.Combine(folder, "tls.pem");

    /// <summary>The certificate of the data folder. It is made anew if there is none, or if it lacks one of the hosts.</summary>
    /// <exception cref="OperatorException">The file cannot be read.</exception>
    public static X509Certificate2 LoadOrMake(string folder, IReadOnlyCollection<string> hosts)
    {
        string path = PathIn(folder);
        if (Load(path) is { } kept)
        {
            if (kept.NotAfter - DateTime.Now > RenewBefore && hosts.All(host => kept.MatchesHostname(host)))
                return kept;
            kept.Dispose();
        }

        (string certificate, string key) = MakePem(hosts);
        PrivateFile.Write(path, $"{certificate}\n{key}\n");
        return X509Certificate2.CreateFromPemFile(path);
    }

    /// <summary>A new certificate for the hosts and its private key, both in PEM.</summary>
    public static (string Certificate, string Key) MakePem(IReadOnlyCollection<string> hosts)
    {
        using X509Certificate2 made = Make(hosts);
        using ECDsa key = made.GetECDsaPrivateKey()!;
        return (made.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem());
    }

    /// <summary>Serves TLS and HTTP on one address: TLS if the connection begins with a handshake.</summary>
    public static void ServeBoth(ListenOptions listen, X509Certificate2 certificate)
    {
        ConnectionDelegate? http = null;
        listen.Use(tls => async connection =>
        {
            if (await IsTls(connection) is { } begunAsTls)
                await (begunAsTls ? tls : http!)(connection);
        });
        listen.UseHttps(certificate);
        listen.Use(next => http = next); // the pipeline is built from its end: what stands behind TLS
    }

    /// <summary>
    /// Whether the first byte begins a TLS handshake; null if none comes in time. Kestrel's own limits start only after this, so a
    /// silent client must be disconnected here, or it would delay a shutdown.
    /// </summary>
    private static async Task<bool?> IsTls(ConnectionContext connection)
    {
        CancellationToken stopping =
            connection.Features.Get<IConnectionLifetimeNotificationFeature>()?.ConnectionClosedRequested ?? CancellationToken.None;
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(connection.ConnectionClosed, stopping);
        enough.CancelAfter(FirstByteWithin);
        try
        {
            ReadResult read = await connection.Transport.Input.ReadAsync(enough.Token);
            bool tls = !read.Buffer.IsEmpty && read.Buffer.FirstSpan[0] == TlsHandshake;
            connection.Transport.Input.AdvanceTo(read.Buffer.Start); // looked at, not taken
            return tls;
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            return null; // it said nothing, or has gone
        }
    }

    private static X509Certificate2? Load(string path)
    {
        try
        {
            return File.Exists(path) ? X509Certificate2.CreateFromPemFile(path) : null;
        }
        catch (CryptographicException)
        {
            return null; // damaged: a new one serves as well, for the kubeconfig that names it is written at every start
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new OperatorException(
                $"the server's certificate cannot be read: {e.Message}",
                "Another account may have made it: serve by that account, give this one the file, or delete it, and a new one is made.");
        }
    }

    private static X509Certificate2 Make(IReadOnlyCollection<string> hosts)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=pytorchjob-eventstore", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        foreach (string host in hosts)
        {
            if (IPAddress.TryParse(host, out IPAddress? address))
                names.AddIpAddress(address);
            else
                names.AddDnsName(host);
        }

        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, 0, true)); // it vouches for itself
        const X509KeyUsageFlags usage = X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.KeyCertSign;
        request.CertificateExtensions.Add(new X509KeyUsageExtension(usage, true));
        var serverAuthentication = new Oid("1.3.6.1.5.5.7.3.1");
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([serverAuthentication], false));
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddYears(LifetimeYears));
    }
}
