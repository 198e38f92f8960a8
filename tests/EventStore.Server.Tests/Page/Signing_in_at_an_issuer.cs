using System.Net;
using EventStore.Server.Access.Credentials;
using EventStore.Server.Tests.Access;
using EventStore.Server.Tests.Fixtures;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Primitives;
using Microsoft.Playwright;

namespace EventStore.Server.Tests.Page;

/// <summary>A server whose page is a client of an issuer.</summary>
public sealed class AtAnIssuer(PageFixture page) : IAsyncLifetime
{
    /// <summary>The page's client at the issuer; the API's is <c>the-client</c>.</summary>
    public const string Client = "the-page";

    private const string Rules = """
        apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRole
        metadata: {name: look}
        rules:
        - {apiGroups: [kubeflow.org], resources: [pytorchjobs], verbs: [get, list, watch]}
        ---
        apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRoleBinding
        metadata: {name: look}
        subjects: [{kind: User, name: alice}]
        roleRef: {kind: ClusterRole, name: look}
        """;

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("issuer-");

    internal Issuer Issuer { get; private set; } = null!;

    /// <summary>The server; its client has no secret.</summary>
    public ServerProcess Server { get; private set; } = null!;

    /// <summary>A file of this fixture's.</summary>
    public string PathOf(string name) => Path.Combine(folder.FullName, name);

    /// <summary>A server more, with more options.</summary>
    public Task<ServerProcess> Start(params string[] more) => Start(Issuer.Url, more);

    /// <summary>A server of another issuer.</summary>
    public Task<ServerProcess> Start(string issuer, string[] more) => ServerProcess.Start(page.Database.Serving,
        [
            "--oidc-issuer-url", issuer, "--oidc-client-id", "the-client", "--oidc-ca-file", PathOf("issuer.pem"), "--oidc-username-prefix",
            "-", "--ui-oidc-client-id", Client, "--authorization-rbac-dir", PathOf("rules"), .. more,
        ]);

    /// <inheritdoc/>
    public async Task InitializeAsync()
    {
        Issuer = await Issuer.Start();
        await File.WriteAllTextAsync(PathOf("issuer.pem"), Issuer.AuthorityPem);
        folder.CreateSubdirectory("rules");
        await File.WriteAllTextAsync(PathOf("rules/rules.yaml"), Rules);
        Server = await Start();
    }

    /// <inheritdoc/>
    public async Task DisposeAsync()
    {
        await Server.DisposeAsync();
        await Issuer.DisposeAsync();
        folder.Delete(recursive: true);
    }
}

/// <summary>Signing in at an OpenID Connect issuer: its authorization code flow, with all that can go wrong on the way.</summary>
[Trait("Category", "Slow")]
[Collection(PageTests.Name)]
public sealed class Signing_in_at_an_issuer(PageFixture page, AtAnIssuer fixture) : IClassFixture<AtAnIssuer>, IDisposable
{
    private readonly HttpClient issuer = new(new HttpClientHandler
    {
        AllowAutoRedirect = false,
        ServerCertificateCustomValidationCallback = HttpClientHandler.DangerousAcceptAnyServerCertificateValidator,
    });

    public void Dispose()
    {
        issuer.Dispose();
        Mend();
    }

    /// <summary>The issuer is as it should be again.</summary>
    private void Mend()
    {
        Issuer of = fixture.Issuer;
        (of.Claims, of.Key, of.Secret, of.TakesSecretInForm, of.Denial, of.IsBroken) = ("{}", "first", null, false, null, false);
    }

    [SkippableFact]
    public async Task A_person_goes_there_and_comes_back_to_the_page_that_was_wanted()
    {
        PageFixture.NeedsChromium();
        await page.Create(PageFixture.OfAlice, "of-the-issuer");
        await using Visitor visitor = await page.Visit(server: fixture.Server.Url);
        await visitor.Go($"/ui/jobs?namespace={PageFixture.OfAlice}&name=of-the");
        await visitor.IsForEverybody();
        await visitor.Page.GetByRole(AriaRole.Link, new() { Name = "Sign in at 127.0.0.1" }).ClickAsync();
        await visitor.Page.GetByRole(AriaRole.Link, new() { Name = "I am alice" }).ClickAsync();
        await visitor.Page.WaitForURLAsync($"**/ui/jobs?namespace={PageFixture.OfAlice}&name=of-the");
        Assert.Equal(["of-the-issuer"], await visitor.Names());
        Assert.Equal("alice", await visitor.Page.Locator("header .user").InnerTextAsync());
        // What is kept is kept as a token that was pasted: strictly for this site, out of reach of scripts, and nothing else is left.
        IReadOnlyList<BrowserContextCookiesResult> cookies = await visitor.Context.CookiesAsync(
            [fixture.Server.Url.ToString() + "ui/sign-in/"]);
        BrowserContextCookiesResult[] kept = [.. cookies.Where(
            cookie => cookie.Name.StartsWith("eventstore-sign", StringComparison.Ordinal))];
        Assert.All(kept, cookie => Assert.StartsWith("eventstore-sign-in", cookie.Name, StringComparison.Ordinal));
        Assert.All(kept, cookie => Assert.Equal((true, SameSiteAttribute.Strict, "/ui"), (cookie.HttpOnly, cookie.SameSite, cookie.Path)));
        Assert.All(kept, cookie => Assert.DoesNotContain(fixture.Issuer.LastToken![..40], cookie.Value, StringComparison.Ordinal));
        await visitor.Press("Sign out");
        Assert.Equal("Sign in", await visitor.Page.GetByRole(AriaRole.Heading).InnerTextAsync());
    }

    [Fact]
    public async Task Asks_for_a_code_with_secrets_that_differ_each_time()
    {
        using HttpClient client = Browser(fixture.Server);
        Dictionary<string, StringValues>[] asked = [Query(await Begin(client)), Query(await Begin(client))];
        foreach (Dictionary<string, StringValues> each in asked)
        {
            Assert.Equal(
                $"code {AtAnIssuer.Client} S256 openid",
                $"{each["response_type"]} {each["client_id"]} {each["code_challenge_method"]} {each["scope"]}");
            Assert.Equal(new Uri(fixture.Server.Url, "/ui/sign-in/callback").ToString(), each["redirect_uri"].ToString());
        }

        foreach (string name in (string[])["state", "nonce", "code_challenge"])
        {
            Assert.Equal(43, asked[0][name].ToString().Length); // 32 bytes
            Assert.NotEqual(asked[0][name], asked[1][name]);
        }
    }

    [Theory]
    [InlineData("a state that was made up", 400, "was not begun in this browser")]
    [InlineData("no state", 400, "was not begun in this browser")]
    [InlineData("the state of an earlier sign-in", 400, "was not begun in this browser")]
    [InlineData("another browser", 400, "was not begun in this browser")]
    [InlineData("the code of another browser", 400, "the issuer gives no token for the code (invalid_grant)")]
    [InlineData("a code that was made up", 400, "the issuer gives no token for the code (invalid_grant)")]
    [InlineData("no code", 400, "did not sign you in: it gives no reason")]
    [InlineData("access_denied", 400, "did not sign you in: access_denied")]
    [InlineData("<b>markup", 400, "did not sign you in: it gives no reason")]
    [InlineData("""{"nonce": "of-another-sign-in"}""", 400, "the ID token is of another sign-in")]
    [InlineData("""{"nonce": null}""", 400, "the ID token is of another sign-in")]
    [InlineData("""{"exp": 1000000000}""", 400, "the ID token has expired, or is not good yet")]
    [InlineData("""{"aud": "somebody-else"}""", 400, "the ID token is for another client")]
    [InlineData("""{"iss": "https://another.example.com"}""", 400, "the ID token is none of the issuer")]
    [InlineData("""{"sub": ""}""", 400, "is no text, or empty")]
    [InlineData("""{"sub": "a\u0000b"}""", 400, "user name")]
    [InlineData("an unknown key", 400, "the ID token is not valid")]
    [InlineData("a broken issuer", 502, "does not answer as it should")]
    public async Task Leads_back_to_the_form_which_says_what_is_wrong(string what, int code, string said)
    {
        using HttpClient client = Browser(fixture.Server), another = Browser(fixture.Server);
        if (what.StartsWith('{'))
            fixture.Issuer.Claims = what;
        if (what is "access_denied" or "<b>markup")
            fixture.Issuer.Denial = what;
        (fixture.Issuer.Key, fixture.Issuer.IsBroken) = (what == "an unknown key" ? "unknown" : "first", what == "a broken issuer");
        Uri first = await Consent(await Begin(client)), back = await Consent(await Begin(client)),
            others = await Consent(await Begin(another));
        (string state, string codeOf) = (Query(back)["state"].ToString(), Query(back).GetValueOrDefault("code").ToString());
        Uri sent = what switch
        {
            "a state that was made up" => With(back, ("code", codeOf), ("state", "made-up")),
            "no state" => With(back, ("code", codeOf)),
            "the state of an earlier sign-in" => first,
            "another browser" => others,
            "the code of another browser" => With(back, ("code", Query(others)["code"].ToString()), ("state", state)),
            "a code that was made up" => With(back, ("code", "made-up"), ("state", state)),
            "no code" => With(back, ("state", state)),
            _ => back,
        };
        using HttpResponseMessage answer = await client.GetAsync(sent);
        await IsTheForm(answer, code, said);
        // Whatever it was, that sign-in is over, and another can be made.
        using HttpResponseMessage again = await client.GetAsync(back);
        await IsTheForm(again, 400, "was not begun in this browser");
        Mend();
        using HttpClient later = Browser(fixture.Server);
        await SignIn(later);
    }

    [Fact]
    public async Task Takes_each_answer_of_the_issuer_once()
    {
        using HttpClient client = Browser(fixture.Server);
        Uri back = await Consent(await Begin(client));
        using HttpResponseMessage first = await client.GetAsync(back);
        Assert.Equal(HttpStatusCode.OK, first.StatusCode);
        using HttpResponseMessage second = await client.GetAsync(back);
        await IsTheForm(second, 400, "was not begun in this browser");
    }

    [Theory]
    [InlineData("https://example.com/", "/ui/")]
    [InlineData("//example.com/", "/ui/")]
    [InlineData("/ui/activity?user=a&verb=Deleted", "/ui/activity?user=a&amp;verb=Deleted")]
    public async Task Leads_to_pages_of_its_own_alone(string wanted, string led)
    {
        using HttpClient client = Browser(fixture.Server);
        using HttpResponseMessage answer = await client.GetAsync(await Consent(await Begin(client, wanted)));
        Assert.Contains($"content=\"0;url={led}\"", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_the_page_is_given_opens_the_page_alone_and_the_APIs_tokens_open_both()
    {
        using HttpClient client = Browser(fixture.Server);
        await SignIn(client);
        using HttpClient withPages = fixture.Server.Client(fixture.Issuer.LastToken!),
            withApis = fixture.Server.Client(fixture.Issuer.Token());
        using HttpResponseMessage refused = await withPages.GetAsync(Sample.Jobs());
        using HttpResponseMessage taken = await withApis.GetAsync(Sample.Jobs());
        Assert.Equal((HttpStatusCode.Unauthorized, HttpStatusCode.OK), (refused.StatusCode, taken.StatusCode));
        using HttpClient pasted = await PageClient.SignedIn(fixture.Server.Url, fixture.Issuer.Token());
        Assert.Contains("alice", await pasted.GetStringAsync("/ui/jobs"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Proves_itself_by_the_secret_of_a_file_that_may_be_replaced(bool inForm)
    {
        string file = fixture.PathOf($"secret-{inForm}");
        (fixture.Issuer.Secret, fixture.Issuer.TakesSecretInForm) = ("first-secret", inForm);
        await File.WriteAllTextAsync(file, "first-secret\n");
        await using ServerProcess server = await fixture.Start("--ui-oidc-client-secret-file", file, "--ui-oidc-scopes", "email,groups");
        using HttpClient client = Browser(server);
        Assert.Equal("openid email groups", Query(await Begin(client))["scope"].ToString());
        await SignIn(client);
        fixture.Issuer.Secret = "second-secret";
        using (HttpResponseMessage old = await client.GetAsync(await Consent(await Begin(client))))
            await IsTheForm(old, 400, "the issuer gives no token for the code (invalid_client)");
        await File.WriteAllTextAsync(file, "second-secret");
        await SignIn(client);
        File.Delete(file);
        using HttpResponseMessage missing = await client.GetAsync(await Consent(await Begin(client)));
        await IsTheForm(missing, 502, "does not answer as it should");
        Assert.DoesNotContain("-secret", server.Output.Replace(file, "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Says_so_when_the_issuer_is_away_and_takes_tokens_still()
    {
        Issuer gone = await Issuer.Start();
        await gone.DisposeAsync();
        await using ServerProcess server = await fixture.Start(gone.Url, []);
        using HttpClient client = Browser(server);
        using HttpResponseMessage answer = await client.GetAsync("/ui/sign-in/issuer");
        await IsTheForm(answer, 502, "does not answer as it should");
        using HttpClient admin = await PageClient.SignedIn(server.Url, ServerProcess.AdminToken);
        Assert.Contains("Sign out", await admin.GetStringAsync("/ui/jobs"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Is_not_offered_where_the_page_is_no_client()
    {
        using HttpClient client = Browser(page.Server);
        Assert.DoesNotContain("Sign in at", await client.GetStringAsync("/ui/sign-in"), StringComparison.Ordinal);
        foreach (string path in (string[])["/ui/sign-in/issuer", "/ui/sign-in/callback?code=a&state=b"])
        {
            using HttpResponseMessage answer = await client.GetAsync(path);
            Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        }
    }

    [Theory]
    [InlineData("ui-oidc-client-id=page", "--ui-oidc-client-id needs --oidc-issuer-url")]
    [InlineData("oidc-issuer-url=https://a oidc-client-id=c ui-oidc-scopes=email", "--ui-oidc-client-secret-file and --ui-oidc-scopes need --ui-oidc-client-id")]
    [InlineData("oidc-issuer-url=https://a oidc-client-id=c ui-oidc-client-id=page ui-oidc-client-secret-file=/nowhere", "--ui-oidc-client-secret-file: Could not find file '/nowhere'.")]
    [InlineData("oidc-issuer-url=https://a oidc-client-id=c ui-oidc-client-id=page ui-oidc-client-secret-file=/dev/null", "--ui-oidc-client-secret-file: /dev/null is empty")]
    public void Needs_settings_that_make_sense(string given, string expected)
    {
        Dictionary<string, string> settings = given.Split(' ').ToDictionary(
            pair => pair[..pair.IndexOf('=', StringComparison.Ordinal)], pair => pair[(pair.IndexOf('=', StringComparison.Ordinal) + 1)..]);
        OidcSettings? oidc = OidcSettings.Read(settings.GetValueOrDefault);
        var wrong = Assert.Throws<OperatorException>(() => OidcPageClient.Read(settings.GetValueOrDefault, oidc));
        Assert.StartsWith(expected + "\n", wrong.Message, StringComparison.Ordinal);
    }

    private static HttpClient Browser(ServerProcess server) =>
        new(new HttpClientHandler { AllowAutoRedirect = false, CookieContainer = new CookieContainer() }) { BaseAddress = server.Url };

    private static async Task<Uri> Begin(HttpClient client, string wanted = "/ui/jobs")
    {
        using HttpResponseMessage answer = await client.GetAsync($"/ui/sign-in/issuer?return={Uri.EscapeDataString(wanted)}");
        Assert.Equal(HttpStatusCode.Redirect, answer.StatusCode);
        return answer.Headers.Location!;
    }

    private async Task<Uri> Consent(Uri asked)
    {
        using HttpResponseMessage answer = await issuer.GetAsync(
            asked.ToString().Replace("/authorize?", "/consent?", StringComparison.Ordinal));
        return answer.Headers.Location!;
    }

    private async Task SignIn(HttpClient client)
    {
        using HttpResponseMessage answer = await client.GetAsync(await Consent(await Begin(client)));
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Contains("alice", await client.GetStringAsync("/ui/jobs"), StringComparison.Ordinal);
    }

    /// <summary>The form, with a sentence on it and nothing of the program's; nobody is signed in.</summary>
    private static async Task IsTheForm(HttpResponseMessage answer, int code, string said)
    {
        string text = WebUtility.HtmlDecode(await answer.Content.ReadAsStringAsync());
        Assert.Equal(code, (int)answer.StatusCode);
        Assert.Contains("name=\"token\"", text, StringComparison.Ordinal);
        Assert.Contains(said, text, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", text, StringComparison.Ordinal);
        Assert.DoesNotContain("<b>", text, StringComparison.Ordinal);
        Assert.DoesNotContain(
            answer.Headers.TryGetValues("Set-Cookie", out IEnumerable<string>? cookies) ? cookies : [],
            cookie => cookie.StartsWith("eventstore-sign-in", StringComparison.Ordinal));
    }

    private static Dictionary<string, StringValues> Query(Uri address) => QueryHelpers.ParseQuery(address.Query);

    private static Uri With(Uri address, params (string Name, string Value)[] query) => new(QueryHelpers.AddQueryString(
        address.GetLeftPart(UriPartial.Path), query.ToDictionary(each => each.Name, each => (string?)each.Value)));
}
