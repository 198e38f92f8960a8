using EventStore.Server.Access;
using EventStore.Server.Access.Cluster;
using EventStore.Server.Access.Credentials;
using EventStore.Server.Access.Files;

namespace EventStore.Server.Hosting;

/// <summary>
/// Where users and rights come from: the configured files and issuer, or else a token file of the server's own that contains an admin.
/// </summary>
/// <param name="Sources">The sources of callers and rights.</param>
/// <param name="AdminToken">The first token of a member of <c>system:masters</c>; null when there is none.</param>
internal sealed record CredentialSources(AccessSources Sources, string? AdminToken)
{
    /// <summary>The admin of the first start.</summary>
    private static readonly Caller Admin = new("admin", "admin", [Caller.Masters]);

    /// <summary>Reads the files that exist and creates none, so that an error shows before a database is started.</summary>
    /// <exception cref="OperatorException">A file or a setting is wrong.</exception>
    public static void Check(Settings settings, IConfiguration configuration, ILoggerFactory logging)
    {
        ILogger log = logging.CreateLogger("EventStore.Server.Access");
        if (File.Exists(TokenPath(settings)) || settings.TokenAuthFile is not null)
            Tokens(settings, log);
        Rules(settings, log);
        Authorities(settings, log);
        Oidc(configuration);
        ProxyAuthorities(configuration, log);
        RequestHeaderSettings.Read(name => configuration[name]);
        ClusterSettings cluster = ClusterSettings.Read(name => configuration[name]);
        foreach (string kubeconfig in ((string?[])[cluster.Authentication, cluster.Authorization]).OfType<string>().Distinct())
            Client(kubeconfig).Dispose();
    }

    /// <summary>Reads the files; creates the token file if the operator named none.</summary>
    /// <exception cref="OperatorException">A file or a setting is wrong.</exception>
    public static CredentialSources Read(Settings settings, IConfiguration configuration, ILoggerFactory logging)
    {
        string path = TokenPath(settings);
        if (settings.TokenAuthFile is null && !File.Exists(path))
            PrivateFile.Write(path, TokenFile.Line(TokenFile.NewToken(), Admin) + "\n");
        ILogger log = logging.CreateLogger("EventStore.Server.Access");
        var sources = new AccessSources(Tokens(settings, log), Rules(settings, log), Authorities(settings, log), Oidc(configuration))
        {
            ProxyAuthorities = ProxyAuthorities(configuration, log),
            ProxyHeaders = RequestHeaderSettings.Read(name => configuration[name]),
        };
        sources = WithCluster(sources, ClusterSettings.Read(name => configuration[name]), log);
        return new CredentialSources(sources, TokenFile.FirstTokenOf(new SourceFiles(path).Read().Texts[0].Text, Caller.Masters));
    }

    private static string TokenPath(Settings settings) => settings.TokenAuthFile ?? Path.Combine(settings.DataFolder, "tokens.csv");

    private static Followed<TokenFile> Tokens(Settings settings, ILogger log) => Open(
        "authentication-tokens", new SourceFiles(TokenPath(settings)), files => TokenFile.Read(files[0]), log,
        "Each line of --token-auth-file is: token,user,uid,\"group1,group2\"");

    private static Followed<RoleBindings>? Rules(Settings settings, ILogger log) => settings.RbacFolder is not { } folder ? null : Open(
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

    private static OidcSettings? Oidc(IConfiguration configuration)
    {
        OidcSettings? oidc = OidcSettings.Read(name => configuration[name]);
        OidcPageClient? page = OidcPageClient.Read(name => configuration[name], oidc);
        return oidc is null ? null : oidc with { PageClient = page };
    }

    private static Followed<ClientAuthorities>? ProxyAuthorities(IConfiguration configuration, ILogger log) =>
        configuration[RequestHeaderSettings.CaFile] is not { Length: > 0 } file ? null : Open(
            "authentication-requestheader-ca", new SourceFiles(file), files => ClientAuthorities.Read(files[0]), log,
            $"--{RequestHeaderSettings.CaFile} is a file of certificates in PEM.");

    private static AccessSources WithCluster(AccessSources sources, ClusterSettings settings, ILogger log)
    {
        var times = new ReviewTimes();
        return sources with
        {
            Cluster = settings.Authentication is { } proxies ? new ClusterProxies(Client(proxies), log) : null,
            Authenticator = settings.Authentication is { } authentication
                ? new ClusterReviews("authentication-cluster", ClusterReviews.Tokens, Client(authentication), times, log)
                : null,
            Authorizer = settings.Authorization is { } authorization
                ? new ClusterReviews("authorization-cluster", ClusterReviews.Rights, Client(authorization), times, log)
                : null,
            Namespaces = settings.Authorization is { } cluster ? new ClusterNamespaces(Client(cluster), times, log) : null,
        };
    }

    private static k8s.IKubernetes Client(string kubeconfig)
    {
        try
        {
            return ClusterSettings.Client(kubeconfig);
        }
        catch (Exception e) when (
            e is k8s.Exceptions.KubeConfigException or IOException or UnauthorizedAccessException or YamlDotNet.Core.YamlException)
        {
            throw new OperatorException(
                $"{kubeconfig}: {e.Message.ReplaceLineEndings(" ")}",
                $"--{ClusterSettings.Names[0]} and --{ClusterSettings.Names[1]} name a kubeconfig, "
                + $"or {ClusterSettings.InCluster} in a pod.");
        }
    }
}
