using System.Net.Http.Headers;
using System.Runtime.Versioning;
using EventStore.Server.Tests.Fixtures;
using Microsoft.Playwright;

namespace EventStore.Server.Tests.Page;

/// <summary>The server as the README's first command starts it: with a database, a token and a folder of its own.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class AsTheReadmeStartsIt : IAsyncLifetime
{
    private readonly string root = Directory.CreateTempSubdirectory("walk-").FullName;
    private ProgramRun? run;

    /// <summary>Where it serves.</summary>
    public Uri Url { get; private set; } = null!;

    /// <summary>The token it made for its administrator.</summary>
    public string Token { get; private set; } = "";

    /// <summary>The API, as the administrator.</summary>
    public HttpClient Api { get; private set; } = null!;

    /// <inheritdoc/>
    public async Task InitializeAsync()
    {
        File.SetUnixFileMode(root, (UnixFileMode)Convert.ToInt32("711", 8)); // the account PostgreSQL runs as passes through
        string folder = Path.Combine(root, "data");
        run = ProgramRun.Start(new Dictionary<string, string?>(), "--data", folder, "--urls", "http://127.0.0.1:0");
        Url = await run.Serving();
        await run.Says("curl         ");
        Token = (await File.ReadAllTextAsync(Path.Combine(folder, "tokens.csv"))).Split(',')[0];
        Api = new HttpClient
        {
            BaseAddress = Url,
            DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", Token) },
        };
    }

    /// <inheritdoc/>
    public async Task DisposeAsync()
    {
        Api?.Dispose();
        if (run is not null)
        {
            run.Signal("INT");
            await run.End();
            await run.DisposeAsync();
        }

        Directory.Delete(root, recursive: true);
    }
}

/// <summary>All a person can do, one after the other, as the README's reader finds it.</summary>
[Trait("Category", "Slow")]
[Collection(PageTests.Name), UnsupportedOSPlatform("windows")]
public sealed class A_walk_through_the_page(PageFixture page, AsTheReadmeStartsIt started) : IClassFixture<AsTheReadmeStartsIt>
{
    [SkippableTheory]
    [InlineData("first", ColorScheme.Light, false)]
    [InlineData("second", ColorScheme.Dark, true)]
    public async Task Leads_from_the_address_to_a_job_its_past_and_back(string space, ColorScheme colours, bool phone)
    {
        PageFixture.NeedsChromium();
        string job = Sample.Job("mnist", space);
        await started.Api.Create("mnist", space);
        await started.Api.Create("other", space);
        (await started.Api.DeleteAsync(Sample.Job("other", space))).Dispose();
        foreach (string patch in (string[])["""{"spec":{"cleanPodPolicy":"Running"}}""", """{"metadata":{"labels":{"team":"vision"}}}"""])
            await (await started.Api.Patch(job, patch)).Manifest();
        await using Visitor visitor = await page.Visit(colours, phone, server: started.Url);

        await FindTheJobs(visitor, space);
        await FollowItsPast(visitor);
        await GoBackToTheFirst(visitor, job);
        await SeeWhoDidAllThat(visitor, space);
        await LeaveByTheServer(visitor);
    }

    /// <summary>1 and 2. The address leads to the form, the form to the jobs, and they are live.</summary>
    private async Task FindTheJobs(Visitor visitor, string space)
    {
        await visitor.Go("/");
        await visitor.Page.GetByLabel("Token").FillAsync(started.Token);
        await visitor.Press("Sign in");
        Assert.EndsWith("/ui/jobs", visitor.Page.Url, StringComparison.Ordinal);
        await visitor.Page.GetByLabel("Namespace").FillAsync(space);
        await visitor.Press("Filter");
        Assert.Equal(["mnist"], await visitor.Names());
        await Copies(visitor);
        await visitor.Page.GetByText("Live", new() { Exact = true }).WaitForAsync();
        await started.Api.Create("resnet", space);
        await visitor.Page.GetByRole(AriaRole.Link, new() { Name = "resnet" }).WaitForAsync();
        await visitor.Follow("Deleted");
        Assert.Equal(["other"], await visitor.Names());
        await visitor.Page.GoBackAsync();
    }

    /// <summary>Its timeline, its objects, and two of them compared.</summary>
    private static async Task FollowItsPast(Visitor visitor)
    {
        // 3. Its timeline.
        await visitor.Follow("mnist");
        await Copies(visitor);
        Assert.Contains("3 revisions from", await visitor.Text(), StringComparison.Ordinal);
        ILocator mark = visitor.Page.Locator("svg.timeline a").Filter(new() { HasText = "cleanPodPolicy" });
        await mark.FocusAsync();
        await visitor.Leave(() => visitor.Page.Keyboard.PressAsync("Enter"));

        // 4. The object with blame, and the slider back to the beginning.
        Assert.Contains("  cleanPodPolicy: Running", await visitor.Page.Locator(".yaml code").AllTextContentsAsync());
        Assert.Contains(
            "admin", await visitor.Page.Locator(".yaml tr", new() { HasText = "cleanPodPolicy" }).InnerTextAsync(),
            StringComparison.Ordinal);
        await visitor.Page.GetByLabel("Slide through the revisions").PressAsync("Home");
        await visitor.Page.Locator(".yaml", new() { HasNotText = "cleanPodPolicy" }).WaitForAsync();
        await Copies(visitor);

        // 5. Two of them compared.
        await visitor.Follow("History");
        await visitor.Page.GetByLabel("Compare from revision").Last.CheckAsync();
        await visitor.Press("Compare the two marked");
        Assert.Contains("    team: vision", await visitor.Page.Locator(".diff td.came").AllTextContentsAsync());
        await Copies(visitor);
    }

    /// <summary>6. Back to the first.</summary>
    private async Task GoBackToTheFirst(Visitor visitor, string job)
    {
        await visitor.Follow(visitor.Page.GetByRole(AriaRole.Link, new() { Name = "Go back to" }));
        await visitor.IsForEverybody();
        await visitor.Press("Go back: change");
        Assert.Contains("Done.", await visitor.Text(), StringComparison.Ordinal);
        Assert.Null((await started.Api.Get(job))["spec"]!["cleanPodPolicy"]);
    }

    /// <summary>7. Who did all that.</summary>
    private static async Task SeeWhoDidAllThat(Visitor visitor, string space)
    {
        await visitor.Go($"/ui/activity?namespace={space}&user=admin&verb=RolledBack");
        Assert.Single(await visitor.Names());
        await Copies(visitor);
    }

    /// <summary>8. How the server is, and out.</summary>
    private static async Task LeaveByTheServer(Visitor visitor)
    {
        await visitor.Follow("Server", exact: true);
        Assert.Contains("Checkpoint of the history", await visitor.Text(), StringComparison.Ordinal);
        await Copies(visitor);
        await visitor.Press("Sign out");
        Assert.EndsWith("/ui/sign-in", visitor.Page.Url, StringComparison.Ordinal);
    }

    /// <summary>9. Each view is a kubectl and a curl command; and each is for everybody.</summary>
    private static async Task Copies(Visitor visitor)
    {
        await visitor.IsForEverybody();
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
