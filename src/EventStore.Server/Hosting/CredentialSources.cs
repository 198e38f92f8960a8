using EventStore.Server.Access;
using EventStore.Server.Access.Credentials;
using EventStore.Server.Access.Files;

namespace EventStore.Server.Hosting;

/// <summary>
/// Who may log in and do what: the files and the issuer that were named, or a token file of the server's own with an admin in it.
/// </summary>
/// <param name="Sources">Where callers and rights are known from.</param>
/// <param name="AdminToken">The first token of a member of <c>system:masters</c>; null when there is none.</param>
internal sealed record CredentialSources(AccessSources Sources, string? AdminToken)
{
    /// <summary>The admin of the first start.</summary>
    private static readonly Caller Admin = new("admin", "admin", [Caller.Masters]);

    /// <summary>Reads the files, making the tokens' first where there is none of the operator's.</summary>
    public static CredentialSources Read(Settings settings, IConfiguration configuration, ILoggerFactory logging)
    {
        string path = settings.TokenAuthFile ?? Path.Combine(settings.DataFolder, "tokens.csv");
        if (settings.TokenAuthFile is null && !File.Exists(path))
        {
            Directory.CreateDirectory(settings.DataFolder);
            PrivateFile.Write(path, TokenFile.Line(TokenFile.NewToken(), Admin) + "\n");
        }

        ILogger log = logging.CreateLogger("EventStore.Server.Access");
        var tokens = new SourceFiles(path);
        var sources = new AccessSources(
            Open("authentication-tokens", tokens, files => TokenFile.Read(files[0]), log, "Each line of --token-auth-file is: token,user,uid,\"group1,group2\""),
            settings.RbacFolder is not { } folder ? null : Open("authorization-rules", new SourceFiles(folder, ".yaml", ".yml", ".json"), RuleFile.Read, log,
                "--authorization-rbac-dir is a folder of Roles, ClusterRoles, RoleBindings and ClusterRoleBindings."),
            settings.ClientCaFile is not { } file ? null : Open("authentication-client-ca", new SourceFiles(file), files => ClientAuthorities.Read(files[0]), log,
                "--client-ca-file is a file of certificates in PEM."),
            Oidc(configuration));
        return new CredentialSources(sources, TokenFile.FirstTokenOf(tokens.Read().Texts[0].Text, Caller.Masters));
    }

    private static Followed<T> Open<T>(
        string name, SourceFiles files, Func<IReadOnlyList<SourceText>, Reading<T>> parse, ILogger log, string hint)
        where T : class
    {
        (Followed<T>? followed, string? wrong) = Followed<T>.Open(name, files, parse, log);
        return followed ?? throw new OperatorException(Path.Combine(files.Folder, wrong!), hint);
    }

    private static OidcSettings? Oidc(IConfiguration configuration) => OidcSettings.TryRead(name => configuration[name], out OidcSettings? oidc, out string? wrong)
        ? oidc
        : throw new OperatorException(wrong, $"Run '{Settings.ProgramName} --help' for what the options mean.");
}
