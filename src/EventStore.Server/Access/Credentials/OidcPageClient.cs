namespace EventStore.Server.Access.Credentials;

/// <summary>The client of the issuer as which people sign in to the page.</summary>
/// <param name="Id">Its <c>client_id</c>. An ID token for it is a credential below <c>/ui</c> alone.</param>
/// <param name="SecretFile">The file of its secret; null for a public client.</param>
/// <param name="Scopes">The scopes it asks for beside <c>openid</c>.</param>
internal sealed record OidcPageClient(string Id, string? SecretFile, IReadOnlyList<string> Scopes)
{
    /// <summary>The settings, by their flags' names.</summary>
    public static readonly IReadOnlyList<string> Names = ["ui-oidc-client-id", "ui-oidc-client-secret-file", "ui-oidc-scopes"];

    private const StringSplitOptions Trimmed = StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries;

    /// <summary>Reads them; null when no client is named.</summary>
    /// <param name="setting">Gives a setting by its flag's name.</param>
    /// <param name="issuer">The issuer; null when none is named.</param>
    /// <exception cref="OperatorException">One is wrong.</exception>
    public static OidcPageClient? Read(Func<string, string?> setting, OidcSettings? issuer)
    {
        string id = setting(Names[0]) ?? "", file = setting(Names[1]) ?? "", scopes = setting(Names[2]) ?? "";
        if (id.Length == 0)
        {
            return file.Length == 0 && scopes.Length == 0
                ? null
                : throw OperatorException.OfOption($"--{Names[1]} and --{Names[2]} need --{Names[0]}");
        }

        if (issuer is null)
            throw OperatorException.OfOption($"--{Names[0]} needs --oidc-issuer-url");
        var client = new OidcPageClient(id, file.Length == 0 ? null : Path.GetFullPath(file), scopes.Split(',', Trimmed));
        return client.WrongSecret() is { } wrong ? throw OperatorException.OfOption(wrong) : client;
    }

    /// <summary>
    /// The client secret; null for a public client. The file is read at each sign-in, so a rotated secret needs no restart.
    /// </summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be read.</exception>
    public string? Secret() => SecretFile is null ? null : File.ReadAllText(SecretFile).Trim();

    private string? WrongSecret()
    {
        try
        {
            return Secret() is { Length: 0 } ? $"--{Names[1]}: {SecretFile} is empty" : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"--{Names[1]}: {e.Message}";
        }
    }
}
