using EventStore.Server.Postgres;

namespace EventStore.Server.Hosting;

/// <summary>The settings of the command line, the environment and the settings files, read once.</summary>
/// <param name="DataFolder">Where the private PostgreSQL, the admin token, the certificate and the kubeconfig live.</param>
/// <param name="DataFolderGiven">Whether that folder was named, and so is to be used whatever else is.</param>
/// <param name="TokenAuthFile">Who may log in; null for the file made on the first start.</param>
/// <param name="RbacFolder">The folder of RBAC objects; null when there is none.</param>
/// <param name="ClientCaFile">Who vouches for client certificates; null when none is asked for.</param>
/// <param name="Postgres">The serving role's connection string; null for the private database.</param>
/// <param name="PostgresOwner">The owner's connection string; null when it is not known.</param>
internal sealed record Settings(
    string DataFolder, bool DataFolderGiven, string? TokenAuthFile, string? RbacFolder, string? ClientCaFile, string? Postgres, string? PostgresOwner)
{
    /// <summary>What the program is called, in messages and in the database's list of sessions.</summary>
    public const string ProgramName = "EventStore.Server";

    /// <summary>Where the server listens when nobody says.</summary>
    public const string DefaultUrl = "http://127.0.0.1:8080";

    /// <summary>Reads them.</summary>
    public static Settings Read(IConfiguration configuration) => new(
        Path.GetFullPath(configuration["data"] is { Length: > 0 } folder ? folder : EmbeddedPostgres.DefaultDataFolder()),
        configuration["data"] is { Length: > 0 },
        Named(configuration, "token-auth-file"),
        Named(configuration, "authorization-rbac-dir"),
        Named(configuration, "client-ca-file"),
        configuration.GetConnectionString("Postgres"),
        configuration.GetConnectionString("PostgresOwner"));

    private static string? Named(IConfiguration configuration, string name) => configuration[name] is { Length: > 0 } value ? value : null;
}
