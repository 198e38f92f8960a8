using System.Text;
using System.Text.Json.Nodes;
using EventStore.Server.Page;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Page;

/// <summary>Whatever others write is shown as what it is: text.</summary>
[Trait("Category", "Slow")]
[Collection(PageTests.Name)]
public sealed class Hostile_texts(PageFixture fixture)
{
    private static readonly string[] Corpus =
    [
        "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "'><svg onload=alert(1)>", "</title><script>alert(1)</script>",
        "</textarea><iframe src=javascript:alert(1)>", "javascript:alert(1)", "<style>*{display:none}</style>",
        "<a href=//example.com>click</a>", "{{7*7}}${7*7}@(7*7)", "<!--", "]]>", "&lt;b&gt;&amp;", "\" autofocus onfocus=alert(1) x=\"",
        "<form action=//example.com><input name=q>", "<base href=//example.com/>", "<meta http-equiv=refresh content=0;url=//example.com>",
        "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    ];

    [SkippableFact]
    public async Task No_text_of_a_job_or_of_its_user_becomes_markup_anywhere()
    {
        PageFixture.NeedsChromium();
        await fixture.Create("hostile", "target");
        foreach (string text in Corpus)
            await Write("target", text);

        string status = new JsonObject
        {
            ["status"] = new JsonObject { ["conditions"] = new JsonArray(new JsonObject { ["type"] = Corpus[1], ["status"] = "True" }) },
        }.ToJsonString();
        (await (await fixture.Server.Admin.Patch(Sample.Job("target", "hostile") + "/status", status)).Manifest()).ToString();
        await using Visitor visitor = await fixture.SignedIn();
        visitor.Expected = "400|403|404";
        await visitor.Go("/ui/jobs?namespace=hostile");
        Assert.Contains(Corpus[1], await visitor.Text(), StringComparison.Ordinal);
        await IsUntouched(visitor);
        await visitor.Go("/ui/activity?namespace=hostile");
        string shown = await visitor.Text();
        Assert.All(Corpus, text => Assert.Contains(text[..Math.Min(50, text.Length)], shown, StringComparison.Ordinal));
        await IsUntouched(visitor);
        await AreUntouched(visitor, [
            "/ui/jobs?name=*", "/ui/jobs?state=*", "/ui/jobs?by=*", "/ui/jobs?labelSelector=*", "/ui/jobs?namespace=*", "/ui/jobs?after=*",
            "/ui/jobs?since=*",
            "/ui/activity?user=*", "/ui/activity?path=*", "/ui/activity?verb=*", "/ui/activity?job=*", "/ui/*",
        ]);
    }

    [SkippableFact]
    public async Task No_text_becomes_markup_on_the_pages_of_a_job()
    {
        PageFixture.NeedsChromium();
        const string job = "/ui/namespaces/hostile/jobs/shown";
        await fixture.Create("hostile", "shown");
        var revisions = new List<(string Text, string Revision)>();
        foreach (string text in Corpus)
            revisions.Add((text, await Write("shown", text)));
        await using Visitor visitor = await fixture.SignedIn();
        visitor.Expected = "400|404|409|422|504";
        await visitor.Go(job);
        string all = await visitor.Text();
        Assert.All(Corpus, text => Assert.Contains(text[..Math.Min(50, text.Length)], all, StringComparison.Ordinal));
        await IsUntouched(visitor);
        Assert.Equal(Corpus.Length, await visitor.Page.Locator(".legend bdi, svg.timeline title").EvaluateAllAsync<int>(
            "(all, corpus) => corpus.filter(text => all.some(each => each.textContent.includes(text.slice(0, 20)))).length", Corpus));
        string before = revisions[0].Revision;
        for (int i = 1; i < revisions.Count; i++)
        {
            (string text, string revision) = revisions[i];
            string[] pages =
                [$"{job}/revisions/{revision}", $"{job}/compare?from={before}&to={revision}",
                    $"{job}/compare?from={before}&to={revision}&view=unified", $"{job}/go-back?revision={before}"];
            string[] shown = await Parsed(visitor, pages);
            // The last one shows the last text and the first.
            Assert.All(shown[..3], each => Assert.True(
                YamlOf(text).Any(form => each.Contains(form, StringComparison.Ordinal)), $"{text} is not in {each}"));
            await visitor.Go(pages[i % pages.Length]);
            await IsUntouched(visitor);
            before = revision;
        }

        // Somebody else was faster, and has such a name too.
        await visitor.Go($"{job}/go-back?revision={revisions[0].Revision}");
        await Write("shown", Corpus[0]);
        await visitor.Page.GetByLabel("Why").FillAsync(Corpus[1]);
        await visitor.Leave(
            () => visitor.Page.GetByRole(Microsoft.Playwright.AriaRole.Button, new() { Name = "Go back: change" }).ClickAsync());
        Assert.Contains(Corpus[0], await visitor.Text(), StringComparison.Ordinal);
        await IsUntouched(visitor);
        (await fixture.Server.Admin.DeleteAsync(Sample.Job("shown", "hostile"))).Dispose();
        foreach (string path in (string[])[job, job + "/restore"])
        {
            await visitor.Go(path);
            Assert.Contains(Corpus[0], (await visitor.Page.Locator("main").TextContentAsync())!, StringComparison.Ordinal);
            await IsUntouched(visitor);
        }

        await AreUntouched(visitor, [
            job + "?from=*", job + "?to=*", job + "?behind=*", job + "/at?revision=*", job + "/at?asOf=*", job + "/compare?from=1&to=*",
            job + "/compare?view=unified&to=1&from=*", job + "/go-back?revision=*", job + "/revisions/*", "/ui/namespaces/*/jobs/*",
            "/ui/sign-in?return=/ui/*",
        ]);
    }

    /// <summary>Each address with each text in the star's place is parsed, and each text is visited in one of them.</summary>
    private static async Task AreUntouched(Visitor visitor, string[] addresses)
    {
        for (int i = 0; i < Corpus.Length; i++)
        {
            string[] all = [.. addresses.Select(
                address => address.Replace("*", Uri.EscapeDataString(Corpus[i]), StringComparison.Ordinal))];
            await Parsed(visitor, all);
            await visitor.Go(all[i % all.Length]);
            await IsUntouched(visitor);
        }
    }

    /// <summary>
    /// The texts of pages, read by the browser's own parser, which none of them may have made build anything. That takes a tenth of the
    /// time of a visit; but what is parsed so does not run, so somebody must visit too.
    /// </summary>
    private static async Task<string[]> Parsed(Visitor visitor, string[] addresses)
    {
        string[] found = await visitor.Page.EvaluateAsync<string[]>($$"""
            async addresses => await Promise.all(addresses.map(async address => {
                const answer = await fetch(address, { headers: { Accept: 'text/html' } }), html = await answer.text();
                const page = new DOMParser().parseFromString(html, 'text/html'), main = page.querySelector('main');
                if (!main || answer.status >= 500 && answer.status !== 504) return `${address}: ${answer.status}`;
                return (({{Built}})(page) === 0 ? '' : `${address}: ${html}\u0000`) + main.textContent;
            }))
            """, addresses);
        Assert.All(found.Zip(addresses), each => Assert.False(each.First.Contains('\0', StringComparison.Ordinal)
            || each.First.StartsWith(each.Second + ": ", StringComparison.Ordinal), each.First));
        return found;
    }

    /// <summary>How a text may stand in YAML.</summary>
    private static string[] YamlOf(string text) =>
        [text, text.Replace("'", "''", StringComparison.Ordinal), text.Replace("\\", "\\\\", StringComparison.Ordinal)
            .Replace("\"", "\\\"", StringComparison.Ordinal)];

    /// <summary>A patch whose value, user, program and reason are the text; its revision.</summary>
    private async Task<string> Write(string name, string text)
    {
        string patch =
            new JsonObject { ["metadata"] = new JsonObject { ["annotations"] = new JsonObject { ["evil"] = text } } }.ToJsonString();
        using var request = new HttpRequestMessage(HttpMethod.Patch, Sample.Job(name, "hostile"))
        {
            Content = Sample.Body(patch, "application/merge-patch+json"),
        };
        request.Headers.TryAddWithoutValidation("Impersonate-User", text);
        request.Headers.TryAddWithoutValidation("Impersonate-Group", "system:masters");
        request.Headers.TryAddWithoutValidation("User-Agent", text);
        request.Headers.TryAddWithoutValidation("Audit-Reason", text);
        using HttpResponseMessage answer = await fixture.Server.Admin.SendAsync(request);
        return (await answer.Manifest()).Revision();
    }

    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("über 日本 😀", "über 日本 😀")]
    [InlineData("a\u202Egnp.exe", "a\\u202egnp.exe")]
    [InlineData("a\u0000\u001b[31m\u007f\u0085", "a\\u0000\\u001b[31m\\u007f\\u0085")]
    [InlineData("zero\u200Bwidth\uFEFF\u2066", "zero\\u200bwidth\\ufeff\\u2066")]
    [InlineData("line\nbreak\u2028", "line\\u000abreak\\u2028")]
    [InlineData("tag \U000E0041", "tag \\udb40\\udc41")]
    public void What_cannot_be_seen_is_written_out(string text, string shown) => Assert.Equal(shown, Visible.Of(text));

    [Fact]
    public void Half_a_character_is_written_out() => Assert.Equal("half \\ud83d!", Visible.Of("half \uD83D!"));

    [Fact]
    public void Nothing_that_steers_the_direction_of_writing_is_left_as_it_is()
    {
        foreach (int code in (int[])[0x061C, 0x200E, 0x200F, .. Enumerable.Range(0x202A, 5), .. Enumerable.Range(0x2066, 4)])
            Assert.DoesNotContain((char)code, Visible.Of(new StringBuilder("x").Append((char)code).ToString()));
    }

    /// <summary>No element that only a text could have brought.</summary>
    private static async Task IsUntouched(Visitor visitor) =>
        Assert.Equal(0, await visitor.Page.EvaluateAsync<int>($"() => ({Built})(document)"));

    private const string Built =
        "page => page.querySelectorAll('img, iframe, style, math, base, object, embed, meta[http-equiv], script:not([src^=\"/ui/assets/\"]), "
        + "[onerror], [onload], [onfocus], form[action*=\"example.com\"]').length "
        + "+ [...page.links].filter(link => link.origin !== location.origin).length";
}
