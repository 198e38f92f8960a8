using System.Globalization;
using System.Text.RegularExpressions;
using EventStore.Server.Tests.Fixtures;
using Microsoft.Playwright;

namespace EventStore.Server.Tests.Page;

/// <summary>Moments are told in the zone of whoever reads them, and in UTC when they are pointed at.</summary>
[Trait("Category", "Slow")]
[Collection(PageTests.Name)]
public sealed class The_readers_zone(PageFixture fixture)
{
    private const string Space = "zones", Job = "/ui/namespaces/zones/jobs/there";
    private static readonly TimeSpan Kathmandu = new(5, 45, 0);

    /// <summary>What is still in UTC, though it is no hover. What jobs hold, and commands, are not the page's to translate.</summary>
    private const string InUtc = """
        () => {
            const utc = /\d{4}-\d\d-\d\d/, found = [], beside = /\(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\)/g;
            const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
            while (texts.nextNode()) {
                const each = texts.currentNode, within = each.parentElement;
                if (within.closest('code, ins, del, q') || within.matches('text > title')) continue;
                if (utc.test(each.data.replace(beside, ''))) found.push(`${within.outerHTML}`);
            }
            for (const each of document.querySelectorAll('main *')) {
                const hovers = each.matches('time, input[data-moment], option');
                for (const name of ['title', 'aria-label', 'aria-valuetext', 'alt', 'placeholder'])
                    if (!(hovers && name === 'title') && utc.test(each.getAttribute(name) ?? '')) found.push(`${name} of ${each.outerHTML}`);
                if (each.matches('input:not([type=hidden], [data-moment])') && utc.test(each.value)) found.push(`value of ${each.outerHTML}`);
                if (each.matches('text[data-time]') && !each.querySelector('title')) found.push(each.outerHTML);
                if (each.matches('time') && !each.dataset.formatted) found.push(each.outerHTML);
                if (each.matches('[data-zone]') && !each.textContent.includes('Kat')) found.push(each.outerHTML);
            }
            return found;
        }
        """;

    [SkippableFact]
    public async Task Is_that_of_every_moment_on_every_page()
    {
        PageFixture.NeedsChromium();
        long[] revisions = await Revisions();
        await using Visitor visitor = await fixture.SignedIn(zone: "Asia/Kathmandu", expected: "400");
        const string from = "2026-01-01T00:00:00Z", to = "2090-01-01T00:00:00Z";
        var pages = new List<(string Path, int Hovers)>
        {
            ($"/ui/jobs?namespace={Space}", 0), ($"/ui/jobs?namespace={Space}&since={from}", 0), ("/ui/server", 0),
            ($"/ui/activity?namespace={Space}", 60), ($"/ui/activity?namespace={Space}&since={from}&until={to}", 60),
            (Job, revisions.Length), ($"{Job}?from={from}&to={to}", revisions.Length),
            ($"{Job}/revisions/{revisions[0]}", 0), ($"{Job}/compare?from={revisions[0]}&to={revisions[^1]}", 0),
            ($"{Job}/go-back?revision={revisions[0]}", 0), ($"{Job}/at?asOf={to}", 0),
        };
        foreach ((string path, int hovers) in pages)
        {
            await visitor.Go(path);
            string[] inUtc = await visitor.Page.EvaluateAsync<string[]>(InUtc);
            Assert.Equal([], inUtc);
            Assert.Equal(hovers, await visitor.Page.Locator("svg title time[data-as=hover]").CountAsync());
        }

        // What they are told to be is the same moment.
        await visitor.Go($"/ui/activity?namespace={Space}");
        ILocator time = visitor.Page.Locator("tbody time").First;
        DateTimeOffset at = Of(await time.GetAttributeAsync("datetime"));
        Assert.Equal(Shown(at), await time.InnerTextAsync());
        Assert.Equal(
            at.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss.ffffff 'UTC'", CultureInfo.InvariantCulture),
            await time.GetAttributeAsync("title"));
        ILocator bar = visitor.Page.Locator("figure svg rect").First;
        Assert.Matches(
            $@"^{Hover(Of(await bar.Locator("time").First.GetAttributeAsync("datetime")))} to .+\): [0-9]+$",
            await bar.Locator("title").TextContentAsync());

        await visitor.Go(Job);
        ILocator tick = visitor.Page.Locator("svg.timeline text[data-time]").First;
        DateTimeOffset round = Of(await tick.GetAttributeAsync("data-time"));
        Assert.Equal(
            (round.ToOffset(Kathmandu).ToString("HH:mm:ss", CultureInfo.InvariantCulture), round.UtcDateTime.ToString(
                "HH:mm:ss", CultureInfo.InvariantCulture)),
            (Seconds(await tick.EvaluateAsync<string>("tick => tick.firstChild.data")), Seconds(
                await tick.Locator("title").TextContentAsync())));
        ILocator mark = visitor.Page.Locator("svg.timeline a").First;
        await Assertions.Expect(mark).ToHaveAccessibleNameAsync(new Regex(
            $"^Revision {revisions[0]}: Created by admin, {Hover(Of(await mark.Locator("time").GetAttributeAsync("datetime")))}"));
    }

    /// <summary>A day of UTC begins at a quarter to six there.</summary>
    [SkippableFact]
    public async Task Has_days_that_begin_at_another_hour()
    {
        PageFixture.NeedsChromium();
        await Revisions();
        await using Visitor visitor = await fixture.SignedIn(zone: "Asia/Kathmandu");
        await visitor.Go($"{Job}?from={DateTimeOffset.UtcNow.AddDays(-3):yyyy-MM-dd}T00:00:00Z");
        ILocator tick = visitor.Page.Locator("svg.timeline text[data-time]").First;
        DateTimeOffset midnight = Of(await tick.GetAttributeAsync("data-time"));
        Assert.Equal(TimeSpan.Zero, midnight.TimeOfDay);
        Assert.Equal(midnight.ToString("dd/MM, '05:45'", CultureInfo.InvariantCulture), await tick.EvaluateAsync<string>(
            "tick => tick.firstChild.data"));
    }

    [SkippableFact]
    public async Task Is_that_of_the_fields_too_which_are_sent_in_UTC()
    {
        PageFixture.NeedsChromium();
        long[] revisions = await Revisions();
        await using Visitor visitor = await fixture.SignedIn(zone: "Asia/Kathmandu", expected: "400");
        await visitor.Go($"{Job}?from=2026-01-01T00:00:00Z&to=2090-01-01T00:00:00Z");
        ILocator from = visitor.Page.GetByLabel("From (Asia/Kat");
        Assert.Equal("2026-01-01T05:45", await from.InputValueAsync());
        Assert.Equal("2026-01-01 00:00:00 UTC", await from.GetAttributeAsync("title"));
        await from.FillAsync("2026-02-01T00:00:01");
        Assert.Equal("2026-01-31 18:15:01 UTC", await from.GetAttributeAsync("title"));
        await visitor.Press("Show", exact: true);
        Assert.Contains("from=2026-01-31T18%3A15%3A01&to=2090-01-01T00%3A00%3A00", visitor.Page.Url, StringComparison.Ordinal);
        // Left as it is, a moment stays what it was.
        await visitor.Press("Show", exact: true);
        Assert.Contains("from=2026-01-31T18%3A15%3A01&to=2090-01-01T00%3A00%3A00", visitor.Page.Url, StringComparison.Ordinal);
        await visitor.Press("Show the job");
        Assert.Contains("1 Jan 2090, 05:45:00 is yet to come", await visitor.Text(), StringComparison.Ordinal);
        await visitor.Go($"{Job}/revisions/{revisions[^1]}");
        ILocator asOf = visitor.Page.GetByLabel("As of (Asia/Kat");
        await asOf.PressAsync("Enter");
        await visitor.Page.WaitForURLAsync($"**{Job}/revisions/{revisions[^1]}");
    }

    private static DateTimeOffset Of(string? text) => DateTimeOffset.Parse(text ?? "", CultureInfo.InvariantCulture);

    private static string Shown(DateTimeOffset at) => at.ToOffset(Kathmandu).ToString("d MMM yyyy, HH:mm:ss", CultureInfo.InvariantCulture);

    private static string Hover(DateTimeOffset at) =>
        Regex.Escape($"{Shown(at)} ({at.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss 'UTC'", CultureInfo.InvariantCulture)})");

    private static string Seconds(string? text) => Regex.Match(text ?? "", "[0-9]{2}:[0-9]{2}:[0-9]{2}").Value;

    /// <summary>A job with a few revisions, seconds apart or less.</summary>
    private async Task<long[]> Revisions()
    {
        HttpClient admin = fixture.Server.Admin;
        using (HttpResponseMessage found = await admin.GetAsync(Sample.Job("there", Space)))
        {
            if (!found.IsSuccessStatusCode)
            {
                await fixture.Create(Space, "there");
                for (int i = 0; i < 2; i++)
                    await (await admin.Patch(Sample.Job("there", Space), $$$$"""{"metadata":{"labels":{"n":"{{{{i}}}}"}}}""")).Manifest();
            }
        }

        var list = await admin.Get($"/apis/audit.eventstore.io/v1/namespaces/{Space}/pytorchjobrevisions");
        return [.. list["items"]!.AsArray()
            .Select(item => long.Parse((string)item!["metadata"]!["resourceVersion"]!, CultureInfo.InvariantCulture)).Order()];
    }
}
