using System.Buffers.Text;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;

namespace EventStore.Server.Access.Credentials;

/// <summary>A sign-in that was begun: what the browser keeps until it comes back from the issuer.</summary>
/// <param name="State">What the issuer must send back with the code.</param>
/// <param name="Nonce">What the ID token must contain.</param>
/// <param name="Verifier">The PKCE code verifier, without which the issuer gives nobody a token for the code.</param>
/// <param name="RedirectUri">Where the issuer sends the browser.</param>
/// <param name="Return">The page that was wanted.</param>
internal sealed record BegunSignIn(string State, string Nonce, string Verifier, string RedirectUri, string Return);

/// <summary>How a sign-in at the issuer ended.</summary>
internal abstract record EndedSignIn
{
    private EndedSignIn()
    {
    }

    /// <summary>The ID token, which is valid.</summary>
    public sealed record Done(string Token) : EndedSignIn;

    /// <summary>The issuer, or this server, does not take it.</summary>
    public sealed record Refused(string Why) : EndedSignIn;

    /// <summary>The issuer cannot be asked.</summary>
    public sealed record Away(string Why) : EndedSignIn;
}

/// <summary>
/// OpenID Connect's authorization code flow (Core 1.0, section 3.1) with PKCE (RFC 7636). The issuer's document and keys, the connection
/// to it and all checks of the ID token are those of bearer tokens.
/// </summary>
internal sealed class OidcCodeFlow(OidcSettings settings, OidcPageClient client, IOptionsMonitor<JwtBearerOptions> bearer)
{
    private const int RandomBytes = 32;

    /// <summary>What people know the issuer as.</summary>
    public string IssuerName { get; } = new Uri(settings.IssuerUrl).Host;

    private JwtBearerOptions Options => bearer.Get(Oidc.Scheme);

    /// <summary>Begins a sign-in.</summary>
    /// <param name="redirectUri">Where the issuer is to send the browser.</param>
    /// <param name="page">The page that was wanted.</param>
    /// <param name="stop">Cancels the question to the issuer.</param>
    /// <returns>The address at the issuer, and what is to be kept meanwhile; null and why, when the issuer cannot be asked.</returns>
    public async Task<(string? Address, BegunSignIn? Begun, string? Away)> Begin(string redirectUri, string page, CancellationToken stop)
    {
        var begun = new BegunSignIn(NewSecret(), NewSecret(), NewSecret(), redirectUri, page);
        try
        {
            OpenIdConnectConfiguration issuer = await Options.ConfigurationManager!.GetConfigurationAsync(stop);
            return string.IsNullOrEmpty(issuer.AuthorizationEndpoint)
                ? (null, null, "its document names no authorization_endpoint")
                : (Address(issuer, begun), begun, null);
        }
        catch (Exception e) when (IsAway(e, stop))
        {
            return (null, null, Reason(e));
        }
    }

    /// <summary>Changes the code into an ID token, and checks that.</summary>
    public async Task<EndedSignIn> End(BegunSignIn begun, string code, CancellationToken stop)
    {
        try
        {
            OpenIdConnectConfiguration issuer = await Options.ConfigurationManager!.GetConfigurationAsync(stop);
            using HttpRequestMessage request = TokenRequest(issuer, begun, code);
            using HttpResponseMessage answer = await Options.Backchannel.SendAsync(request, stop);
            if ((int)answer.StatusCode >= StatusCodes.Status500InternalServerError)
                return new EndedSignIn.Away($"its token endpoint answers {(int)answer.StatusCode}");
            using var body = JsonDocument.Parse(await answer.Content.ReadAsByteArrayAsync(stop));
            if (!answer.IsSuccessStatusCode)
                return new EndedSignIn.Refused($"the issuer gives no token for the code ({TextOf(body.RootElement, "error")})");
            string token = TextOf(body.RootElement, "id_token");
            (JsonWebToken? valid, string? wrong) = await Oidc.Check(Options, settings, token);
            if (valid is null)
                return new EndedSignIn.Refused(wrong!);
            return valid.TryGetPayloadValue("nonce", out string? nonce) && nonce == begun.Nonce
                ? new EndedSignIn.Done(token)
                : new EndedSignIn.Refused("the ID token is of another sign-in");
        }
        catch (Exception e) when (IsAway(e, stop))
        {
            return new EndedSignIn.Away(Reason(e));
        }
    }

    private string Address(OpenIdConnectConfiguration issuer, BegunSignIn begun) =>
        QueryHelpers.AddQueryString(issuer.AuthorizationEndpoint, new Dictionary<string, string?>
        {
            ["response_type"] = "code",
            ["client_id"] = client.Id,
            ["redirect_uri"] = begun.RedirectUri,
            ["scope"] = string.Join(' ', client.Scopes.Prepend("openid").Distinct()),
            ["state"] = begun.State,
            ["nonce"] = begun.Nonce,
            ["code_challenge"] = Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(begun.Verifier))),
            ["code_challenge_method"] = "S256",
        });

    /// <summary>The client proves itself as the issuer's document wants it; <c>client_secret_basic</c> unless it says otherwise.</summary>
    private HttpRequestMessage TokenRequest(OpenIdConnectConfiguration issuer, BegunSignIn begun, string code)
    {
        var form = new Dictionary<string, string>
        {
            ["grant_type"] = "authorization_code",
            ["code"] = code,
            ["redirect_uri"] = begun.RedirectUri,
            ["code_verifier"] = begun.Verifier,
        };
        var request = new HttpRequestMessage(HttpMethod.Post, issuer.TokenEndpoint);
        ICollection<string> methods = issuer.TokenEndpointAuthMethodsSupported;
        string? secret = client.Secret();
        if (secret is not null && (methods.Count == 0 || methods.Contains("client_secret_basic")))
        {
            string pair = $"{Uri.EscapeDataString(client.Id)}:{Uri.EscapeDataString(secret)}";
            request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.ASCII.GetBytes(pair)));
        }
        else
        {
            form["client_id"] = client.Id;
            if (secret is not null)
                form["client_secret"] = secret;
        }

        request.Content = new FormUrlEncodedContent(form);
        return request;
    }

    private static string NewSecret() => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(RandomBytes));

    private static string TextOf(JsonElement json, string name) =>
        json.ValueKind == JsonValueKind.Object && json.TryGetProperty(name, out JsonElement value)
            && value.ValueKind == JsonValueKind.String
                ? value.GetString()!
                : string.Empty;

    /// <summary>
    /// Whether the fault is not the client's: no connection, no document or no JSON; or the secret's file cannot be read.
    /// </summary>
    private static bool IsAway(Exception e, CancellationToken stop) =>
        e is HttpRequestException or InvalidOperationException or IOException or JsonException or UnauthorizedAccessException
            || (e is OperationCanceledException && !stop.IsCancellationRequested);

    private static string Reason(Exception e) => (e.InnerException ?? e).Message.ReplaceLineEndings(" ");
}
