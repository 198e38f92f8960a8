using EventStore.Server.Tests.Fixtures;
using Microsoft.Playwright;

namespace EventStore.Server.Tests.Page;

/// <summary>The list of jobs as somebody uses it.</summary>
[Trait("Category", "Slow")]
[Collection(PageTests.Name)]
public sealed class The_list_of_jobs(PageFixture fixture)
{
    [SkippableFact]
    public async Task Shows_name_state_last_change_and_by_whom_and_leads_to_the_job()
    {
        PageFixture.NeedsChromium();
        await fixture.Create("list-a", "mnist");
        (await fixture.Server.Client(ServerProcess.BobToken).Patch(
            Sample.Job("mnist", "list-a") + "/status", """{"status":{"conditions":[{"type":"Running","status":"True"}]}}""")).Dispose();
        await using Visitor visitor = await fixture.SignedIn();
        await visitor.Go("/ui/jobs?namespace=list-a");
        string row = await visitor.Page.Locator("tbody tr").InnerTextAsync();
        Assert.Contains("mnist", row, StringComparison.Ordinal);
        Assert.Contains("Running", row, StringComparison.Ordinal);
        Assert.Contains("bob", row, StringComparison.Ordinal);
        Assert.Equal(
            "/ui/namespaces/list-a/jobs/mnist",
            await visitor.Page.GetByRole(AriaRole.Link, new() { Name = "mnist" }).GetAttributeAsync("href"));
    }

    [SkippableFact]
    public async Task Narrows_by_each_filter_of_the_form()
    {
        PageFixture.NeedsChromium();
        await fixture.Create("list-b", "bert-large", """{"team":"nlp"}""");
        await fixture.Create("list-b", "bert-small", """{"team":"nlp","tier":"test"}""");
        await fixture.Create("list-c", "resnet", """{"team":"vision"}""");
        (await fixture.Server.Client(ServerProcess.BobToken).Patch(
            Sample.Job("bert-small", "list-b") + "/status", """{"status":{"conditions":[{"type":"Failed","status":"True"}]}}""")).Dispose();
        await using Visitor visitor = await fixture.SignedIn();
        await visitor.Go("/ui/jobs");
        await Filter(("Namespace", "list-b"));
        Assert.Equal(["bert-large", "bert-small"], await visitor.Names());
        await Filter(("Labels", "tier=test"));
        Assert.Equal(["bert-small"], await visitor.Names());
        await Filter(("Labels", "tier!=test"), ("Name contains", "LARGE"));
        Assert.Equal(["bert-large"], await visitor.Names());
        await Filter(("Labels", ""), ("Name contains", ""), ("State", "failed"));
        Assert.Equal(["bert-small"], await visitor.Names());
        await Filter(("State", ""), ("Changed by", "bob"));
        Assert.Equal(["bert-small"], await visitor.Names());
        await visitor.Page.Locator("select[name=since]").SelectOptionAsync("1h");
        await Filter(("Changed by", "admin"));
        Assert.Equal(["bert-large"], await visitor.Names());
        Assert.Contains("since=1h", visitor.Page.Url, StringComparison.Ordinal);
        await visitor.Page.GoBackAsync(); // what was filtered before is still an address
        Assert.Equal(["bert-small"], await visitor.Names());
        await visitor.Go("/ui/jobs?namespace=list-b&since=2999-01-01T00:00:00Z");
        Assert.Contains("No job fits", await visitor.Text(), StringComparison.Ordinal);

        async Task Filter(params (string Label, string Value)[] fields)
        {
            foreach ((string label, string value) in fields)
                await visitor.Page.GetByLabel(label, new() { Exact = true }).FillAsync(value);
            await visitor.Press("Filter");
        }
    }

    [SkippableFact]
    public async Task Comes_in_pages_in_the_order_of_names_and_none_is_missing()
    {
        PageFixture.NeedsChromium();
        string[] names = [.. Enumerable.Range(0, 120).Select(i => $"paged-{i:d3}")];
        await Parallel.ForEachAsync(
            names, new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (name, _) => await fixture.Create("list-d", name));
        await using Visitor visitor = await fixture.SignedIn();
        await visitor.Go("/ui/jobs?namespace=list-d");
        var seen = new List<string>(await visitor.Names());
        Assert.Equal(50, seen.Count);
        while (await visitor.Page.GetByRole(AriaRole.Link, new() { Name = "Next page" }).IsVisibleAsync())
        {
            await visitor.Follow("Next page");
            seen.AddRange(await visitor.Names());
        }

        Assert.Equal(names, seen);
    }

    [SkippableFact]
    public async Task Has_the_deleted_ones_behind_a_switch()
    {
        PageFixture.NeedsChromium();
        await fixture.Create("list-e", "stays");
        await fixture.Create("list-e", "goes");
        (await fixture.Server.Client(ServerProcess.BobToken).DeleteAsync(Sample.Job("goes", "list-e"))).Dispose();
        await using Visitor visitor = await fixture.SignedIn();
        await visitor.Go("/ui/jobs?namespace=list-e");
        Assert.Equal(["stays"], await visitor.Names());
        await visitor.Follow("Deleted");
        Assert.Contains("show=deleted", visitor.Page.Url, StringComparison.Ordinal);
        Assert.Equal(["goes"], await visitor.Names());
        Assert.Contains("bob", await visitor.Page.Locator("tbody tr").InnerTextAsync(), StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Is_live_and_keeps_what_somebody_is_typing()
    {
        PageFixture.NeedsChromium();
        await fixture.Create("list-f", "first");
        await using Visitor visitor = await fixture.SignedIn();
        await visitor.Go("/ui/jobs?namespace=list-f");
        await visitor.Page.GetByText("Live", new() { Exact = true }).WaitForAsync();
        await visitor.Page.GetByLabel("Name contains").FillAsync("half a wo");
        await visitor.Page.EvaluateAsync("document.querySelector('tbody tr').dataset.here = 'still'");
        await fixture.Create("list-f", "second");
        await visitor.Page.GetByRole(AriaRole.Link, new() { Name = "second" }).WaitForAsync();
        Assert.Equal("half a wo", await visitor.Page.GetByLabel("Name contains").InputValueAsync());
        // What is the same is left alone.
        Assert.Equal(["first"], await visitor.Page.Locator("tbody tr[data-here=still] th").AllInnerTextsAsync());
        (await fixture.Server.Admin.DeleteAsync(Sample.Job("first", "list-f"))).Dispose();
        await visitor.Page.GetByRole(AriaRole.Link, new() { Name = "first" }).WaitForAsync(new() { State = WaitForSelectorState.Detached });
    }

    [SkippableFact]
    public async Task Is_for_everybody_with_its_commands_too_and_has_them_without_scripts()
    {
        PageFixture.NeedsChromium();
        await fixture.Create("list-g", "seen");
        foreach (bool scripts in (bool[])[true, false])
        {
            await using Visitor visitor = await fixture.SignedIn(colours: ColorScheme.Dark, phone: true, scripts: scripts);
            await visitor.Go("/ui/jobs?namespace=list-g");
            Assert.Equal(["seen"], await visitor.Names());
            await visitor.Page.Locator("summary").ClickAsync();
            if (scripts)
                await visitor.IsForEverybody();
            Assert.Contains("kubectl get pytorchjobs -n list-g", await visitor.Text(), StringComparison.Ordinal);
        }
    }
}
