using System.Text;

namespace EventStore.Server.Hosting;

/// <summary>A kubeconfig for the user that starts the server, so that kubectl works at once.</summary>
internal static class Kubeconfig
{
    /// <summary>Writes the file, readable by its owner only, for it holds the token.</summary>
    /// <param name="path">The file.</param>
    /// <param name="url">The server's address; with https, because kubectl sends no token over http.</param>
    /// <param name="tls">What a client needs to trust the server.</param>
    /// <param name="token">The admin's token.</param>
    public static void Write(string path, string url, ServedTls tls, string token) => PrivateFile.Write(path, $"""
        apiVersion: v1
        kind: Config
        current-context: eventstore
        clusters:
        - name: eventstore
          cluster:
            server: {url}{Line("certificate-authority-data", Base64(tls.TrustPem))}{Line("tls-server-name", tls.ServerName)}
        contexts:
        - name: eventstore
          context:
            cluster: eventstore
            namespace: default
            user: admin
        users:
        - name: admin
          user:
            token: {System.Text.Json.JsonSerializer.Serialize(token)}

        """);

    private static string? Base64(string? pem) => pem is null ? null : Convert.ToBase64String(Encoding.ASCII.GetBytes(pem));

    private static string Line(string name, string? value) => value is null ? "" : $"\n    {name}: {value}";
}
