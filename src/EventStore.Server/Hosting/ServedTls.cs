using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace EventStore.Server.Hosting;

/// <summary>What a client needs in order to trust the server's TLS.</summary>
/// <param name="TrustPem">CA certificates (PEM) that clients must trust; null if the system trust store suffices.</param>
/// <param name="ServerName">The name that the certificate must have, if it differs from the address's host; else null.</param>
internal sealed record ServedTls(string? TrustPem, string? ServerName)
{
    private static readonly ServedTls Unknown = new(null, null);

    /// <summary>For the server's own certificate.</summary>
    public static ServedTls Own(X509Certificate2 certificate) => new(certificate.ExportCertificatePem(), null);

    /// <summary>
    /// For Kestrel's settings: the file of the first endpoint that names one (<c>Kestrel:Endpoints:…:Certificate</c>), or of the default
    /// (<c>Kestrel:Certificates:Default</c>). All its certificates count, so it may end with the authority's.
    /// </summary>
    public static ServedTls Configured(IConfiguration configuration, string contentRoot, Uri url)
    {
        IConfigurationSection? section = Certificates(configuration).FirstOrDefault();
        if (section is null || Load(Path.Combine(contentRoot, section["Path"]!), section["Password"]) is not { Count: > 0 } chain)
            return Unknown;
        X509Certificate2 leaf = chain.FirstOrDefault(certificate => certificate.HasPrivateKey) ?? chain[0];
        string trust = string.Join('\n', chain.Select(certificate => certificate.ExportCertificatePem()));
        return new ServedTls(trust, leaf.MatchesHostname(url.Host.Trim('[', ']')) ? null : FirstName(leaf));
    }

    /// <summary>Refuses a certificate file that cannot be read, before anything is started.</summary>
    /// <exception cref="OperatorException">There is one.</exception>
    public static void Check(IConfiguration configuration, string contentRoot)
    {
        foreach (IConfigurationSection section in Certificates(configuration))
        {
            string?[] paths = [section["Path"], section["KeyPath"]];
            if (paths.OfType<string>().Select(path => Path.Combine(contentRoot, path)).FirstOrDefault(IsMissing) is { } missing)
            {
                throw new OperatorException(
                    $"{section.Path}: there is no file {missing}", "Name a certificate, and its key with KeyPath, in PEM or PKCS #12.");
            }
        }
    }

    private static bool IsMissing(string path) => !File.Exists(path);

    private static IEnumerable<IConfigurationSection> Certificates(IConfiguration configuration)
    {
        IConfigurationSection kestrel = configuration.GetSection("Kestrel");
        return kestrel.GetSection("Endpoints").GetChildren().Select(endpoint => endpoint.GetSection("Certificate"))
            .Append(kestrel.GetSection("Certificates:Default")).Where(named => named["Path"] is { Length: > 0 });
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
            return null; // not fatal: the kubeconfig then relies on the system trust store
        }
    }

    private static string? FirstName(X509Certificate2 certificate) =>
        certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>()
            .SelectMany(names => names.EnumerateDnsNames()).FirstOrDefault();
}
