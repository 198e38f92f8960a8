using System.Diagnostics.CodeAnalysis;
using System.Formats.Asn1;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EventStore.Server.Access.Files;

namespace EventStore.Server.Access.Credentials;

/// <summary>
/// Certificate authorities for client certificates (kube-apiserver's <c>--client-ca-file</c>). A certificate that one of them signed for
/// client authentication, and that has not expired, is a credential: its common name is the user, its organizations are the groups.
/// </summary>
internal sealed class ClientAuthorities
{
    /// <summary>The authentication scheme its principals carry.</summary>
    public const string Scheme = "X509";

    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2", CommonName = "2.5.4.3", Organization = "2.5.4.10";

    private readonly X509Certificate2Collection authorities;

    /// <summary>A cache by certificate object, and so by connection: building a chain for each request would cost too much.</summary>
    private readonly ConditionalWeakTable<X509Certificate2, Checked> verified = [];

    private ClientAuthorities(X509Certificate2Collection authorities) => this.authorities = authorities;

    /// <summary>Reads certificates in PEM, all that the file has.</summary>
    public static Reading<ClientAuthorities> Read(SourceText file)
    {
        var authorities = new X509Certificate2Collection();
        try
        {
            authorities.ImportFromPem(file.Text);
        }
        catch (CryptographicException e)
        {
            return Reading<ClientAuthorities>.Failed(file.Name, 0, e.Message);
        }

        return authorities.Count == 0
            ? Reading<ClientAuthorities>.Failed(file.Name, 0, "there is no certificate in it")
            : Reading<ClientAuthorities>.Of(new ClientAuthorities(authorities), $"{authorities.Count} certificates");
    }

    /// <summary>The user a certificate names; null when no authority of these signed it, it is not in force, or it names no user.</summary>
    public Caller? Find(X509Certificate2? certificate, DateTimeOffset now) =>
        certificate is not null && now <= certificate.NotAfter ? verified.GetValue(certificate, Verify).Caller : null;

    private Checked Verify(X509Certificate2 certificate)
    {
        using var chain = new X509Chain
        {
            ChainPolicy =
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
                DisableCertificateDownloads = true,
                ApplicationPolicy = { new Oid(ClientAuthentication) },
            },
        };
        chain.ChainPolicy.CustomTrustStore.AddRange(authorities);
        return new Checked(chain.Build(certificate) && TryReadSubject(certificate.SubjectName, out Caller? caller) ? caller : null);
    }

    /// <summary>
    /// The names of the subject, read from its DER encoding: Go writes several organizations into one relative distinguished name,
    /// which .NET's reader does not split. Of several common names the last one counts, as in Go.
    /// </summary>
    private static bool TryReadSubject(X500DistinguishedName subject, [NotNullWhen(true)] out Caller? caller)
    {
        string name = "";
        var groups = new List<string>();
        try
        {
            AsnReader parts = new AsnReader(subject.RawData, AsnEncodingRules.DER).ReadSequence();
            while (parts.HasData)
            {
                for (AsnReader part = parts.ReadSetOf(skipSortOrderValidation: true); part.HasData;)
                {
                    AsnReader attribute = part.ReadSequence();
                    string type = attribute.ReadObjectIdentifier();
                    if (type == CommonName)
                        name = ReadText(attribute);
                    else if (type == Organization)
                        groups.Add(ReadText(attribute));
                }
            }
        }
        catch (AsnContentException)
        {
            name = "";
        }

        caller = name.Length == 0 ? null : new Caller(name, "", Caller.WithAuthenticated(groups));
        return caller is not null;
    }

    private static string ReadText(AsnReader attribute) => (UniversalTagNumber)attribute.PeekTag().TagValue switch
    {
        var type and (UniversalTagNumber.UTF8String or UniversalTagNumber.PrintableString or UniversalTagNumber.IA5String
            or UniversalTagNumber.T61String or UniversalTagNumber.BMPString) => attribute.ReadCharacterString(type),
        _ => throw new AsnContentException(),
    };

    private sealed record Checked(Caller? Caller);
}
