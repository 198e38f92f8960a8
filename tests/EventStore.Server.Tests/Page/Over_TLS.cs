using System.Net;
using System.Security.Cryptography.X509Certificates;
using EventStore.Server.Access;
using EventStore.Server.Tests.Access;
using EventStore.Server.Tests.Fixtures;
using Microsoft.Playwright;

namespace EventStore.Server.Tests.Page;

/// <summary>The page as it should be served: with TLS, and with client certificates where those are asked for.</summary>
[Trait("Category", "Slow")]
[Collection(PageTests.Name)]
public sealed class Over_TLS(PageFixture fixture) : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("tls-");
    private readonly TestAuthority clients = new("clients");

    public void Dispose()
    {
        clients.Dispose();
        folder.Delete(recursive: true);
    }

    [SkippableFact]
    public async Task Every_cookie_is_for_TLS_alone()
    {
        PageFixture.NeedsChromium();
        await using ServerProcess server = await Start();
        await using Visitor visitor = await fixture.Visit(server: Https(server));
        await visitor.SignIn(ServerProcess.AdminToken);
        IReadOnlyList<BrowserContextCookiesResult> cookies = await visitor.Context.CookiesAsync();
        Assert.Equal(["eventstore-form", "eventstore-sign-in"], cookies.Select(cookie => cookie.Name).Order());
        Assert.All(
            cookies, cookie => Assert.Equal((true, true, SameSiteAttribute.Strict), (cookie.Secure, cookie.HttpOnly, cookie.SameSite)));
    }

    [SkippableFact]
    public async Task A_client_certificate_signs_in_without_the_form()
    {
        PageFixture.NeedsChromium();
        await using ServerProcess server = await Start("--client-ca-file", Write("clients.pem", clients.Pem));
        using X509Certificate2 shown = clients.ForClient("carol", Caller.Masters);
        string file = Path.Combine(folder.FullName, "carol.pfx");
        await File.WriteAllBytesAsync(file, shown.Export(X509ContentType.Pkcs12, "secret"));
        await using Visitor visitor = await fixture.Visit(
            server: Https(server),
            certificate: new ClientCertificate
            {
                Origin = Https(server).GetLeftPart(UriPartial.Authority),
                PfxPath = file,
                Passphrase = "secret",
            });
        await visitor.Go("/");
        Assert.EndsWith("/ui/jobs", visitor.Page.Url, StringComparison.Ordinal);
        Assert.Equal("carol", await visitor.Page.Locator("header .user").InnerTextAsync());
        Assert.DoesNotContain(
            await visitor.Context.CookiesAsync(), cookie => cookie.Name.StartsWith("eventstore-sign-in", StringComparison.Ordinal));
    }

    /// <summary>A browser shows its certificate at whatever another site makes it send.</summary>
    [Fact]
    public async Task A_certificate_without_a_form_of_the_page_changes_nothing()
    {
        await fixture.Create("tls", "kept");
        string first = (await fixture.Server.Admin.Get(Sample.Job("kept", "tls"))).Revision();
        string second = (await (await fixture.Server.Admin.Patch(
            Sample.Job("kept", "tls"), """{"metadata":{"labels":{"team":"vision"}}}""")).Manifest()).Revision();
        await using ServerProcess server = await Start("--client-ca-file", Write("clients.pem", clients.Pem));
        using X509Certificate2 shown = clients.ForClient("carol", Caller.Masters);
        using HttpClient client = Client(server, shown), nobody = Client(server, null);
        const string page = "/ui/namespaces/tls/jobs/kept/go-back";
        (string, string)[] fields = [("revision", first), ("resourceVersion", second)];
        using HttpResponseMessage made = await client.PostAsync(
            page, new FormUrlEncodedContent(fields.Select(field => KeyValuePair.Create(field.Item1, field.Item2))));
        Assert.Equal(HttpStatusCode.BadRequest, made.StatusCode);
        Assert.Equal(second, (await fixture.Server.Admin.Get(Sample.Job("kept", "tls"))).Revision());
        using HttpResponseMessage sent = await client.Post($"{page}?revision={first}", page, fields);
        Assert.Equal(HttpStatusCode.OK, sent.StatusCode);
        Assert.NotEqual(second, (await fixture.Server.Admin.Get(Sample.Job("kept", "tls"))).Revision());
        using HttpResponseMessage asked = await nobody.GetAsync("/ui/jobs");
        Assert.StartsWith("/ui/sign-in", asked.RequestMessage!.RequestUri!.AbsolutePath, StringComparison.Ordinal);
    }

    /// <summary>A server with a certificate of its own, which serves HTTPS and HTTP at one address.</summary>
    private Task<ServerProcess> Start(params string[] more) =>
        ServerProcess.Start(fixture.Database.Serving, ["--data", Path.Combine(folder.FullName, "data"), .. more]);

    private static Uri Https(ServerProcess server) => new UriBuilder(server.Url) { Scheme = "https" }.Uri;

    private static HttpClient Client(ServerProcess server, X509Certificate2? shown)
    {
        var handler = new HttpClientHandler
        {
            CookieContainer = new CookieContainer(),
            ServerCertificateCustomValidationCallback = HttpClientHandler.DangerousAcceptAnyServerCertificateValidator,
        };
        if (shown is not null)
            handler.ClientCertificates.Add(shown);
        var client = new HttpClient(handler) { BaseAddress = Https(server) };
        client.DefaultRequestHeaders.Accept.ParseAdd("text/html");
        return client;
    }

    private string Write(string name, string text)
    {
        string path = Path.Combine(folder.FullName, name);
        File.WriteAllText(path, text);
        return path;
    }
}
