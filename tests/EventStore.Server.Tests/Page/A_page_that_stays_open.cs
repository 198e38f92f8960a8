using EventStore.Server.Tests.Fixtures;
using Microsoft.Playwright;

namespace EventStore.Server.Tests.Page;

/// <summary>A page that is left open while its server comes and goes.</summary>
[Trait("Category", "Slow")]
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

    /// <summary>The page of one job: what happens to it appears, and what its reader does meanwhile is left to them.</summary>
    [SkippableFact]
    public async Task Shows_what_happens_to_a_job_and_keeps_what_its_reader_does()
    {
        PageFixture.NeedsChromium();
        const string space = "alive", page = "/ui/namespaces/alive/jobs/watched";
        string job = Sample.Job("watched", space);
        await fixture.Create(space, "watched");
        for (int i = 0; i < 30; i++)
            await Patch(i);
        await using Visitor visitor = await fixture.SignedIn();
        await visitor.Go(page);
        await visitor.Page.GetByText("Live", new() { Exact = true }).WaitForAsync();
        ILocator revisions = visitor.Page.Locator(".revisions > li"), marks = visitor.Page.Locator("svg.timeline a");
        Assert.Equal(31, await revisions.CountAsync());
        Assert.Equal(31, await marks.CountAsync());

        // Somebody has marked a revision, opened the commands, written half a time, scrolled down and stands on a link.
        string third = (await revisions.Nth(2).GetAttributeAsync("id"))!, tenth = (await revisions.Nth(9).GetAttributeAsync("id"))!;
        await visitor.Page.Locator($"#{third} input[name=to]").CheckAsync();
        await visitor.Page.Locator("details.commands summary").ClickAsync();
        await visitor.Page.GetByLabel("As it stood at").FillAsync("2026-11-23T07:58:24");
        ILocator link = visitor.Page.Locator($"#{tenth} a").First;
        await link.FocusAsync();
        await link.EvaluateAsync("each => scrollTo(0, scrollY + each.getBoundingClientRect().top - 300)");
        double place = await Top(link);
        await visitor.Page.EvaluateAsync("window.same = true");

        await Patch(30);
        await (await fixture.Server.Admin.Patch(job + "/status", """{"status":{"conditions":[{"type":"Running","status":"True"}]}}"""))
            .Manifest();
        await Assertions.Expect(revisions).ToHaveCountAsync(33);
        await Assertions.Expect(marks).ToHaveCountAsync(33);
        await Assertions.Expect(visitor.Page.GetByRole(AriaRole.Heading, new() { Name = "33 revisions from" })).ToBeVisibleAsync();
        Assert.Equal("Running", await visitor.Page.Locator(".head .state").InnerTextAsync());
        Assert.True(await visitor.Page.EvaluateAsync<bool>("window.same"), "the page was loaded anew");
        Assert.True(await visitor.Page.Locator($"#{third} input[name=to]").IsCheckedAsync());
        Assert.True(await visitor.Page.Locator("details.commands").EvaluateAsync<bool>("each => each.open"));
        Assert.Equal("2026-11-23T07:58:24", await visitor.Page.GetByLabel("As it stood at").InputValueAsync());
        Assert.True(await link.EvaluateAsync<bool>("each => each === document.activeElement"));
        Assert.InRange(await Top(link), place - 2, place + 2);

        // The past does not change, and another job is nobody's business here.
        string time = (await revisions.Nth(2).Locator("time").First.GetAttributeAsync("datetime"))!;
        foreach (string past in (string[])[$"{page}?behind={third[1..]}", $"{page}?to={time}", $"{page}/revisions/{third[1..]}"])
        {
            await visitor.Go(past);
            Assert.False(await visitor.Page.Locator("#live-state").IsVisibleAsync());
        }

        await visitor.Go(page);
        await visitor.Page.GetByText("Live", new() { Exact = true }).WaitForAsync();
        (await fixture.Server.Admin.DeleteAsync(job)).Dispose();
        await visitor.Page.GetByText("This job was deleted.").WaitForAsync();
        Assert.Equal(0, await visitor.Page.Locator(".head .state").CountAsync());

        async Task Patch(int number) =>
            await (await fixture.Server.Admin.Patch(job, $$$$"""{"metadata":{"labels":{"n":"{{{{number}}}}"}}}""")).Manifest();
        static Task<double> Top(ILocator of) => of.EvaluateAsync<double>("each => each.getBoundingClientRect().top");
    }

    [SkippableFact]
    public async Task The_documentation_of_the_API_is_shown_under_a_policy_without_inline_scripts()
    {
        await using Visitor visitor = await fixture.Visit();
        IResponse answer = (await visitor.Page.GotoAsync("/docs"))!;
        string policy = answer.Headers["content-security-policy"];
        Assert.DoesNotContain(
            "unsafe", policy.Split(';').Single(each => each.Trim().StartsWith("script-src ", StringComparison.Ordinal)),
            StringComparison.Ordinal);
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
