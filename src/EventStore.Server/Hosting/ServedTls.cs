using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace EventStore.Server.Hosting;

/// <summary>What a client has to know to trust the server's TLS.</summary>
/// <param name="TrustPem">What vouches for the server, in PEM; null when whom the machine trusts does.</param>
/// <param name="ServerName">The name to check for, where it is not the address's; null when it is.</param>
internal sealed record ServedTls(string? TrustPem, string? ServerName)
{
    /// <summary>Nothing but an address: whom the machine trusts vouches for it.</summary>
    private static readonly ServedTls Unknown = new(null, null);

    /// <summary>By the server's own certificate.</summary>
    public static ServedTls Own(X509Certificate2 certificate) => new(certificate.ExportCertificatePem(), null);

    /// <summary>
    /// By Kestrel's settings: the file of the first endpoint that names one (<c>Kestrel:Endpoints:…:Certificate</c>), or of the default
    /// (<c>Kestrel:Certificates:Default</c>). All its certificates are named, so it may end with the authority's. Only what Kestrel
    /// has loaded already is looked for here.
    /// </summary>
    public static ServedTls Configured(IConfiguration configuration, string contentRoot, Uri url)
    {
        IConfigurationSection kestrel = configuration.GetSection("Kestrel");
        IConfigurationSection? section = kestrel.GetSection("Endpoints").GetChildren().Select(endpoint => endpoint.GetSection("Certificate"))
            .Append(kestrel.GetSection("Certificates:Default")).FirstOrDefault(named => named["Path"] is { Length: > 0 });
        if (section is null || Load(Path.Combine(contentRoot, section["Path"]!), section["Password"]) is not { Count: > 0 } chain)
            return Unknown;
        X509Certificate2 leaf = chain.FirstOrDefault(certificate => certificate.HasPrivateKey) ?? chain[0];
        string trust = string.Join('\n', chain.Select(certificate => certificate.ExportCertificatePem()));
        return new ServedTls(trust, leaf.MatchesHostname(url.Host.Trim('[', ']')) ? null : FirstName(leaf));
    }

    private static X509Certificate2Collection? Load(string path, string? password)
    {
        try
        {
            var chain = new X509Certificate2Collection();
            if (File.ReadAllText(path).Contains("-----BEGIN CERTIFICATE-----", StringComparison.Ordinal))
                chain.ImportFromPemFile(path);
            else
                chain.AddRange(X509CertificateLoader.LoadPkcs12CollectionFromFile(path, password));
            return chain;
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            return null; // it serves all the same: the kubeconfig then leaves the trust to the machine
        }
    }

    private static string? FirstName(X509Certificate2 certificate) =>
        certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().SelectMany(names => names.EnumerateDnsNames()).FirstOrDefault();
}
