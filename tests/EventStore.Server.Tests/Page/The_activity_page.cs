using EventStore.Server.Tests.Fixtures;
using Microsoft.Playwright;

namespace EventStore.Server.Tests.Page;

/// <summary>Who changed what, as somebody looks for it.</summary>
[Trait("Category", "Slow")]
[Collection(PageTests.Name)]
public sealed class The_activity_page(PageFixture fixture)
{
    [SkippableFact]
    public async Task Narrows_by_user_verb_field_and_job_and_leads_to_each_revision()
    {
        PageFixture.NeedsChromium();
        await fixture.Create("act-a", "one");
        await fixture.Create("act-a", "two");
        using HttpClient bob = fixture.Server.Client(ServerProcess.BobToken);
        (await bob.Patch(Sample.Job("one", "act-a"), """{"metadata":{"labels":{"team":"nlp"}}}""")).Dispose();
        (await bob.Patch(Sample.Job("two", "act-a"), """{"metadata":{"annotations":{"note":"x"}}}""")).Dispose();
        (await bob.DeleteAsync(Sample.Job("two", "act-a"))).Dispose();
        await using Visitor visitor = await fixture.SignedIn();
        await visitor.Go("/ui/activity?namespace=act-a");
        Assert.Equal(5, (await visitor.Names()).Count);
        await Filter("User", "bob");
        Assert.Equal(3, (await visitor.Names()).Count);
        await Filter("Field", "metadata.labels");
        string row = await visitor.Page.Locator("tbody tr").InnerTextAsync();
        Assert.Contains("metadata.labels.team", row, StringComparison.Ordinal);
        Assert.Matches(@"ml\s*→\s*nlp", row);
        await Filter("Field", "");
        await visitor.Page.Locator("select[name=verb]").SelectOptionAsync("Deleted");
        await Filter("Job", "two");
        string number = Assert.Single(await visitor.Names());
        Assert.Equal(
            $"/ui/namespaces/act-a/jobs/two/revisions/{number}",
            await visitor.Page.GetByRole(AriaRole.Link, new() { Name = number }).GetAttributeAsync("href"));
        await visitor.IsForEverybody();

        async Task Filter(string label, string value)
        {
            await visitor.Page.GetByLabel(label, new() { Exact = true }).FillAsync(value);
            await visitor.Press("Filter");
        }
    }

    [SkippableFact]
    public async Task Goes_back_page_by_page_and_none_is_missing()
    {
        PageFixture.NeedsChromium();
        await fixture.Create("act-b", "often");
        for (int i = 0; i < 70; i++)
            (await fixture.Server.Admin.Patch(Sample.Job("often", "act-b"),
                """{"metadata":{"labels":{"n":"NUMBER"}}}""".Replace("NUMBER", $"{i}", StringComparison.Ordinal))).Dispose();
        await using Visitor visitor = await fixture.SignedIn();
        await visitor.Go("/ui/activity?namespace=act-b");
        var seen = new List<string>(await visitor.Names());
        Assert.Equal(50, seen.Count);
        await visitor.Follow("Earlier");
        Assert.Contains("before=", visitor.Page.Url, StringComparison.Ordinal);
        seen.AddRange(await visitor.Names());
        Assert.Equal(71, seen.Distinct().Count());
        Assert.Equal(seen.Select(long.Parse).OrderDescending(), seen.Select(long.Parse));
    }

    [SkippableFact]
    public async Task Is_live()
    {
        PageFixture.NeedsChromium();
        await fixture.Create("act-c", "first");
        await using Visitor visitor = await fixture.SignedIn();
        await visitor.Go("/ui/activity?namespace=act-c");
        await visitor.Page.GetByText("Live", new() { Exact = true }).WaitForAsync();
        await fixture.Create("act-c", "second");
        await visitor.Page.GetByRole(AriaRole.Link, new() { Name = "second" }).WaitForAsync();
    }

    [SkippableFact]
    public async Task Counts_by_day_where_the_activity_is_counted()
    {
        PageFixture.NeedsChromium();
        await using ServerProcess counting = await ServerProcess.Start(fixture.Database.Serving, "--activity", "on");
        await fixture.Create("act-d", "counted");
        (await fixture.Server.Client(ServerProcess.BobToken)
            .Patch(Sample.Job("counted", "act-d"), """{"metadata":{"labels":{"team":"nlp"}}}""")).Dispose();
        string head = (await fixture.Server.Admin.Get(Sample.Jobs("act-d"))).Revision();
        (await counting.Admin.GetAsync($"/apis/audit.eventstore.io/v1/activity?resourceVersion={head}")).EnsureSuccessStatusCode();
        await using Visitor visitor = await fixture.Visit(server: counting.Url);
        await visitor.SignIn(ServerProcess.AdminToken);
        await visitor.Go("/ui/activity?namespace=act-d");
        ILocator chart = visitor.Page.Locator("figure svg");
        Assert.Contains("by day (UTC), 2 in all", await chart.GetAttributeAsync("aria-label"), StringComparison.Ordinal);
        await visitor.Go("/ui/activity?namespace=act-d&user=bob&path=metadata.labels");
        Assert.Contains("by day (UTC), 1 in all", await chart.GetAttributeAsync("aria-label"), StringComparison.Ordinal);
        foreach (string window in (string[])
            ["until=9999-12-31", "until=0001-01-05", "since=9999-12-31", "since=2030-01-01&until=2020-01-01"])
            await visitor.Go($"/ui/activity?{window}"); // its end finds what the browser was told in vain
        // A single label is not counted by itself: then the chart is of what is listed, and says so.
        (await fixture.Server.Client(ServerProcess.BobToken)
            .Patch(Sample.Job("counted", "act-d"), """{"metadata":{"labels":{"team":"vision"}}}""")).Dispose();
        await visitor.Go("/ui/activity?namespace=act-d&path=metadata.labels.team");
        Assert.Contains("the changes on this page, 2 in all", await chart.GetAttributeAsync("aria-label"), StringComparison.Ordinal);
    }
}
