using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace EventStore.Server.Tests.Access;

/// <summary>
/// An OpenID Connect issuer: its discovery document, its keys, and tokens, over HTTPS with an authority of its own. Where people sign in it
/// asks who they are by a page with one answer, as a site of its own, and gives a token for a code once, to whom the code is for.
/// </summary>
internal sealed class Issuer : IAsyncDisposable
{
    private readonly TestAuthority authority = new("issuer");
    private readonly ConcurrentDictionary<string, RSA> keys = new();
    private readonly ConcurrentDictionary<string, IQueryCollection> codes = new();
    private X509Certificate2 certificate = null!;
    private WebApplication app = null!;
    private int asked;

    /// <summary>What it calls itself; in its document too, unless the document lies.</summary>
    public string Url { get; private set; } = "";

    /// <summary>What the document calls it.</summary>
    public string? ClaimedUrl { get; set; }

    /// <summary>Who vouches for its TLS, in PEM.</summary>
    public string AuthorityPem => authority.Pem;

    /// <summary>What the ID tokens of those who sign in hold besides, or in place of what they should.</summary>
    public string Claims { get; set; } = "{}";

    /// <summary>With what key they are signed.</summary>
    public string Key { get; set; } = "first";

    /// <summary>The secret of the page's client; null for a public one.</summary>
    public string? Secret { get; set; }

    /// <summary>Whether a secret is taken in the form, as the document then says, and not in the header.</summary>
    public bool TakesSecretInForm { get; set; }

    /// <summary>The error it sends back in place of a code; null for none.</summary>
    public string? Denial { get; set; }

    /// <summary>Whether it fails at every token that is asked for.</summary>
    public bool IsBroken { get; set; }

    /// <summary>The last ID token it gave for a code.</summary>
    public string? LastToken { get; private set; }

    /// <summary>How often its keys were asked for.</summary>
    public int Asked => asked;

    public static async Task<Issuer> Start()
    {
        var issuer = new Issuer();
        issuer.certificate = issuer.authority.ForServer();
        WebApplicationBuilder builder = Door.Builder();
        builder.WebHost.UseKestrelHttpsConfiguration().UseUrls("https://127.0.0.1:0")
            .ConfigureKestrel(kestrel => kestrel.ConfigureEndpointDefaults(listen => listen.UseHttps(issuer.certificate)));
        builder.Logging.ClearProviders();
        issuer.app = builder.Build();
        issuer.app.MapGet("/.well-known/openid-configuration", () => Results.Text(issuer.Document(), "application/json"));
        issuer.app.MapGet("/keys", () => Results.Text(issuer.Keys(), "application/json"));
        issuer.app.MapGet("/authorize", (HttpRequest request) => Results.Text(
            $"""
            <!DOCTYPE html><html lang="en"><head><title>Issuer</title><link rel="icon" href="data:,"></head>
            <body><main><h1>Who are you?</h1><a href="/consent{request.QueryString.Value!.Replace("&", "&amp;", StringComparison.Ordinal)}">I am alice</a></main></body></html>
            """, "text/html"));
        issuer.app.MapGet("/consent", (HttpRequest request) => Results.Redirect(issuer.Consent(request.Query)));
        issuer.app.MapPost("/token", async (HttpRequest request) => issuer.IsBroken
            ? Results.StatusCode(503)
            : issuer.Redeem(await request.ReadFormAsync(), request.Headers.Authorization.ToString()));
        await issuer.app.StartAsync();
        issuer.Url = issuer.app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        issuer.NewKey("first");
        return issuer;
    }

    /// <summary>Makes a key and publishes it.</summary>
    public void NewKey(string id) => keys[id] = RSA.Create(2048);

    /// <summary>Takes a key back.</summary>
    public void Withdraw(string id)
    {
        if (keys.TryRemove(id, out RSA? key))
            key.Dispose();
    }

    /// <summary>A token for <c>the-client</c>, good for an hour, with what is to be different.</summary>
    public string Token(string claims = "{}", string key = "first", string algorithm = "RS256", string header = "")
    {
        long now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var payload = new JsonObject { ["iss"] = Url, ["aud"] = "the-client", ["sub"] = "alice", ["iat"] = now, ["exp"] = now + 3600 };
        foreach ((string name, JsonNode? value) in JsonNode.Parse(claims)!.AsObject())
        {
            payload.Remove(name);
            if (value is not null)
                payload[name] = value.DeepClone();
        }

        string head = Encode($$"""{"alg":"{{algorithm}}","kid":"{{key}}","typ":"JWT"{{header}}}""");
        string signed = $"{head}.{Encode(payload.ToJsonString().Replace("%HALF%", "\\ud800", StringComparison.Ordinal))}";
        return $"{signed}.{Base64Url.EncodeToString(Signature(signed, key, algorithm))}";
    }

    public async ValueTask DisposeAsync()
    {
        await app.DisposeAsync();
        certificate.Dispose();
        authority.Dispose();
        foreach (string id in keys.Keys)
            Withdraw(id);
    }

    private string Consent(IQueryCollection asked)
    {
        string code = Guid.NewGuid().ToString("N");
        codes[code] = asked;
        (string Name, string Value) answer = Denial is { } denial ? ("error", denial) : ("code", code);
        return $"{asked["redirect_uri"]}?{answer.Name}={Uri.EscapeDataString(answer.Value)}"
            + $"&state={Uri.EscapeDataString(asked["state"].ToString())}";
    }

    private IResult Redeem(IFormCollection form, string authorization)
    {
        if (!codes.TryRemove(form["code"].ToString(), out IQueryCollection? asked))
            return Refuse("invalid_grant");
        string client = asked["client_id"].ToString();
        bool isItself = (Secret, TakesSecretInForm) switch
        {
            (null, _) => form["client_id"] == client && authorization.Length == 0 && form["client_secret"].Count == 0,
            (_, true) => form["client_id"] == client && form["client_secret"] == Secret,
            _ => authorization == "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"{client}:{Secret}"))
                && form["client_secret"].Count == 0,
        };
        if (!isItself)
            return Refuse("invalid_client");
        string challenge = Base64Url.EncodeToString(SHA256.HashData(Encoding.ASCII.GetBytes(form["code_verifier"].ToString())));
        if (form["grant_type"] != "authorization_code" || form["redirect_uri"] != asked["redirect_uri"]
            || challenge != asked["code_challenge"])
            return Refuse("invalid_grant");
        JsonObject claims = new() { ["aud"] = client, ["nonce"] = asked["nonce"].ToString() };
        foreach ((string name, JsonNode? value) in JsonNode.Parse(Claims)!.AsObject())
            claims[name] = value?.DeepClone();
        LastToken = Token(claims.ToJsonString(), Key);
        return Results.Text(
            new JsonObject { ["token_type"] = "Bearer", ["access_token"] = "unused", ["id_token"] = LastToken }.ToJsonString(),
            "application/json");

        static IResult Refuse(string error) =>
            Results.Text(new JsonObject { ["error"] = error }.ToJsonString(), "application/json", statusCode: 400);
    }

    private byte[] Signature(string signed, string key, string algorithm)
    {
        byte[] bytes = Encoding.ASCII.GetBytes(signed);
        if (algorithm == "none")
            return [];
        if (keys.TryGetValue(key, out RSA? known) && algorithm.StartsWith("HS", StringComparison.Ordinal))
            // The old trick with the public key as the secret.
            return HMACSHA256.HashData(Encoding.ASCII.GetBytes(known.ExportRSAPublicKeyPem()), bytes);
        using RSA? unknown = known is null ? RSA.Create(2048) : null;
        return (known ?? unknown!)
            .SignData(bytes, algorithm == "RS512" ? HashAlgorithmName.SHA512 : HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
    }

    private string Document() => new JsonObject
    {
        ["issuer"] = ClaimedUrl ?? Url,
        ["jwks_uri"] = Url + "/keys",
        ["authorization_endpoint"] = Url + "/authorize",
        ["token_endpoint"] = Url + "/token",
        ["token_endpoint_auth_methods_supported"] = TakesSecretInForm ? new JsonArray("client_secret_post") : new JsonArray(
            "client_secret_basic", "client_secret_post"),
        ["response_types_supported"] = new JsonArray("code", "id_token"),
        ["subject_types_supported"] = new JsonArray("public"),
        ["id_token_signing_alg_values_supported"] = new JsonArray("RS256"),
    }.ToJsonString();

    private string Keys()
    {
        Interlocked.Increment(ref asked);
        return new JsonObject
        {
            ["keys"] = new JsonArray([.. keys.Select(pair =>
            {
                RSAParameters key = pair.Value.ExportParameters(false);
                return (JsonNode)new JsonObject
                {
                    ["kty"] = "RSA",
                    ["use"] = "sig",
                    ["kid"] = pair.Key,
                    ["n"] = Base64Url.EncodeToString(key.Modulus),
                    ["e"] = Base64Url.EncodeToString(key.Exponent),
                };
            })]),
        }.ToJsonString();
    }

    private static string Encode(string text) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(text));
}
