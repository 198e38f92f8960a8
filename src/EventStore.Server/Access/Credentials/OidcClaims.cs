using System.Text.Json;

namespace EventStore.Server.Access.Credentials;

/// <summary>
/// The caller that a token's claims stand for, once its signature, issuer, audience and time are known to be
/// right (upstream <c>oidc.Authenticator.AuthenticateToken</c>).
/// </summary>
internal static class OidcClaims
{
    /// <summary>Reads them; the second value is what is wrong, for the log.</summary>
    public static (Caller? Caller, string? Wrong) Read(JsonElement claims, OidcSettings settings)
    {
        try
        {
            return ReadTexts(claims, settings);
        }
        catch (InvalidOperationException)
        {
            return (null, "a claim has half a surrogate pair or is not UTF-8");
        }
    }

    private static (Caller? Caller, string? Wrong) ReadTexts(JsonElement claims, OidcSettings settings)
    {
        if (TextOf(claims, settings.UsernameClaim) is not { Length: > 0 } name)
            return (null, $"the claim \"{settings.UsernameClaim}\" is no text, or empty");
        // As upstream: a missing email_verified is accepted, false is refused.
        if (settings.UsernameClaim == "email" && Of(claims,
            "email_verified") is { ValueKind: not (JsonValueKind.True or JsonValueKind.Null) })
            return (null, "the address is not verified");
        foreach ((string claim, string value) in settings.RequiredClaims)
        {
            if (TextOf(claims, claim) != value)
                return (null, $"the claim \"{claim}\" is not \"{value}\"");
        }

        if (Groups(claims, settings.GroupsClaim) is not { } groups)
            return (null, $"the claim \"{settings.GroupsClaim}\" is neither a text nor a list of texts");
        return (new Caller(
            settings.UsernamePrefix + name, "", Caller.WithAuthenticated(groups.Select(group => settings.GroupsPrefix + group))), null);
    }

    /// <summary>Some issuers write a single group as a text.</summary>
    private static string[]? Groups(JsonElement claims, string claim) => (claim.Length == 0 ? null : Of(claims, claim)) switch
    {
        null or { ValueKind: JsonValueKind.Null } => [],
        { ValueKind: JsonValueKind.String } one => [one.GetString()!],
        { ValueKind: JsonValueKind.Array } many when many.EnumerateArray().All(group => group.ValueKind == JsonValueKind.String) =>
            [.. many.EnumerateArray().Select(group => group.GetString()!)],
        _ => null,
    };

    private static string? TextOf(JsonElement claims, string name) =>
        Of(claims, name) is { ValueKind: JsonValueKind.String } text ? text.GetString() : null;

    private static JsonElement? Of(JsonElement claims, string name) => claims.TryGetProperty(name, out JsonElement claim) ? claim : null;
}
