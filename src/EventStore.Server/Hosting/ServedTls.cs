using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace EventStore.Server.Hosting;

/// <summary>What a client needs in order to trust the server's TLS.</summary>
/// <param name="TrustPem">CA certificates (PEM) that clients must trust; null if the system trust store suffices.</param>
/// <param name="ServerName">The name that the certificate must have, if it differs from the address's host; else null.</param>
internal sealed record ServedTls(string? TrustPem, string? ServerName)
{
    private const string DevelopmentCertificate = "1.3.6.1.4.1.311.84.1.1"; // the extension by which ASP.NET finds its own
    private const string Hint = "Name a certificate, and its key with KeyPath, in PEM or PKCS #12.";
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

    /// <summary>Refuses a certificate that cannot be used, and https without one, before anything is started.</summary>
    /// <exception cref="OperatorException">There is one, or there is none.</exception>
    public static void Check(IConfiguration configuration, string contentRoot)
    {
        foreach (IConfigurationSection section in Certificates(configuration))
        {
            string?[] paths = [section["Path"], section["KeyPath"]];
            if (paths.OfType<string>().Select(path => Path.Combine(contentRoot, path)).FirstOrDefault(IsMissing) is { } missing)
            {
                throw new OperatorException($"{section.Path}: there is no file {missing}", Hint);
            }

            if (Wrong(section, contentRoot) is { } wrong)
                throw new OperatorException($"{section.Path}: {section["Path"]} cannot be used: {wrong}", Hint);
        }
    }

    /// <summary>Refuses an address with https that has no certificate, before anything is started.</summary>
    /// <exception cref="OperatorException">There is one.</exception>
    public static void CheckHttps(IConfiguration configuration, IEnumerable<string> urls)
    {
        IConfigurationSection kestrel = configuration.GetSection("Kestrel");
        IConfigurationSection[] own = [.. kestrel.GetSection("Endpoints").GetChildren().Where(endpoint =>
            IsNamed(endpoint.GetSection("Certificate")) || endpoint.GetSection("Sni").GetChildren().Any())];
        if (urls.Except(own.Select(endpoint => endpoint["Url"])).FirstOrDefault(IsHttps) is not { } bare
            || IsNamed(kestrel.GetSection("Certificates:Default")) || HasDevelopmentCertificate())
            return;
        throw new OperatorException(
            $"cannot listen: {bare} has no certificate",
            "Name one with --Kestrel:Certificates:Default:Path and its key with …:KeyPath; or write http, and the server makes one of its "
            + "own and serves https at the same address.");
    }

    private static bool IsHttps(string? url) => url?.StartsWith("https:", StringComparison.OrdinalIgnoreCase) == true;

    private static bool IsNamed(IConfigurationSection certificate) =>
        certificate["Path"] is { Length: > 0 } || certificate["Subject"] is { Length: > 0 };

    private static bool HasDevelopmentCertificate()
    {
        try
        {
            using var store = new X509Store(StoreName.My, StoreLocation.CurrentUser);
            store.Open(OpenFlags.ReadOnly);
            return store.Certificates.Any(each => each.Extensions.Any(extension => extension.Oid?.Value == DevelopmentCertificate));
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    /// <summary>Why Kestrel could not use a certificate; null for no reason.</summary>
    private static string? Wrong(IConfigurationSection section, string contentRoot)
    {
        string path = Path.Combine(contentRoot, section["Path"]!);
        string? key = section["KeyPath"] is { Length: > 0 } given ? Path.Combine(contentRoot, given) : null;
        try
        {
            if (key is not null && !IsPem(path))
                return null; // a certificate in DER beside its key
            using X509Certificate2 certificate = (key, section["Password"]) switch
            {
                (null, var password) => X509CertificateLoader.LoadPkcs12FromFile(path, password),
                (_, { Length: > 0 } password) => X509Certificate2.CreateFromEncryptedPemFile(path, password, key),
                _ => X509Certificate2.CreateFromPemFile(path, key),
            };
            return certificate.HasPrivateKey ? null : "it has no private key";
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            return e.Message.ReplaceLineEndings(" ");
        }
    }

    private static bool IsPem(string path) => File.ReadAllText(path).Contains("-----BEGIN CERTIFICATE-----", StringComparison.Ordinal);

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
            if (IsPem(path))
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
