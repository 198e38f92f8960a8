using EventStore.Server.Tests.Fixtures;
using Microsoft.Playwright;

namespace EventStore.Server.Tests.Page;

/// <summary>
/// A server with some jobs, and Chromium to look at its page with: one of each for all tests of the page, one after another.
/// </summary>
public sealed class PageFixture : IAsyncLifetime
{
    /// <summary>The namespace in which <c>alice</c> may see jobs, and nothing of their history.</summary>
    public const string OfAlice = "team-a";

    private const string Rules = """
        apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRole
        metadata: {name: look}
        rules:
        - {apiGroups: [kubeflow.org], resources: [pytorchjobs], verbs: [get, list, watch]}
        ---
        apiVersion: rbac.authorization.k8s.io/v1
        kind: RoleBinding
        metadata: {name: look, namespace: team-a}
        subjects: [{kind: User, name: alice}]
        roleRef: {kind: ClusterRole, name: look}
        """;

    /// <summary>
    /// How long a browser waits for what it is told to wait for, in milliseconds: for a machine with many times more work than processors.
    /// What is not there at all fails late, and what is there is seen at once.
    /// </summary>
    private const int PatienceMs = 180_000;

    private static readonly string[] Places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
    private static readonly string? Chromium = Environment.GetEnvironmentVariable("TEST_CHROMIUM") ?? Places.FirstOrDefault(File.Exists);

    /// <summary>The windows of a telephone and of a desk.</summary>
    internal static readonly ViewportSize Phone = new() { Width = 375, Height = 720 }, Desk = new() { Width = 1280, Height = 860 };

    private readonly DirectoryInfo rules = Directory.CreateTempSubdirectory("rules-");
    private IPlaywright? playwright;
    private IBrowser? browser;

    /// <summary>The database.</summary>
    public TestDatabase Database { get; private set; } = null!;

    /// <summary>The server.</summary>
    public ServerProcess Server { get; private set; } = null!;

    /// <summary>Skips the test where there is no Chromium; in CI it fails.</summary>
    public static void NeedsChromium()
    {
        if (Chromium is not null)
            return;
        const string missing = "there is no Chromium here: apt-get install chromium, or name one in TEST_CHROMIUM";
        Assert.False(Environment.GetEnvironmentVariable("CI") == "true", missing);
        Skip.If(true, missing);
    }

    /// <summary>A browser as somebody new has it: no cookie, nothing kept.</summary>
    public async Task<Visitor> Visit(
        ColorScheme colours = ColorScheme.Light, bool phone = false, bool scripts = true, Uri? server = null, string zone = "UTC",
        ClientCertificate? certificate = null)
    {
        NeedsChromium();
        if (browser is null)
        {
            Environment.SetEnvironmentVariable("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1");
            playwright = await Playwright.CreateAsync();
            Assertions.SetDefaultExpectTimeout(PatienceMs);
            browser = await playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions
            {
                ExecutablePath = Chromium,
                Timeout = PatienceMs,
                Args =
                [
                    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
                    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
                ],
            });
        }

        IBrowserContext context = await browser.NewContextAsync(new BrowserNewContextOptions
        {
            BaseURL = (server ?? Server.Url).ToString(),
            ColorScheme = colours,
            JavaScriptEnabled = scripts,
            TimezoneId = zone,
            Locale = "en-GB",
            ViewportSize = phone ? Phone : Desk,
            Permissions = ["clipboard-read", "clipboard-write"],
            ClientCertificates = certificate is null ? null : [certificate],
            IgnoreHTTPSErrors = true, // the tests' certificates are of authorities of their own
        });
        context.SetDefaultTimeout(PatienceMs);
        return new Visitor(context, await context.NewPageAsync());
    }

    /// <summary>The same, signed in by the form as a person does it.</summary>
    public async Task<Visitor> SignedIn(
        string token = ServerProcess.AdminToken, ColorScheme colours = ColorScheme.Light, bool phone = false, bool scripts = true,
        string zone = "UTC",
        string expected = "")
    {
        Visitor visitor = await Visit(colours, phone, scripts, zone: zone);
        visitor.Expected = expected;
        await visitor.SignIn(token);
        return visitor;
    }

    /// <summary>Makes a job.</summary>
    public async Task Create(string @namespace, string name, string labels = """{"team":"ml"}""", string metadata = "", string user = "")
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/apis/kubeflow.org/v1/namespaces/{@namespace}/pytorchjobs")
        {
            Content = Sample.Body(Sample.Manifest(name, labels, metadata)),
        };
        if (user.Length > 0)
            request.Headers.TryAddWithoutValidation("Impersonate-User", user);
        using HttpResponseMessage answer = await Server.Admin.SendAsync(request);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
    }

    /// <inheritdoc/>
    public async Task InitializeAsync()
    {
        await File.WriteAllTextAsync(Path.Combine(rules.FullName, "rules.yaml"), Rules);
        Database = await TestDatabase.Create();
        Server = await ServerProcess.Start(Database.Serving, "--authorization-rbac-dir", rules.FullName);
    }

    /// <inheritdoc/>
    public async Task DisposeAsync()
    {
        if (browser is not null)
            await browser.CloseAsync();
        playwright?.Dispose();
        await Server.DisposeAsync();
        await Database.DisposeAsync();
        rules.Delete(recursive: true);
    }
}

/// <summary>The tests of the page, which share a server and a browser.</summary>
[CollectionDefinition(Name)]
public sealed class PageTests : ICollectionFixture<PageFixture>
{
    /// <summary>Its name.</summary>
    public const string Name = "The page";
}
