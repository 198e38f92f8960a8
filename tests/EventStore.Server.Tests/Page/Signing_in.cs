using System.Net;
using System.Net.Http.Headers;
using EventStore.Server.Tests.Fixtures;
using Microsoft.Playwright;

namespace EventStore.Server.Tests.Page;

/// <summary>The door of the page: who comes in, how it is remembered, and what the memory is good for.</summary>
[Trait("Category", "Slow")]
[Collection(PageTests.Name)]
public sealed class Signing_in(PageFixture fixture)
{
    [SkippableFact]
    public async Task A_browser_is_led_from_the_root_to_the_form_and_from_there_to_the_page_it_wanted()
    {
        await using Visitor visitor = await fixture.Visit();
        await visitor.Go("/");
        Assert.Equal("Sign in", await visitor.Page.GetByRole(AriaRole.Heading).InnerTextAsync());
        await visitor.Go("/ui/jobs?namespace=team-a&state=Running");
        await visitor.Page.GetByLabel("Token").FillAsync(ServerProcess.AdminToken);
        await visitor.Leave(() => visitor.Page.Keyboard.PressAsync("Enter"));
        Assert.EndsWith("/ui/jobs?namespace=team-a&state=Running", visitor.Page.Url, StringComparison.Ordinal);
        Assert.Equal("team-a", await visitor.Page.GetByLabel("Namespace").InputValueAsync());
        Assert.Contains("admin", await visitor.Page.Locator("header").InnerTextAsync(), StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task A_token_that_nobody_knows_leads_back_to_the_form_which_says_so()
    {
        await using Visitor visitor = await fixture.Visit();
        await visitor.Go("/ui/sign-in");
        await visitor.Page.GetByLabel("Token").FillAsync("wrong-token");
        await visitor.Press("Sign in");
        Assert.Contains(
            "does not know this token", await visitor.Page.GetByRole(AriaRole.Alert).InnerTextAsync(), StringComparison.Ordinal);
        await visitor.IsForEverybody();
        Assert.DoesNotContain(
            await visitor.Context.CookiesAsync(), cookie => cookie.Name.StartsWith("eventstore-sign-in", StringComparison.Ordinal));
    }

    [SkippableFact]
    public async Task Whoever_signs_out_is_asked_again_and_the_back_button_shows_nothing()
    {
        await using Visitor visitor = await fixture.SignedIn();
        await visitor.Press("Sign out");
        Assert.EndsWith("/ui/sign-in", visitor.Page.Url, StringComparison.Ordinal);
        Assert.DoesNotContain(
            await visitor.Context.CookiesAsync(), cookie => cookie.Name.StartsWith("eventstore-sign-in", StringComparison.Ordinal));
        await visitor.Page.GoBackAsync();
        Assert.Equal("Sign in", await visitor.Page.GetByRole(AriaRole.Heading).InnerTextAsync());
    }

    [SkippableFact]
    public async Task The_cookie_is_out_of_reach_of_scripts_and_of_other_sites_and_names_no_token()
    {
        await using Visitor visitor = await fixture.SignedIn();
        BrowserContextCookiesResult cookie = Assert.Single(
            await visitor.Context.CookiesAsync(), cookie => cookie.Name.StartsWith("eventstore-sign-in", StringComparison.Ordinal));
        Assert.Equal((true, SameSiteAttribute.Strict, "/ui", -1f), (cookie.HttpOnly, cookie.SameSite, cookie.Path, cookie.Expires));
        Assert.DoesNotContain(ServerProcess.AdminToken, cookie.Value, StringComparison.Ordinal);
        Assert.DoesNotContain("eventstore-sign-in", await visitor.Page.EvaluateAsync<string>("document.cookie"), StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task The_cookie_is_good_for_the_page_alone_and_a_bearer_token_for_everything_else()
    {
        await using Visitor visitor = await fixture.SignedIn();
        string cookies = string.Join("; ", (await visitor.Context.CookiesAsync()).Select(cookie => $"{cookie.Name}={cookie.Value}"));
        Assert.Equal(HttpStatusCode.OK, await Get("/ui/jobs", cookies, null));
        Assert.Equal(HttpStatusCode.Unauthorized, await Get(Sample.Jobs(), cookies, null));
        Assert.Equal(HttpStatusCode.Unauthorized, await Get("/metrics", cookies, null));
        Assert.Equal(HttpStatusCode.OK, await Get(Sample.Jobs(), null, ServerProcess.AdminToken));
        Assert.Equal(HttpStatusCode.Unauthorized, await Get("/ui/jobs", null, ServerProcess.AdminToken));
        Assert.Equal(HttpStatusCode.OK, await Get("/ui/jobs", cookies, "wrong-token"));
        Assert.Equal(HttpStatusCode.Unauthorized, await Get("/uix", cookies, null));
    }

    [Theory]
    [InlineData("/ui/sign-in")]
    [InlineData("/ui/sign-out")]
    public async Task A_form_of_another_site_changes_nothing(string path)
    {
        using HttpClient client = Plain();
        using HttpResponseMessage answer = await client.PostAsync(
            path, new FormUrlEncodedContent([new("token", ServerProcess.AdminToken), new("form-token", "made-up")]));
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.False(answer.Headers.TryGetValues("Set-Cookie", out IEnumerable<string>? cookies) && cookies.Any(
            cookie => cookie.Contains("sign-in", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("https://example.com/")]
    [InlineData("//example.com/")]
    [InlineData("/ui/../../example.com")]
    [InlineData("/ui/\\example.com")]
    [InlineData("/ui//example.com")]
    [InlineData("/apis")]
    public async Task Nobody_is_led_elsewhere_by_a_link_to_the_form(string address)
    {
        using HttpClient client = Plain();
        string page = await client.GetStringAsync($"/ui/sign-in?return={Uri.EscapeDataString(address)}");
        string kept = page.Split("name=\"return\" value=\"")[1].Split('"')[0];
        Assert.Equal(fixture.Server.Url.Authority, new Uri(fixture.Server.Url, kept).Authority);
        Assert.StartsWith("/ui/", kept, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_token_that_is_taken_out_of_the_file_ends_the_sign_in()
    {
        await using ServerProcess server = await ServerProcess.Start(fixture.Database.Serving);
        using HttpClient client = await PageClient.SignedIn(server.Url, ServerProcess.BobToken);
        Assert.Contains("bob", await client.GetStringAsync("/ui/jobs"), StringComparison.Ordinal);
        string[] others = [.. (await File.ReadAllLinesAsync(server.TokenFile)).Where(line => !line.Contains(
            "bob", StringComparison.Ordinal))];
        await File.WriteAllLinesAsync(server.TokenFile, others);
        string page;
        do
            page = await client.GetStringAsync("/ui/jobs");
        while (!page.Contains("does not know this token", StringComparison.Ordinal)); // as soon as the file is read
        Assert.DoesNotContain("bob", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Every_answer_carries_the_same_strict_headers()
    {
        using HttpClient client = Plain();
        foreach (string path in (string[])["/ui/", "/ui/sign-in", "/ui/jobs", "/ui/nowhere", "/ui/assets/page.css", "/ui/assets/page.js",
            "/ui/jobs/live"])
        {
            using HttpResponseMessage answer = await client.GetAsync(path);
            Assert.Equal(
                "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
                answer.Headers.GetValues("Content-Security-Policy").Single());
            Assert.Equal(
                ("nosniff", "no-referrer"),
                (answer.Headers.GetValues("X-Content-Type-Options").Single(), answer.Headers.GetValues("Referrer-Policy").Single()));
            Assert.True(path.Contains("assets", StringComparison.Ordinal) || answer.Headers.CacheControl!.NoStore, path);
        }
    }

    private HttpClient Plain() =>
        new(new HttpClientHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = fixture.Server.Url };

    private async Task<HttpStatusCode> Get(string path, string? cookies, string? token)
    {
        using HttpClient client = Plain();
        if (cookies is not null)
            client.DefaultRequestHeaders.Add("Cookie", cookies);
        if (token is not null)
            client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        using HttpResponseMessage answer = await client.GetAsync(path);
        return answer.StatusCode;
    }
}
