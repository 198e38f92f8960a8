using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using EventStore.Server.Access;
using EventStore.Server.Access.Credentials;
using EventStore.Server.Tests.Access;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Yarp.ReverseProxy.Forwarder;

namespace EventStore.Server.Tests.Operators;

/// <summary>
/// In the place of kube-apiserver's aggregator, over real TLS on both sides: it knows whose a token is, says so in <c>X-Remote-*</c>
/// headers on a connection with its own client certificate, and takes such headers out of what clients send. As a program: <c>dotnet
/// EventStore.Server.Tests.dll front-proxy CA-FILE TOKENS TO TRUST</c> writes the authority of its certificate to CA-FILE, reads the token
/// file TOKENS, and forwards to TO, whose certificate must be the one in the file TRUST.
/// </summary>
internal sealed class FrontProxyStandIn : IAsyncDisposable
{
    /// <summary>What its certificate calls it.</summary>
    public const string Name = "front-proxy-client";

    private readonly WebApplication app;
    private readonly X509Certificate2[] certificates;

    private FrontProxyStandIn(WebApplication app, params X509Certificate2[] certificates) =>
        (this.app, this.certificates) = (app, certificates);

    /// <summary>Where it serves.</summary>
    public Uri Url => new(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());

    /// <summary>Runs as a program until it is killed.</summary>
    public static async Task<int> Run(string caFile, string tokens, string to, string trust)
    {
        using var authority = new TestAuthority("front-proxy-ca");
        await File.WriteAllTextAsync(caFile, authority.Pem);
        await using FrontProxyStandIn proxy = await Start(authority, await File.ReadAllTextAsync(tokens), () => new Uri(to), trust);
        Console.WriteLine($"Serving on {proxy.Url}");
        await Task.Delay(Timeout.Infinite);
        return 0;
    }

    /// <summary>Starts it.</summary>
    /// <param name="authority">Who signs its certificates, for its clients and for the server behind it.</param>
    /// <param name="tokens">The text of a token file.</param>
    /// <param name="to">The server behind it.</param>
    /// <param name="trust">The file of that server's certificate, read with the first connection.</param>
    public static async Task<FrontProxyStandIn> Start(TestAuthority authority, string tokens, Func<Uri> to, string trust)
    {
        Assert.True(TokenFile.TryParse(tokens, out TokenFile? callers, out string? wrong), wrong);
        X509Certificate2 served = authority.ForServer(), shown = authority.ForClient(Name);
        WebApplicationBuilder builder = Door.Builder();
        builder.Logging.ClearProviders();
        builder.Services.AddHttpForwarder();
        builder.WebHost.UseKestrelHttpsConfiguration().UseUrls("https://127.0.0.1:0").ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = null; // the server behind it has its own
            kestrel.ConfigureEndpointDefaults(listen => listen.UseHttps(served));
        });
        WebApplication app = builder.Build();
        var connections = new HttpMessageInvoker(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            UseCookies = false,
            UseProxy = false,
            ActivityHeadersPropagator = null,
            SslOptions =
            {
                ClientCertificates = [shown],
                RemoteCertificateValidationCallback = (_, certificate, _, errors) => IsTrusted(certificate, errors, trust),
            },
        });
        var forwarder = app.Services.GetRequiredService<IHttpForwarder>();
        // A watch may be silent; and of HTTP/2 Kestrel would make a WebSocket another method.
        var how = new ForwarderRequestConfig
        {
            ActivityTimeout = TimeSpan.FromMinutes(10),
            Version = HttpVersion.Version11,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        app.Run(async http =>
        {
            NameUser(http.Request.Headers, callers);
            await forwarder.SendAsync(http, to().ToString(), connections, how, Transformer.AtOnce);
        });
        await app.StartAsync();
        return new FrontProxyStandIn(app, served, shown);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await app.DisposeAsync();
        foreach (X509Certificate2 certificate in certificates)
            certificate.Dispose();
    }

    /// <summary>Sends the head of an answer on before its body: that of a watch may be long in coming.</summary>
    private sealed class Transformer : HttpTransformer
    {
        public static readonly Transformer AtOnce = new();

        public override async ValueTask<bool> TransformResponseAsync(
            HttpContext httpContext, HttpResponseMessage? proxyResponse, CancellationToken cancellationToken)
        {
            bool hasBody = await base.TransformResponseAsync(httpContext, proxyResponse, cancellationToken);
            await httpContext.Response.Body.FlushAsync(cancellationToken);
            return hasBody;
        }
    }

    // Who has no token it knows is sent on as they came: the server says that they are nobody.
    private static void NameUser(IHeaderDictionary headers, TokenFile callers)
    {
        foreach (string forged in headers.Keys.Where(name => name.StartsWith("X-Remote-", StringComparison.OrdinalIgnoreCase)).ToArray())
            headers.Remove(forged);
        string? token = headers.Authorization is [{ } bearer] && bearer.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase)
            ? bearer[7..].Trim() : headers["X-Auth-Token"];
        if (token is null || callers.Find(token) is not { } found)
            return;
        Caller caller = Caller.Of(found);
        headers.Remove("Authorization");
        headers.Remove("X-Auth-Token");
        headers["X-Remote-User"] = caller.Name;
        headers["X-Remote-Uid"] = caller.Uid;
        // .NET's client writes values of one name on one line, which no server may take apart: a user here has one group, and the one that
        // the server adds itself.
        headers["X-Remote-Group"] = caller.Groups.Where(group => group != Caller.Authenticated).SingleOrDefault();
    }

    private static bool IsTrusted(X509Certificate? certificate, SslPolicyErrors errors, string trust)
    {
        if (certificate is null || errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch))
            return false;
        using var only = X509Certificate2.CreateFromPem(File.ReadAllText(trust));
        using var chain = new X509Chain
        {
            ChainPolicy =
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
                CustomTrustStore = { only },
            },
        };
        return chain.Build((X509Certificate2)certificate);
    }
}
