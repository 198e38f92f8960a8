using EventStore.Server.Access.Credentials;

namespace EventStore.Server.Cli;

/// <summary>What was asked for on the command line.</summary>
/// <param name="Verb">One of serve, migrate, verify, rebuild, export, import, health.</param>
/// <param name="Options">The options as given, for the host's configuration.</param>
/// <param name="Help">Whether only the help is wanted.</param>
/// <param name="Problem">What cannot be understood, or null.</param>
internal sealed record CommandLine(string Verb, string[] Options, bool Help, string? Problem)
{
    /// <summary>What <c>--help</c> prints.</summary>
    public const string HelpText = """
        The event store for PyTorchJobs: a Kubernetes API that keeps every change.

        Usage: EventStore.Server [VERB] [OPTIONS]

        Verbs
          serve      serve the API (what happens when no verb is given)
          migrate    bring the database's schema up to this release, and let the serving role use it
          verify     prove that nobody changed the past: the chain of hashes, and everything that is made of the events;
                     exit code 0 if it holds, 1 if not
          rebuild    make anew what is made of the events, while servers run: current jobs, index, snapshots
          export     write the history as lines
          import     read an exported history into an empty database: import FILE
          health     ask a running server whether it is ready; exit code 0 if it is

        Options
          --urls URLS               where to serve                          (default http://127.0.0.1:8080)
          --data DIR                where the private PostgreSQL, the admin token and the kubeconfig live
                                    (default /var/lib/pytorchjob-eventstore as root, else ~/.local/share/pytorchjob-eventstore)
          --token-auth-file FILE    who may log in: lines of token,user,uid,"group1,group2"
                                    (default DIR/tokens.csv, made with an admin token on the first start)
          --help                    this text

          verify --since-checkpoint FILE   ... and that a checkpoint that was kept still holds
          export --since AT --until AT     only from and up to a revision or an RFC 3339 time        (default: everything)
          export --format FORMAT           ndjson, which import reads, or audit.k8s.io               (default ndjson)
          export --out FILE                write there and not to standard output

        Access (the files are read anew when they change)
          --authorization-rbac-dir DIR   who may do what: Role, ClusterRole, RoleBinding and ClusterRoleBinding in *.yaml, *.yml, *.json
                                         (without it only members of system:masters may do anything)
          --client-ca-file FILE          take client certificates these authorities signed: CN is the user, each O a group (needs TLS)
          --oidc-issuer-url URL          take bearer tokens of this OpenID Connect issuer,
          --oidc-client-id ID            made for this client
          --oidc-username-claim CLAIM    the user's name                (default sub)
          --oidc-username-prefix PREFIX  stands before it; - for none   (default URL# unless the claim is email)
          --oidc-groups-claim CLAIM      the user's groups
          --oidc-groups-prefix PREFIX    stands before each
          --oidc-required-claim C=V,…    claims a token must have
          --oidc-ca-file FILE            who vouches for the issuer     (default: whom the machine trusts)
          --oidc-signing-algs ALG,…      how tokens may be signed       (default RS256)

        Database
          Nothing configured: a private, durable PostgreSQL is started from the binaries on this machine.
          ConnectionStrings__Postgres         use this database, as the serving role
          ConnectionStrings__PostgresOwner    its owner; migrate, rebuild and import use it
          PG_BIN                              the folder of postgres and initdb, if they are not found
          Migrations__LockWait                how long migrate waits for another migration                (default 00:01:00)

        Stopping, limits, telemetry
          Stop__Delay, Stop__Time        after SIGTERM: how long /readyz is red while the server still serves, and how long all of it
                                         may take                       (default 00:00:00 and 00:00:10)
          Limits__…, Lists__…, Lane__…, Feed__…   the limits the README lists
          OTEL_EXPORTER_OTLP_ENDPOINT    where to send traces and metrics (default nowhere)

        Every option may also be given as an environment variable: urls, data, token-auth-file, …; and every setting of .NET's logging and
        of Kestrel, as in --Logging:LogLevel:Default=Debug.
        """;

    private static readonly string[] Verbs = ["serve", "migrate", "verify", "rebuild", "export", "import", "health"];

    private static readonly string[] Known =
        ["urls", "data", "token-auth-file", "authorization-rbac-dir", "client-ca-file", .. OidcSettings.Names, "environment", "contentRoot"];

    private static readonly Dictionary<string, string[]> Own = new()
    {
        ["verify"] = ["since-checkpoint"],
        ["export"] = ["since", "until", "format", "out"],
        ["import"] = ["file"],
    };

    /// <summary>Reads the arguments; a verb may stand first, options follow as <c>--name value</c> or <c>--name=value</c>.</summary>
    public static CommandLine Read(string[] args)
    {
        bool hasVerb = args.Length > 0 && !args[0].StartsWith('-');
        string verb = hasVerb ? args[0] : "serve";
        string[] options = hasVerb ? args[1..] : args;
        if (options.Any(option => option is "--help" or "-h" or "-?") || verb == "help")
            return new CommandLine(verb, options, true, null);
        if (verb == "import" && options is [var file, ..] && !file.StartsWith('-'))
            options = [$"--file={file}", .. options[1..]];
        string? problem = Verbs.Contains(verb) ? FirstProblem(verb, options) : $"there is no verb '{verb}'";
        if (verb == "import" && !options.Any(option => option.StartsWith("--file", StringComparison.Ordinal)))
            problem ??= "'import' needs the file to be read";
        return new CommandLine(verb, options, false, problem);
    }

    private static string? FirstProblem(string verb, string[] options)
    {
        var seen = new HashSet<string>();
        for (int i = 0; i < options.Length; i++)
        {
            string option = options[i];
            if (!option.StartsWith("--", StringComparison.Ordinal) || option == "--")
                return $"'{option}' is no option";
            int equals = option.IndexOf('=', StringComparison.Ordinal);
            string name = equals < 0 ? option[2..] : option[2..equals];
            if (!name.Contains(':', StringComparison.Ordinal) && !Known.Contains(name) && !Own.GetValueOrDefault(verb, []).Contains(name))
                return $"there is no option '--{name}'";
            string? value = equals >= 0 ? option[(equals + 1)..] : ++i < options.Length ? options[i] : null;
            if (string.IsNullOrEmpty(value) || (equals < 0 && value.StartsWith("--", StringComparison.Ordinal)))
                return $"the option '--{name}' needs a value";
            if (!seen.Add(name))
                return $"the option '--{name}' stands there twice";
        }

        return null;
    }
}
