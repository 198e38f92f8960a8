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

/// <summary>An OpenID Connect issuer: its discovery document, its keys, and tokens, over HTTPS with an authority of its own.</summary>
internal sealed class Issuer : IAsyncDisposable
{
    private readonly TestAuthority authority = new("issuer");
    private readonly ConcurrentDictionary<string, RSA> keys = new();
    private X509Certificate2 certificate = null!;
    private WebApplication app = null!;
    private int asked;

    /// <summary>What it calls itself; in its document too, unless the document lies.</summary>
    public string Url { get; private set; } = "";

    /// <summary>What the document calls it.</summary>
    public string? ClaimedUrl { get; set; }

    /// <summary>Who vouches for its TLS, in PEM.</summary>
    public string AuthorityPem => authority.Pem;

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

        string signed = $"{Encode($$"""{"alg":"{{algorithm}}","kid":"{{key}}","typ":"JWT"{{header}}}""")}.{Encode(payload.ToJsonString().Replace("%HALF%", "\\ud800", StringComparison.Ordinal))}";
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

    private byte[] Signature(string signed, string key, string algorithm)
    {
        byte[] bytes = Encoding.ASCII.GetBytes(signed);
        if (algorithm == "none")
            return [];
        if (keys.TryGetValue(key, out RSA? known) && algorithm.StartsWith("HS", StringComparison.Ordinal))
            return HMACSHA256.HashData(Encoding.ASCII.GetBytes(known.ExportRSAPublicKeyPem()), bytes); // the old trick with the public key as the secret
        using RSA? unknown = known is null ? RSA.Create(2048) : null;
        return (known ?? unknown!).SignData(bytes, algorithm == "RS512" ? HashAlgorithmName.SHA512 : HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
    }

    private string Document() => new JsonObject
    {
        ["issuer"] = ClaimedUrl ?? Url,
        ["jwks_uri"] = Url + "/keys",
        ["authorization_endpoint"] = Url + "/authorize",
        ["response_types_supported"] = new JsonArray("id_token"),
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
