using System.Security.Cryptography.X509Certificates;
using System.Text;
using EventStore.Server.Hosting;

namespace EventStore.Server.Cli;

/// <summary>
/// <c>ca-bundle</c>: what an aggregator must trust to reach the server, in the form <c>spec.caBundle</c> of an APIService has: the PEM in
/// base64, on one line.
/// </summary>
internal static class CaBundle
{
    /// <summary>Prints it: of the certificate in Kestrel's settings, or else of the server's own.</summary>
    public static int Run(VerbRun run)
    {
        var url = new Uri(Settings.DefaultUrl); // whichever: the trusted certificates are the same
        string pem = ServedTls.Configured(run.Configuration, AppContext.BaseDirectory, url).TrustPem ?? Own(run.Settings.DataFolder);
        VerbRun.Say(Convert.ToBase64String(Encoding.ASCII.GetBytes(pem + "\n")));
        return 0;
    }

    private static string Own(string folder)
    {
        string path = OwnCertificate.PathIn(folder);
        try
        {
            using var certificate = X509Certificate2.CreateFromPem(File.ReadAllText(path));
            return certificate.ExportCertificatePem();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or System.Security.Cryptography.CryptographicException)
        {
            throw new OperatorException(
                $"there is no certificate at {path}", "The server makes one on its first start; name its folder with --data.");
        }
    }
}
