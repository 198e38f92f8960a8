using EventStore.Domain.Lifetimes;
using EventStore.Domain.Manifests;
using EventStore.Server.Jobs;
using EventStore.Server.Postgres;
using EventStore.Server.Resources;
using Npgsql;

namespace EventStore.Server.Hosting;

/// <summary>The settings of the command line, the environment and the settings files, read and checked once.</summary>
/// <param name="Urls">Where to serve; empty when Kestrel's own endpoints are configured, which then count alone.</param>
/// <param name="DataFolder">Where the private PostgreSQL, the admin token, the certificate and the kubeconfig live.</param>
/// <param name="DataFolderGiven">Whether that folder was named: then it is used even if a database is named.</param>
/// <param name="TokenAuthFile">The file of tokens; null for the one created on the first start.</param>
/// <param name="RbacFolder">The folder of RBAC objects; null when there is none.</param>
/// <param name="ClientCaFile">CA certificates of client certificates; null when none is asked for.</param>
/// <param name="Postgres">The serving role's connection string; null for the private database.</param>
/// <param name="PostgresOwner">The owner's connection string; null if none is given.</param>
internal sealed record Settings(
    IReadOnlyList<string> Urls, string DataFolder, bool DataFolderGiven, string? TokenAuthFile, string? RbacFolder, string? ClientCaFile,
    string? Postgres, string? PostgresOwner)
{
    /// <summary>The name of the program, in messages and in the database's list of sessions.</summary>
    public const string ProgramName = "EventStore.Server";

    /// <summary>Where the server listens by default.</summary>
    public const string DefaultUrl = "http://127.0.0.1:8080";

    private const int StatementsKept = 100;
    private const string Replicas = "PostgresReplicas";
    private const StringSplitOptions Trimmed = StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries;

    /// <summary>The addresses of Kestrel's own endpoints, if such are configured.</summary>
    public IReadOnlyList<string> Endpoints { get; private init; } = [];

    /// <summary>Where the server will listen.</summary>
    public IReadOnlyList<string> Listened => Endpoints.Count > 0 ? Endpoints : Urls;

    /// <summary>Whether activity is counted and served.</summary>
    public bool CountsActivity { get; private init; }

    /// <summary>Whether the page for people is served.</summary>
    public bool HasPage { get; private init; }

    /// <summary>Whether writes are refused while the primary has no synchronous standby.</summary>
    public bool RequiresSynchronous { get; private init; }

    /// <summary>Whether reads may go to standbys.</summary>
    public bool ReadsStandbys { get; private init; }

    /// <summary>The kinds of change that need a reason.</summary>
    public IReadOnlySet<string> ReasonsRequired { get; private init; } = new HashSet<string>();

    /// <summary>Which controllers end lifetimes; none unless they are named.</summary>
    public IReadOnlySet<LifetimeRule> Controllers { get; private init; } = new HashSet<LifetimeRule>();

    /// <summary>The API groups that are served behind an aggregator; null for all.</summary>
    public IReadOnlySet<string>? Groups { get; private init; }

    /// <summary>More names and addresses for the server's own certificate.</summary>
    public IReadOnlyList<string> TlsNames { get; private init; } = [];

    /// <summary>Whether the data folder is used: it is needed, or it was named.</summary>
    public bool HasFolder => !NamesDatabase || DataFolderGiven || TokenAuthFile is null;

    /// <summary>
    /// Whether the server makes a self-signed certificate: it does when it has a data folder and no address is https. kubectl sends no
    /// token over plain HTTP.
    /// </summary>
    public bool MakesCertificate =>
        HasFolder && Urls.Count > 0 && !Urls.Any(url => url.StartsWith("https:", StringComparison.OrdinalIgnoreCase));

    /// <summary>
    /// The image for a private PostgreSQL in a container; null for the default, which is used only if this machine has no PostgreSQL
    /// programs.
    /// </summary>
    public string? PostgresImage { get; private init; }

    /// <summary>The serving role's connection string to hosts that are only read, as standbys; null for none.</summary>
    public string? PostgresReplicas { get; private init; }

    /// <summary>The profile of what the API allows.</summary>
    public Profile Profile { get; private init; } = Profile.Documented;

    /// <summary>Whether the database was named, by either of its roles.</summary>
    public bool NamesDatabase => Postgres is not null || PostgresOwner is not null;

    /// <summary>Reads them.</summary>
    /// <exception cref="OperatorException">One is wrong.</exception>
    public static Settings Read(IConfiguration configuration)
    {
        SettingChecks.LogLevels(configuration);
        HashSet<string>? groups = Served(Text(configuration, "groups"));
        Profile profile = NamedProfile(Text(configuration, "profile"));
        (string[] urls, string[] endpoints) = Addresses(configuration);
        string? postgres = Tuned(configuration, "Postgres");
        string? replicas = Tuned(configuration, Replicas);
        bool readsStandbys = Flag(configuration, "standby-reads", replicas is not null);
        SettingChecks.Replicas(postgres, replicas, readsStandbys);
        return new Settings(
            urls,
            Path.GetFullPath(Text(configuration, "data") ?? PrivatePostgres.DefaultDataFolder()),
            Text(configuration, "data") is not null,
            Text(configuration, "token-auth-file"),
            Text(configuration, "authorization-rbac-dir"),
            Text(configuration, "client-ca-file"),
            postgres,
            Tuned(configuration, "PostgresOwner"))
        {
            Endpoints = endpoints,
            CountsActivity = Flag(configuration, "activity", false),
            HasPage = Flag(configuration, "ui", true),
            RequiresSynchronous = Flag(configuration, "require-synchronous", false),
            PostgresReplicas = replicas,
            ReadsStandbys = readsStandbys,
            PostgresImage = Text(configuration, "postgres-image"),
            Groups = groups,
            // Behind an aggregator the cluster's garbage collector looks at what jobs own.
            Profile = groups is null ? profile : profile with { WaitsForDependents = true },
            TlsNames = Names("--tls-san", Text(configuration, "tls-san")),
            ReasonsRequired = Acts(Text(configuration, "require-reason")),
            Controllers = Rules(Text(configuration, "controllers")),
        };
    }

    private static bool Flag(IConfiguration configuration, string name, bool unsaid) => Text(configuration, name) switch
    {
        null => unsaid,
        "on" => true,
        "off" => false,
        var other => throw new OperatorException($"--{name} is '{other}'", "It is on or off."),
    };

    private static HashSet<string> Acts(string? list)
    {
        string[] acts = (list ?? "").Split(',', Trimmed);
        return acts.Except(RequiredReasons.All).FirstOrDefault() is { } unknown
            ? throw new OperatorException(
                $"--require-reason names '{unknown}'", $"A reason can be required for {string.Join(", ", RequiredReasons.All)}.")
            : [.. acts];
    }

    private static HashSet<LifetimeRule> Rules(string? list) =>
    [
        .. (list ?? "").Split(',', Trimmed).Select(name => name switch
        {
            "ttl" => LifetimeRule.Ttl,
            "deadline" => LifetimeRule.Deadline,
            _ => throw new OperatorException($"--controllers names '{name}'", "The controllers are ttl and deadline."),
        }),
    ];

    private static HashSet<string>? Served(string? list)
    {
        string[] all = [JobResource.Names.Group, JobResource.Revisions.Group];
        if (list?.Split(',', Trimmed) is not { } groups)
            return null;
        return groups.Length == 0 || groups.Except(all).Any()
            ? throw new OperatorException(
                $"--groups is '{list}'", $"It names one or more of {string.Join(", ", all)}, separated by commas.")
            : [.. groups];
    }

    private static string[] Names(string option, string? list)
    {
        string[] names = (list ?? "").Split(',', Trimmed);
        return names.FirstOrDefault(name => Uri.CheckHostName(name) is UriHostNameType.Unknown or UriHostNameType.Basic) is { } wrong
            ? throw new OperatorException(
                $"{option} names '{wrong}'", "It takes names and addresses, as in eventstore.ml.svc,10.0.0.7; none with a star.")
            : names;
    }

    private static Profile NamedProfile(string? name) => name is null
        ? Profile.Documented
        : Profile.All.FirstOrDefault(profile => profile.Name == name) ?? throw new OperatorException(
            $"there is no profile '{name}'",
            $"Choose --profile {string.Join(" or --profile ", Profile.All.Select(profile => profile.Name))}.");

    /// <summary>Where to serve, and Kestrel's own endpoints: where there are some, they count alone.</summary>
    private static (string[] Urls, string[] Endpoints) Addresses(IConfiguration configuration)
    {
        IConfigurationSection[] endpoints = [.. configuration.GetSection("Kestrel:Endpoints").GetChildren()];
        foreach (IConfigurationSection endpoint in endpoints)
            SettingChecks.Urls($"{endpoint.Path}:Url", [endpoint["Url"] ?? ""]);
        string[] urls = (Text(configuration, "urls") ?? DefaultUrl).Split(';', Trimmed);
        SettingChecks.Urls("--urls", urls);
        return endpoints.Length > 0 ? ([], [.. endpoints.Select(endpoint => endpoint["Url"]!)]) : (urls, []);
    }

    private static string? Text(IConfiguration configuration, string name) => configuration[name] is { Length: > 0 } value ? value : null;

    /// <summary>
    /// No reset on return to the pool, because it would drop prepared statements; keepalives notice a vanished database host
    /// within ten seconds.
    /// </summary>
    private static string? Tuned(IConfiguration configuration, string name)
    {
        if (configuration.GetConnectionString(name) is not { } text || string.IsNullOrWhiteSpace(text))
            return null;
        NpgsqlConnectionStringBuilder target = SettingChecks.ConnectionString(
            text, $"ConnectionStrings__{name}", isRead: name == Replicas);
        target.NoResetOnClose = true;
        if (target.MaxAutoPrepare == 0)
            (target.MaxAutoPrepare, target.AutoPrepareMinUsages) = (StatementsKept, 2);
        target.ApplicationName ??= ProgramName;
        HostList.Tune(target);
        // A Unix socket takes no options of TCP, and its other end is this machine.
        bool hasSocket = target.Host!.Split(',', Trimmed).Any(host => host.StartsWith('/') || host.StartsWith('@'));
        if (!hasSocket && target is { KeepAlive: 0, TcpKeepAlive: false })
            (target.TcpKeepAlive, target.TcpKeepAliveTime, target.TcpKeepAliveInterval) = (true, 5, 1);
        return target.ConnectionString;
    }
}
