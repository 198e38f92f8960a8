using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using EventStore.Server.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace EventStore.Server.Tests.Cli;

[Trait("Category", "Slow")]
[UnsupportedOSPlatform("windows")]
public sealed class A_certificate_of_its_own : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("es-tls-").FullName;

    private string Pem => Path.Combine(folder, "tls.pem");

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Is_kept_while_it_names_every_host_and_made_anew_when_one_is_missing()
    {
        using X509Certificate2 first = OwnCertificate.LoadOrMake(folder, ["localhost", "127.0.0.1", "::1"]);
        using X509Certificate2 second = OwnCertificate.LoadOrMake(folder, ["127.0.0.1"]);
        using X509Certificate2 third = OwnCertificate.LoadOrMake(folder, ["localhost", "jobs.example.com"]);
        Assert.Equal(first.Thumbprint, second.Thumbprint);
        Assert.NotEqual(first.Thumbprint, third.Thumbprint);
        Assert.True(third.MatchesHostname("jobs.example.com"));
        Assert.True(third.HasPrivateKey);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Pem));
    }

    [Theory]
    [InlineData("")]
    [InlineData("-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n")]
    public void Is_made_anew_when_the_file_is_damaged(string text)
    {
        File.WriteAllText(Pem, text);
        using X509Certificate2 made = OwnCertificate.LoadOrMake(folder, ["localhost"]);
        Assert.True(made.MatchesHostname("localhost"));
    }

    [SkippableFact]
    public void Is_not_made_anew_when_the_file_cannot_be_read()
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "it needs a file that even root cannot read");
        File.CreateSymbolicLink(Pem, "/proc/self/mem"); // its first bytes are in no process
        OperatorException refused = Assert.Throws<OperatorException>(() => OwnCertificate.LoadOrMake(folder, ["localhost"]));
        Assert.StartsWith("the server's certificate cannot be read: ", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Serves_TLS_and_plain_HTTP_on_one_port_and_HTTP_2_over_TLS()
    {
        await using Host host = await Host.Start(folder);
        using HttpClient plain = new(), trusting = host.Trusting();
        Assert.Equal("http HTTP/1.1", await plain.GetStringAsync(host.Url("http")));
        Assert.Equal("https HTTP/1.1", await trusting.GetStringAsync(host.Url("https")));

        using var request = new HttpRequestMessage(HttpMethod.Get, host.Url("https"))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        using HttpResponseMessage answer = await trusting.SendAsync(request);
        Assert.Equal("https HTTP/2", await answer.Content.ReadAsStringAsync());
        Assert.Empty(host.Log);
    }

    [Fact]
    public async Task Is_not_hurt_by_clients_that_send_nothing_or_garbage_or_leave_rudely()
    {
        await using Host host = await Host.Start(folder);
        using TcpClient silent = await host.Connect(), garbage = await host.Connect(), halfway = await host.Connect();
        await garbage.GetStream().WriteAsync(Encoding.ASCII.GetBytes("\0\u0001\u0002 nonsense\r\n\r\n"));
        await halfway.GetStream().WriteAsync(new byte[] { 0x16, 3, 1, 0, 1, 1 });
        (await host.Connect()).Close();
        using (TcpClient reset = await host.Connect())
            reset.Client.LingerState = new LingerOption(true, 0);
        byte[] refusal = new byte[64];
        int length = await garbage.GetStream().ReadAsync(refusal);
        Assert.StartsWith("HTTP/1.1 400 ", Encoding.ASCII.GetString(refusal, 0, length), StringComparison.Ordinal);

        using HttpClient plain = new(), trusting = host.Trusting();
        Assert.Equal("http HTTP/1.1", await plain.GetStringAsync(host.Url("http")));
        Assert.Equal("https HTTP/1.1", await trusting.GetStringAsync(host.Url("https")));

        // Neither does the silent one hold the server up when it stops, which it could for as long as a shutdown may take. (One in the
        // middle of a handshake does, for Kestrel's ten seconds.)
        halfway.Close();
        await host.Stop().WaitAsync(Host.ShutdownTime / 2);
        Assert.Equal(0, await silent.GetStream().ReadAsync(refusal));
        Assert.Empty(host.Log);
    }

    [Fact]
    public async Task Sends_a_client_away_that_says_nothing()
    {
        await using Host host = await Host.Start(folder);
        using TcpClient silent = await host.Connect();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        Assert.Equal(0, await silent.GetStream().ReadAsync(new byte[1], patience.Token));
        Assert.Empty(host.Log);
    }

    /// <summary>A web application that says how it was asked, served as the product serves its own.</summary>
    private sealed class Host(WebApplication app, X509Certificate2 certificate, Lines log) : IAsyncDisposable
    {
        public static readonly TimeSpan ShutdownTime = TimeSpan.FromMinutes(5);

        private readonly int port = new Uri(app.Urls.First()).Port;

        public IReadOnlyList<string> Log => log.Warnings;

        public static async Task<Host> Start(string folder)
        {
            var log = new Lines();
            X509Certificate2 certificate = OwnCertificate.LoadOrMake(folder, ["localhost", "127.0.0.1"]);
            WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders().AddProvider(log);
            builder.WebHost.UseShutdownTimeout(ShutdownTime);
            builder.WebHost.UseUrls("http://127.0.0.1:0").UseKestrelHttpsConfiguration()
                .ConfigureKestrel(kestrel => kestrel.ConfigureEndpointDefaults(listen => OwnCertificate.ServeBoth(listen, certificate)));
            WebApplication app = builder.Build();
            app.Run(http => http.Response.WriteAsync($"{http.Request.Scheme} {http.Request.Protocol}"));
            await app.StartAsync();
            return new Host(app, certificate, log);
        }

        public Uri Url(string scheme) => new($"{scheme}://127.0.0.1:{port}/");

        public async Task<TcpClient> Connect()
        {
            var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, port);
            return client;
        }

        public HttpClient Trusting() => new(new SocketsHttpHandler
        {
            SslOptions =
            {
                CertificateChainPolicy = new X509ChainPolicy
                {
                    TrustMode = X509ChainTrustMode.CustomRootTrust,
                    CustomTrustStore = { certificate },
                    RevocationMode = X509RevocationMode.NoCheck,
                },
            },
        });

        public Task Stop() => app.StopAsync();

        public async ValueTask DisposeAsync()
        {
            await app.DisposeAsync();
            certificate.Dispose();
        }
    }

    /// <summary>Keeps what is logged as a warning or worse.</summary>
    private sealed class Lines : ILoggerProvider, ILogger
    {
        private readonly List<string> warnings = [];

        public IReadOnlyList<string> Warnings
        {
            get
            {
                lock (warnings)
                    return [.. warnings];
            }
        }

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (warnings)
            {
                if (IsEnabled(logLevel))
                    warnings.Add($"{formatter(state, exception)} {exception}");
            }
        }

        public void Dispose()
        {
        }
    }
}
