using System.Formats.Asn1;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace EventStore.Server.Tests.Access;

/// <summary>A certificate authority of a test's own.</summary>
internal sealed class TestAuthority : IDisposable
{
    private const string Server = "1.3.6.1.5.5.7.3.1", Client = "1.3.6.1.5.5.7.3.2";
    private readonly X509Certificate2 certificate;

    public TestAuthority(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-2), DateTimeOffset.UtcNow.AddDays(2));
    }

    public string Pem => certificate.ExportCertificatePem();

    /// <summary>A certificate for a server on this machine.</summary>
    public X509Certificate2 ForServer() => Sign(Subject([("2.5.4.3", "server")]), Server);

    /// <summary>A certificate for a client: its user, and its groups in one part of the name, as Go writes them.</summary>
    public X509Certificate2 ForClient(string user, params string[] groups) =>
        Sign(Subject([.. groups.Select(group => ("2.5.4.10", group))], [("2.5.4.3", user)]), Client);

    /// <summary>A certificate for a client, with something unusual.</summary>
    public X509Certificate2 ForClient(X500DistinguishedName subject, DateTimeOffset? until = null, string usage = Client) =>
        Sign(subject, usage, until);

    /// <summary>A client that trusts the authority, and shows a certificate.</summary>
    public HttpClient Trusting(Uri url, X509Certificate2? shown = null)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.Add(certificate);
        var handler = new SocketsHttpHandler { SslOptions = { CertificateChainPolicy = policy } };
        if (shown is not null)
            handler.SslOptions.ClientCertificates = [shown];
        return new HttpClient(handler) { BaseAddress = url };
    }

    public void Dispose() => certificate.Dispose();

    /// <summary>A name of these parts, each of which may hold several attributes.</summary>
    public static X500DistinguishedName Subject(params (string Type, string Value)[][] parts)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            foreach ((string Type, string Value)[] part in parts.Where(part => part.Length > 0))
            {
                using (writer.PushSetOf())
                {
                    foreach ((string type, string value) in part)
                    {
                        using (writer.PushSequence())
                        {
                            writer.WriteObjectIdentifier(type);
                            writer.WriteCharacterString(UniversalTagNumber.UTF8String, value);
                        }
                    }
                }
            }
        }

        return new X500DistinguishedName(writer.Encode());
    }

    private X509Certificate2 Sign(X500DistinguishedName subject, string usage, DateTimeOffset? until = null)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(usage)], false));
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        names.AddDnsName("eventstore.example.com");
        request.CertificateExtensions.Add(names.Build());
        using X509Certificate2 signed = request.Create(
            certificate, DateTimeOffset.UtcNow.AddDays(-1), until ?? DateTimeOffset.UtcNow.AddDays(1), RandomNumberGenerator.GetBytes(8));
        using X509Certificate2 withKey = signed.CopyWithPrivateKey(key);
        return X509CertificateLoader.LoadPkcs12(withKey.Export(X509ContentType.Pkcs12), null); // TLS wants a key that is not only in memory
    }
}
