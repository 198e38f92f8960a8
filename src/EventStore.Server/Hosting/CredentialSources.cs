using EventStore.Server.Access;
using EventStore.Server.Access.Credentials;
using EventStore.Server.Access.Files;

namespace EventStore.Server.Hosting;

/// <summary>
/// Who may log in and do what: the files and the issuer that were named, or a token file of the server's own with an admin in it.
/// </summary>
/// <param name="Sources">The sources of callers and rights.</param>
/// <param name="AdminToken">The first token of a member of <c>system:masters</c>; null when there is none.</param>
internal sealed record CredentialSources(AccessSources Sources, string? AdminToken)
{
    /// <summary>The admin of the first start.</summary>
    private static readonly Caller Admin = new("admin", "admin", [Caller.Masters]);

    /// <summary>Reads what there is and makes nothing, so that an error shows before a database is started.</summary>
    /// <exception cref="OperatorException">A file or a setting is wrong.</exception>
    public static void Check(Settings settings, IConfiguration configuration, ILoggerFactory logging)
    {
        ILogger log = logging.CreateLogger("EventStore.Server.Access");
        if (File.Exists(TokenPath(settings)) || settings.TokenAuthFile is not null)
            Tokens(settings, log);
        Rules(settings, log);
        Authorities(settings, log);
        Oidc(configuration);
    }

    /// <summary>Reads the files, making the token file where there is none of the operator's.</summary>
    /// <exception cref="OperatorException">A file or a setting is wrong.</exception>
    public static CredentialSources Read(Settings settings, IConfiguration configuration, ILoggerFactory logging)
    {
        string path = TokenPath(settings);
        if (settings.TokenAuthFile is null && !File.Exists(path))
            PrivateFile.Write(path, TokenFile.Line(TokenFile.NewToken(), Admin) + "\n");
        ILogger log = logging.CreateLogger("EventStore.Server.Access");
        var sources = new AccessSources(Tokens(settings, log), Rules(settings, log), Authorities(settings, log), Oidc(configuration));
        return new CredentialSources(sources, TokenFile.FirstTokenOf(new SourceFiles(path).Read().Texts[0].Text, Caller.Masters));
    }

    private static string TokenPath(Settings settings) => settings.TokenAuthFile ?? Path.Combine(settings.DataFolder, "tokens.csv");

    private static Followed<TokenFile> Tokens(Settings settings, ILogger log) => Open(
        "authentication-tokens", new SourceFiles(TokenPath(settings)), files => TokenFile.Read(files[0]), log,
        "Each line of --token-auth-file is: token,user,uid,\"group1,group2\"");

    private static Followed<AccessPolicy>? Rules(Settings settings, ILogger log) => settings.RbacFolder is not { } folder ? null : Open(
        "authorization-rules", new SourceFiles(folder, ".yaml", ".yml", ".json"), RuleFile.Read, log,
        "--authorization-rbac-dir is a folder of Roles, ClusterRoles, RoleBindings and ClusterRoleBindings.");

    private static Followed<ClientAuthorities>? Authorities(Settings settings, ILogger log) =>
        settings.ClientCaFile is not { } file ? null : Open(
            "authentication-client-ca", new SourceFiles(file), files => ClientAuthorities.Read(files[0]), log,
            "--client-ca-file is a file of certificates in PEM.");

    private static Followed<T> Open<T>(
        string name, SourceFiles files, Func<IReadOnlyList<SourceText>, Reading<T>> parse, ILogger log, string hint)
        where T : class
    {
        (Followed<T>? followed, string? wrong) = Followed<T>.Open(name, files, parse, log);
        // What could not be read at all names its full path, which Combine then takes alone.
        return followed ?? throw new OperatorException(Path.Combine(files.Folder, wrong!), hint);
    }

    private static OidcSettings? Oidc(IConfiguration configuration) =>
        OidcSettings.TryRead(name => configuration[name], out OidcSettings? oidc, out string? wrong)
            ? oidc
            : throw new OperatorException(wrong, $"Run '{Settings.ProgramName} serve --help' for what the options mean.");
}
