using EventStore.Server.Tests.Fixtures;
using Microsoft.Playwright;

namespace EventStore.Server.Tests.Page;

/// <summary>How the server is, as an operator looks at it.</summary>
[Trait("Category", "Slow")]
[Collection(PageTests.Name)]
public sealed class The_server_page(PageFixture fixture)
{
    [SkippableFact]
    public async Task Shows_checks_and_charts_and_the_checkpoint_to_copy()
    {
        await using Visitor visitor = await fixture.SignedIn(phone: true, colours: ColorScheme.Dark);
        await visitor.Go("/ui/server");
        string text = await visitor.Text();
        foreach (string line in (await fixture.Server.Admin.GetStringAsync("/readyz?verbose")).Split('\n').Where(line => line.StartsWith(
            "[+]", StringComparison.Ordinal)))
            Assert.Contains(line.Split(' ')[0][3..], text, StringComparison.Ordinal);
        Assert.Contains("MiB", text, StringComparison.Ordinal);
        string hash = (string)(await fixture.Server.Admin.Get("/apis/audit.eventstore.io/v1/checkpoint"))["hash"]!;
        await visitor.Page.GetByRole(AriaRole.Button, new() { Name = "Copy the checkpoint" }).ClickAsync();
        await visitor.HasCopied(hash);
        await visitor.IsForEverybody();
    }

    [Fact]
    public async Task Counts_what_was_changed()
    {
        using HttpClient client = await PageClient.SignedIn(fixture.Server.Url, ServerProcess.AdminToken);
        int i = 0;
        string page;
        do
        {
            await fixture.Create("state-a", $"counted-{i++}");
            Assert.True(i < 1000, "no sample counts what was created");
            await Task.Delay(100);
            page = await client.GetStringAsync("/ui/server");
        }
        while (page.Contains("Changes per second in the last ten minutes, now 0\"", StringComparison.Ordinal)); // until the next sample
        Assert.Contains("Time of a commit in the last ten minutes, now", page, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Is_not_for_whoever_may_not_read_the_metrics()
    {
        await using Visitor visitor = await fixture.SignedIn(ServerProcess.AliceToken, expected: "403");
        await visitor.Go("/ui/server");
        Assert.Contains("You may not see this", await visitor.Text(), StringComparison.Ordinal);
        Assert.DoesNotContain("MiB", await visitor.Text(), StringComparison.Ordinal);
    }
}
