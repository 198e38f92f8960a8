using System.Globalization;
using System.Text.Json.Nodes;
using EventStore.Server.Tests.Fixtures;
using Microsoft.Playwright;

namespace EventStore.Server.Tests.Page;

/// <summary>What is true of each page alike, whoever looks at it with whatever.</summary>
[Trait("Category", "Slow")]
[Collection(PageTests.Name)]
public sealed class Every_page(PageFixture fixture)
{
    private const string Space = "every", Lives = "/ui/namespaces/every/jobs/lives", Gone = "/ui/namespaces/every/jobs/gone";

    [SkippableFact]
    public async Task Is_for_everybody_in_both_colours_and_at_the_width_of_a_phone()
    {
        PageFixture.NeedsChromium();
        await using Visitor visitor = await fixture.SignedIn(expected: "400|404");
        foreach (string path in (await Pages()).Concat(Refusals))
        {
            await visitor.Turn(ColorScheme.Light, phone: false);
            await visitor.Go(path);
            Assert.Equal(1, await visitor.Page.GetByRole(AriaRole.Heading, new() { Level = 1 }).CountAsync());
            await visitor.IsForEverybody();
            await visitor.Turn(ColorScheme.Dark, phone: true);
            await visitor.IsForEverybody();
        }
    }

    [SkippableFact]
    public async Task Says_the_same_with_scripts_off()
    {
        PageFixture.NeedsChromium();
        await using Visitor with = await fixture.SignedIn(), without = await fixture.SignedIn(scripts: false);
        foreach (string path in await Pages())
        {
            await with.Go(path);
            await without.Go(path);
            Assert.Equal(await Headings(with), await Headings(without));
            Assert.Equal(
                await with.Page.Locator("main th[scope=row]").AllInnerTextsAsync(),
                await without.Page.Locator("main th[scope=row]").AllInnerTextsAsync());
            Assert.Equal(await Code(with), await Code(without));
            Assert.Equal(await with.Page.Locator("svg a").CountAsync(), await without.Page.Locator("svg a").CountAsync());
        }

        // What changes something is a form, and so it works as well.
        await without.Go(Lives);
        await without.Follow(without.Page.GetByRole(AriaRole.Link, new() { Name = "Go back to " }).Last);
        await without.Page.GetByLabel("Why").FillAsync("without scripts");
        await without.Leave(() => without.Page.GetByRole(AriaRole.Button, new() { Name = "Go back: change" }).ClickAsync());
        Assert.Contains("Done.", await without.Text(), StringComparison.Ordinal);
        Assert.Contains("without scripts", await without.Text(), StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Gives_itself_as_commands_to_copy()
    {
        PageFixture.NeedsChromium();
        await using Visitor visitor = await fixture.SignedIn();
        foreach (string path in (await Pages()).Where(path => !path.Contains("sign-in", StringComparison.Ordinal)))
        {
            await visitor.Go(path);
            await visitor.Page.Locator("details.commands summary").ClickAsync();
            foreach (string program in (string[])["kubectl", "curl"])
            {
                ILocator command = visitor.Page.Locator(".command", new() { HasTextRegex = new($"^\\s*{program} ") }).First;
                string text = await command.Locator("code").InnerTextAsync();
                await command.GetByRole(AriaRole.Button, new() { Name = "Copy" }).ClickAsync();
                await visitor.HasCopied(text);
            }
        }
    }

    [SkippableFact]
    public async Task Loads_little_first_and_everything_from_here()
    {
        PageFixture.NeedsChromium();
        await using Visitor visitor = await fixture.SignedIn(expected: "400|404");
        foreach (string path in (await Pages()).Concat(Refusals))
        {
            var answers = new List<IResponse>();
            await using IBrowserContext fresh = await visitor.Context.Browser!.NewContextAsync(
                new() { StorageState = await visitor.Context.StorageStateAsync() });
            IPage page = await fresh.NewPageAsync();
            page.Response += (_, answer) => answers.Add(answer);
            await page.GotoAsync(new Uri(fixture.Server.Url, path).ToString());
            long bytes = 0;
            // An event source has no end.
            foreach (IResponse answer in answers.Where(answer => answer.Request.ResourceType != "eventsource").ToArray())
            {
                Assert.Null(await answer.FinishedAsync());
                RequestSizesResult sizes = await answer.Request.SizesAsync();
                bytes += sizes.ResponseHeadersSize + sizes.ResponseBodySize;
            }

            Assert.True(answers.Count >= 3, $"{path}: {answers.Count} files");
            Assert.True(bytes is > 1000 and <= 60 * 1024, $"{path}: {bytes} bytes");
            Assert.All(answers, answer => Assert.Equal(fixture.Server.Url.Authority, new Uri(answer.Url).Authority));
        }
    }

    /// <summary>One of each page that shows something.</summary>
    private async Task<string[]> Pages()
    {
        HttpClient admin = fixture.Server.Admin;
        using (HttpResponseMessage found = await admin.GetAsync(Sample.Job("lives", Space)))
        {
            if (!found.IsSuccessStatusCode)
            {
                foreach (string name in (string[])["lives", "gone"])
                {
                    await fixture.Create(Space, name);
                    using HttpClient bob = fixture.Server.Client(ServerProcess.BobToken);
                    await (await bob.Patch(Sample.Job(name, Space), """{"spec":{"cleanPodPolicy":"Running"}}""")).Manifest();
                    await (await bob.Patch(Sample.Job(name, Space), """{"metadata":{"labels":{"team":"vision","LONG":null}}}""".Replace(
                        "LONG", new string('x', 60), StringComparison.Ordinal))).Manifest();
                    await (await admin.Patch(Sample.Job(name, Space),
                        $$$$"""{"metadata":{"annotations":{"note":"{{{{new string('w', 300)}}}}"}}}""")).Manifest();
                    await (await admin.Patch(Sample.Job(name, Space) + "/status",
                        """{"status":{"conditions":[{"type":"Running","status":"True"}]}}""")).Manifest();
                }

                using HttpResponseMessage deleted = await admin.DeleteAsync(Sample.Job("gone", Space));
                await deleted.Manifest();
            }
        }

        long now = long.Parse((await admin.Get(Sample.Job("lives", Space))).Revision(), CultureInfo.InvariantCulture);
        JsonNode history =
            (await admin.Get($"/apis/audit.eventstore.io/v1/namespaces/{Space}/pytorchjobrevisions?labelSelector=job%3Dlives"))["items"]!;
        long first = long.Parse((string)history.AsArray()[^1]!["metadata"]!["resourceVersion"]!, CultureInfo.InvariantCulture);
        return
        [
            "/ui/sign-in", $"/ui/jobs?namespace={Space}", $"/ui/jobs?namespace={Space}&show=deleted", $"/ui/activity?namespace={Space}",
            "/ui/server", Lives, $"{Lives}/revisions/{now}", $"{Lives}/compare?from={first}&to={now}",
            $"{Lives}/compare?from={first}&to={now}&view=unified", $"{Lives}/go-back?revision={first}", Gone, $"{Gone}/restore",
        ];
    }

    /// <summary>And of each that says why it shows nothing.</summary>
    private static readonly string[] Refusals =
        ["/ui/nowhere", "/ui/namespaces/every/jobs/nobody", $"{Lives}/compare?from=x&to=y", "/ui/jobs?labelSelector=%3D%3D",
            "/ui/jobs?namespace=none-here"];

    /// <summary>The lines of code, but for the uid, which is made anew for each job that would be made.</summary>
    /// <summary>The code, without what a dry run of a restore makes anew each time.</summary>
    private static async Task<string[]> Code(Visitor visitor) =>
        [.. (await visitor.Page.Locator("main code").AllTextContentsAsync()).Where(line =>
            !line.StartsWith("  uid:", StringComparison.Ordinal) && !line.StartsWith("  creationTimestamp:", StringComparison.Ordinal))];

    /// <summary>The headings, without the times in them: those are in the reader's zone where there is a script.</summary>
    private static Task<string[]> Headings(Visitor visitor) => visitor.Page.EvaluateAsync<string[]>("""
        [...document.querySelectorAll('main h1, main h2')].map(heading => {
            const copy = heading.cloneNode(true);
            copy.querySelectorAll('time').forEach(time => time.remove());
            return copy.textContent.replace(/\s+/g, ' ').trim();
        })
        """);
}
