using EventStore.Server.Tests.Fixtures;
using Microsoft.Playwright;

namespace EventStore.Server.Tests.Page;

/// <summary>A page that is left open while its server comes and goes.</summary>
[Collection(PageTests.Name)]
public sealed class A_page_that_stays_open(PageFixture fixture)
{
    [SkippableTheory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Is_live_again_after_a_restart_or_says_that_one_must_sign_in(bool keepsKeys)
    {
        PageFixture.NeedsChromium();
        DirectoryInfo data = Directory.CreateTempSubdirectory("data-");
        string[] folder = keepsKeys ? ["--data", data.FullName] : [];
        ServerProcess server = await ServerProcess.Start(fixture.Database.Serving, folder);
        string @namespace = $"restart-{keepsKeys}".ToLowerInvariant();
        await fixture.Create(@namespace, "before");
        await using (Visitor visitor = await fixture.Visit(server: server.Url))
        {
            visitor.Expected = "ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET|ERR_NETWORK";
            await visitor.SignIn(ServerProcess.AdminToken);
            await visitor.Go($"/ui/jobs?namespace={@namespace}");
            await visitor.Page.GetByText("Live", new() { Exact = true }).WaitForAsync();
            await server.Stop();
            await visitor.Page.GetByText("Not live: trying again").WaitForAsync();
            await fixture.Create(@namespace, "meanwhile");
            await server.DisposeAsync();
            server = await ServerProcess.Start(fixture.Database.Serving, [.. folder, "--urls", server.Url.ToString()]);
            if (keepsKeys)
            {
                await visitor.Page.GetByRole(AriaRole.Link, new() { Name = "meanwhile" }).WaitForAsync();
                await visitor.Page.GetByText("Live", new() { Exact = true }).WaitForAsync();
                await fixture.Create(@namespace, "after");
                await visitor.Page.GetByRole(AriaRole.Link, new() { Name = "after" }).WaitForAsync();
            }
            else
            {
                await visitor.Page.GetByText("Signed out: load the page again").WaitForAsync();
            }
        }

        await server.DisposeAsync();
        data.Delete(recursive: true);
    }

    [SkippableFact]
    public async Task Tells_times_in_the_readers_zone_and_in_UTC_on_hover()
    {
        PageFixture.NeedsChromium();
        await fixture.Create("zones", "there");
        await using Visitor visitor = await fixture.SignedIn(zone: "Asia/Tokyo");
        await visitor.Go("/ui/activity?namespace=zones");
        ILocator time = visitor.Page.Locator("tbody time").First;
        DateTimeOffset at = DateTimeOffset.Parse(await time.GetAttributeAsync("datetime") ?? "", System.Globalization.CultureInfo.InvariantCulture);
        Assert.Contains(at.ToOffset(TimeSpan.FromHours(9)).ToString("HH:mm:ss", System.Globalization.CultureInfo.InvariantCulture), await time.InnerTextAsync(), StringComparison.Ordinal);
        Assert.Contains(at.UtcDateTime.ToString("HH:mm:ss", System.Globalization.CultureInfo.InvariantCulture), await time.GetAttributeAsync("title"), StringComparison.Ordinal);
        Assert.EndsWith("UTC", await time.GetAttributeAsync("title"), StringComparison.Ordinal);
        // The axis of a timeline too: the history of one revision is drawn as a minute around it.
        await visitor.Go("/ui/namespaces/zones/jobs/there");
        ILocator tick = visitor.Page.Locator("svg.timeline text[data-time]").First;
        DateTimeOffset round = DateTimeOffset.Parse(await tick.GetAttributeAsync("data-time") ?? "", System.Globalization.CultureInfo.InvariantCulture);
        string said = await tick.EvaluateAsync<string>("tick => `${tick.firstChild.data}|${tick.querySelector('title').textContent}`");
        Assert.Equal(
            $"{round.ToOffset(TimeSpan.FromHours(9)).ToString("HH:mm:ss", System.Globalization.CultureInfo.InvariantCulture)}|{round.UtcDateTime.ToString("HH:mm:ss", System.Globalization.CultureInfo.InvariantCulture)} UTC",
            said);
    }

    [SkippableFact]
    public async Task The_documentation_of_the_API_is_shown_under_a_policy_without_inline_scripts()
    {
        await using Visitor visitor = await fixture.Visit();
        IResponse answer = (await visitor.Page.GotoAsync("/docs"))!;
        string policy = answer.Headers["content-security-policy"];
        Assert.DoesNotContain("unsafe", policy.Split(';').Single(each => each.Trim().StartsWith("script-src ", StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.Contains("frame-ancestors 'none'", policy, StringComparison.Ordinal);
        Assert.Equal(("nosniff", "no-referrer"), (answer.Headers["x-content-type-options"], answer.Headers["referrer-policy"]));
        await visitor.Page.GetByRole(AriaRole.Heading, new() { Name = "PyTorchJob event store" }).First.WaitForAsync();
        await visitor.Page.GetByText("Create a job").First.WaitForAsync();
    }

    [Fact]
    public async Task Is_not_there_where_it_is_switched_off()
    {
        await using ServerProcess server = await ServerProcess.Start(fixture.Database.Serving, "--ui", "off");
        using var client = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false }) { BaseAddress = server.Url };
        client.DefaultRequestHeaders.Accept.ParseAdd("text/html");
        using HttpResponseMessage root = await client.GetAsync("/");
        Assert.Equal("/docs", root.Headers.Location?.OriginalString);
        foreach (string path in (string[])["/ui/", "/ui/jobs", "/ui/sign-in", "/ui/assets/page.css"])
        {
            using HttpResponseMessage answer = await server.Admin.GetAsync(path);
            Assert.Equal(System.Net.HttpStatusCode.NotFound, answer.StatusCode);
        }
    }
}
