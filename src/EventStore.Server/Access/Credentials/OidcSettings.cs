using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace EventStore.Server.Access.Credentials;

/// <summary>
/// Who issues bearer tokens and what in them is the user: kube-apiserver's <c>--oidc-*</c> flags, with its defaults and
/// its refusals (<c>pkg/kubeapiserver/options/authentication.go</c>).
/// </summary>
/// <param name="IssuerUrl">The issuer, exactly as in the tokens' <c>iss</c>; its discovery document is below it.</param>
/// <param name="ClientId">Whom tokens must be meant for (<c>aud</c>).</param>
internal sealed record OidcSettings(string IssuerUrl, string ClientId)
{
    /// <summary>The settings, by their flags' names.</summary>
    public static readonly IReadOnlyList<string> Names =
    [
        "oidc-issuer-url", "oidc-client-id", "oidc-username-claim", "oidc-username-prefix", "oidc-groups-claim", "oidc-groups-prefix",
        "oidc-required-claim", "oidc-ca-file", "oidc-signing-algs",
    ];

    private const string Email = "email";
    private static readonly string[] Algorithms = ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512"];

    /// <summary>The claim that is the user's name.</summary>
    public string UsernameClaim { get; private init; } = "sub";

    /// <summary>What stands before it, so that no issuer can name a user of another.</summary>
    public string UsernamePrefix { get; private init; } = "";

    /// <summary>The claim that has the groups; empty for none.</summary>
    public string GroupsClaim { get; private init; } = "";

    /// <summary>What stands before each.</summary>
    public string GroupsPrefix { get; private init; } = "";

    /// <summary>Claims a token must have, with these values.</summary>
    public IReadOnlyList<(string Claim, string Value)> RequiredClaims { get; private init; } = [];

    /// <summary>Who vouches for the issuer's own TLS; null for the machine's authorities.</summary>
    public X509Certificate2Collection? Authorities { get; private init; }

    /// <summary>The client as which people sign in to the page; null when they cannot.</summary>
    public OidcPageClient? PageClient { get; init; }

    /// <summary>How tokens may be signed.</summary>
    public IReadOnlyList<string> SigningAlgorithms { get; private init; } = ["RS256"];

    /// <summary>Reads them; null when none is given.</summary>
    /// <param name="setting">Gives a setting by its flag's name.</param>
    /// <exception cref="OperatorException">One is wrong.</exception>
    public static OidcSettings? Read(Func<string, string?> setting)
    {
        Dictionary<string, string> given = Names.Select(name => (name, value: setting(name)))
            .Where(pair => !string.IsNullOrEmpty(pair.value)).ToDictionary(pair => pair.name, pair => pair.value!);
        if (given.Count == 0)
            return null;
        string issuer = given.GetValueOrDefault("oidc-issuer-url", ""), client = given.GetValueOrDefault("oidc-client-id", "");
        string username = given.GetValueOrDefault("oidc-username-claim", "sub");
        string prefix = given.GetValueOrDefault("oidc-username-prefix", "");
        string[] algorithms = Split(given.GetValueOrDefault("oidc-signing-algs", "RS256"));
        string[] required = Split(given.GetValueOrDefault("oidc-required-claim", ""));
        if (issuer.Length == 0 || client.Length == 0)
        {
            throw OperatorException.OfOption(
                "--oidc-issuer-url and --oidc-client-id must be given together, and with any other --oidc option");
        }

        if (WrongIssuer(issuer) is { } wrong)
            throw OperatorException.OfOption(wrong);
        if (Array.Find(algorithms, name => !Algorithms.Contains(name)) is { } unknown)
            throw OperatorException.OfOption($"--oidc-signing-algs: there is no {unknown}; there are {string.Join(", ", Algorithms)}");
        if (Array.Find(required, pair => pair.IndexOf('=', StringComparison.Ordinal) < 1) is { } bad)
            throw OperatorException.OfOption($"--oidc-required-claim: '{bad}' is not like claim=value");
        return new OidcSettings(issuer, client)
        {
            UsernameClaim = username,
            UsernamePrefix = prefix switch { "-" => "", "" when username != Email => issuer + "#", _ => prefix },
            GroupsClaim = given.GetValueOrDefault("oidc-groups-claim", ""),
            GroupsPrefix = given.GetValueOrDefault("oidc-groups-prefix", ""),
            RequiredClaims = [.. required.Select(pair => (pair[..pair.IndexOf('=', StringComparison.Ordinal)],
                pair[(pair.IndexOf('=', StringComparison.Ordinal) + 1)..]))],
            Authorities = given.TryGetValue("oidc-ca-file", out string? file) ? ReadAuthorities(file) : null,
            SigningAlgorithms = algorithms,
        };
    }

    private static string? WrongIssuer(string issuer) =>
        !Uri.TryCreate(issuer, UriKind.Absolute, out Uri? url)
            || url.Scheme != Uri.UriSchemeHttps ? "--oidc-issuer-url must be an https URL"
        : url.UserInfo.Length > 0 || issuer.AsSpan().ContainsAny('?', '#') ? "--oidc-issuer-url must have no user, no query and no fragment"
        : null;

    private static X509Certificate2Collection ReadAuthorities(string file)
    {
        X509Certificate2Collection authorities = [];
        try
        {
            authorities.ImportFromPemFile(file);
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw OperatorException.OfOption($"--oidc-ca-file: {e.Message}");
        }

        return authorities.Count > 0
            ? authorities
            : throw OperatorException.OfOption($"--oidc-ca-file: there is no certificate in {file}");
    }

    private static string[] Split(string list) => list.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
}
