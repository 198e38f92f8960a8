using System.CommandLine;
using EventStore.Server.Postgres;

namespace EventStore.Server.Cli;

/// <summary>The options of the verbs.</summary>
internal static class Options
{
    /// <summary>The settings that have no option, for the end of each help text.</summary>
    public const string Environment = """
        Settings in the environment:
          (nothing)                        a private, durable PostgreSQL is started from the programs on this machine
          ConnectionStrings__Postgres      use this database, as the serving role
          ConnectionStrings__PostgresOwner its owner; migrate, rebuild and import use it
          ConnectionStrings__PostgresReplicas   its standbys, for reading, where the first does not name them as hosts
          PG_BIN                           the folder of postgres and initdb, if they are not found
          Migrations__LockWait             how long migrate waits for another migration (default 00:01:00)
          Stop__Delay, Stop__Time          after SIGTERM: how long /readyz is red while the server still serves, and how long
                                           all of it may take (default 00:00:00 and 00:00:10)
          Limits__…, Lists__…, Lane__…, Feed__…   the limits that the documents list
          OTEL_EXPORTER_OTLP_ENDPOINT      where to send traces and metrics (default: nowhere)

          Every option may also be given in the environment: urls, data, token-auth-file, …; and every setting of .NET's logging and of
          Kestrel in either way, as in --Logging:LogLevel:Default=Debug.
        """;

    public static readonly Option<string> Urls = Text("--urls", "URLS", "where to serve (default http://127.0.0.1:8080)");

    public static readonly Option<string> Data = Text("--data", "DIR", "where the private PostgreSQL, the admin token and the kubeconfig "
        + "live (default /var/lib/pytorchjob-eventstore as root, else ~/.local/share/pytorchjob-eventstore)");

    public static readonly Option<string> SinceCheckpoint =
        Text("--since-checkpoint", "FILE", "prove also that a checkpoint that was kept still holds");

    public static readonly Option<string> Since = Text("--since", "AT", "from this revision or RFC 3339 time on (default: the beginning)");

    public static readonly Option<string> Until = Text("--until", "AT", "up to this revision or RFC 3339 time (default: the end)");

    public static readonly Option<string> Format =
        Text("--format", "FORMAT", "ndjson, which import reads, or audit.k8s.io (default ndjson)");

    public static readonly Option<string> Out = Text("--out", "FILE", "write to this file instead of standard output");

    public static readonly Option<string> IntoCluster = Text(
        "--kubeconfig", "FILE", "put the Secret into the namespace this leads to, unless there is one; in-cluster for the pod's own");

    /// <summary>Those of <c>serve</c>.</summary>
    public static readonly Symbol[] Serving =
    [
        Urls,
        Data,
        Text("--postgres-image", "IMAGE", "run the private PostgreSQL in a container of this image (default: only where this machine "
            + $"has no PostgreSQL programs and a container engine answers, of {ContainerPostgres.DefaultImage.Split('@')[0]})"),
        Text("--profile", "NAME",
            "documented: five fields may be updated, by merge patch; kubeflow: the custom resource as a cluster with the "
            + "training operator serves it (default documented)"),
        Text("--token-auth-file", "FILE", "who may log in: lines of token,user,uid,\"group1,group2\" "
            + "(default DIR/tokens.csv, made with an admin token on the first start)"),
        Text("--activity", "on|off", "count who did how much of what, beside the changes (default off: it takes 25 MB, and on a machine "
            + "that is full a third of the patches)"),
        Text("--ui", "on|off", "serve the page for people at /ui/ (default on)"),
        Text("--require-synchronous", "on|off", "serve only a database whose primary waits for a synchronous standby, so that no answered "
            + "write is lost with it (default off)"),
        Text("--standby-reads", "on|off", "read lists, the history and the past from standbys, never older than from the primary "
            + "(default off; on where ConnectionStrings__PostgresReplicas is set)"),
        Text("--require-reason", "ACT,…", "refuse these without a reason, in the header Audit-Reason or as ?reason=: delete, rollback, "
            + "restore (default none)"),
        Text("--controllers", "NAME,…", "what a job's own fields bring about: ttl deletes a finished job after its "
            + "ttlSecondsAfterFinished, deadline fails an active one after its activeDeadlineSeconds (default none)"),
        Text("--groups", "GROUP,…", "serve only these API groups, behind an aggregator that has the others: kubeflow.org, "
            + "audit.eventstore.io (default all)"),
        Text("--tls-san", "NAME,…", "more names and addresses for the certificate that the server makes itself, such as "
            + "eventstore.ml.svc"),
        Text("--authorization-rbac-dir", "DIR", "who may do what: Role, ClusterRole, RoleBinding and ClusterRoleBinding in *.yaml, *.yml, "
            + "*.json (default: only members of system:masters may do anything)"),
        Text("--client-ca-file", "FILE", "accept client certificates that these authorities signed: CN is the user, each O a group "
            + "(needs TLS)"),
        Text("--oidc-issuer-url", "URL", "accept bearer tokens of this OpenID Connect issuer"),
        Text("--oidc-client-id", "ID", "the audience that its tokens must have"),
        Text("--oidc-username-claim", "CLAIM", "the user's name (default sub)"),
        Text("--oidc-username-prefix", "PREFIX", "prefix of user names; - for none (default URL# unless the claim is email)"),
        Text("--oidc-groups-claim", "CLAIM", "the user's groups"),
        Text("--oidc-groups-prefix", "PREFIX", "prefix of group names"),
        Text("--oidc-required-claim", "C=V,…", "claims that a token must have"),
        Text("--oidc-ca-file", "FILE", "CA certificates (PEM) for the issuer's TLS (default: the system trust store)"),
        Text("--oidc-signing-algs", "ALG,…", "accepted signature algorithms (default RS256)"),
        Text("--ui-oidc-client-id", "ID", "let people sign in to the page at that issuer, as this client of it, whose redirect URI is "
            + "URL/ui/sign-in/callback"),
        Text("--ui-oidc-client-secret-file", "FILE", "the file of that client's secret (default: none, a public client)"),
        Text("--ui-oidc-scopes", "SCOPE,…", "scopes to ask for beside openid, as in email,groups"),
        Text("--requestheader-client-ca-file", "FILE", "believe a front proxy whose client certificate these authorities signed"),
        Text("--requestheader-allowed-names", "NAME,…", "common names that a front proxy's certificate may have (default any)"),
        Text("--requestheader-username-headers", "NAME,…", "headers in which a front proxy names the user (default X-Remote-User)"),
        Text("--requestheader-group-headers", "NAME,…", "headers in which it names the user's groups (default X-Remote-Group)"),
        Text("--requestheader-uid-headers", "NAME,…", "headers in which it names the user's uid (default X-Remote-Uid)"),
        Text("--requestheader-extra-headers-prefix", "PREFIX,…", "how headers with the user's extras begin (default X-Remote-Extra-)"),
        Text("--authentication-kubeconfig", "FILE", "ask this cluster for the users of tokens, and take front proxies and client "
            + "certificates as it publishes them; in-cluster for the pod's own"),
        Text("--authorization-mode", "MODE", "RBAC: the rules of --authorization-rbac-dir decide; Webhook: a cluster does (default RBAC)"),
        Text("--authorization-kubeconfig", "FILE", "the cluster of Webhook (default --authentication-kubeconfig, else in-cluster)"),
        Hidden("--environment"),
        Hidden("--contentRoot"),
    ];

    private static Option<string> Text(string name, string value, string description)
    {
        var option = new Option<string>(name) { HelpName = value, Description = description };
        option.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: var given }] && (given.Length == 0 || given.StartsWith("--", StringComparison.Ordinal)))
                result.AddError($"the option '{name}' needs a value");
        });
        return option;
    }

    private static Option<string> Hidden(string name) => new(name) { Hidden = true };
}
