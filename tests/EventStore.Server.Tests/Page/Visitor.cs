using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;

namespace EventStore.Server.Tests.Page;

/// <summary>
/// Somebody in front of a browser. Whatever the browser complains of fails the test in the end: errors of scripts, what the policy kept
/// from running, a dialog, a request to another machine.
/// </summary>
public sealed class Visitor : IAsyncDisposable
{
    private readonly List<string> complaints = [];

    internal Visitor(IBrowserContext context, IPage page)
    {
        (Context, Page) = (context, page);
        page.Console += (_, message) => Note(message.Type == "error" && !IsExpected(message.Text), $"console: {message.Text}");
        page.PageError += (_, error) => Note(true, $"script: {error}");
        page.Dialog += (_, dialog) =>
        {
            Note(true, $"dialog: {dialog.Message}");
            _ = dialog.DismissAsync();
        };
        page.Request += (_, request) =>
            Note(new Uri(request.Url) is { Host: not "127.0.0.1", Scheme: not ("blob" or "data") }, $"request: {request.Url}");
    }

    /// <summary>The window.</summary>
    public IPage Page { get; }

    /// <summary>The browser with its cookies.</summary>
    public IBrowserContext Context { get; }

    /// <summary>What the browser may say without the test failing: a pattern for what a test provokes.</summary>
    public string Expected { get; set; } = "";

    /// <summary>Signs in by the form.</summary>
    public async Task SignIn(string token)
    {
        await Page.GotoAsync("/ui/sign-in");
        await Page.GetByLabel("Token").FillAsync(token);
        await Leave(() => Page.GetByRole(AriaRole.Button, new() { Name = "Sign in" }).ClickAsync());
        Assert.Contains("/ui/jobs", Page.Url, StringComparison.Ordinal);
    }

    /// <summary>
    /// Does what leads to another page, and waits until that page is whole: until its last element is there, in another document than this.
    /// A page that is live keeps a request open, so the browser never falls silent; and an address may be the same before and after.
    /// </summary>
    public async Task Leave(Func<Task> act)
    {
        await Page.EvaluateAsync("document.documentElement.dataset.left = ''");
        await act();
        await Page.Locator("html:not([data-left]) #live-state").WaitForAsync(new() { State = WaitForSelectorState.Attached });
    }

    /// <summary>Follows a link, and waits for the page it leads to.</summary>
    public Task Follow(ILocator link) => Leave(() => link.ClickAsync());

    /// <summary>Follows the link of that name.</summary>
    public Task Follow(string link, bool exact = false) => Follow(Page.GetByRole(AriaRole.Link, new() { Name = link, Exact = exact }));

    /// <summary>Presses the button of that name, which sends a form.</summary>
    public Task Press(string button, bool exact = false) =>
        Leave(() => Page.GetByRole(AriaRole.Button, new() { Name = button, Exact = exact }).ClickAsync());

    /// <summary>Changes the colours and the width of the window, with the page in it.</summary>
    public async Task Turn(ColorScheme colours, bool phone)
    {
        await Page.EmulateMediaAsync(new() { ColorScheme = colours });
        await Page.SetViewportSizeAsync(
            phone ? PageFixture.Phone.Width : PageFixture.Desk.Width, phone ? PageFixture.Phone.Height : PageFixture.Desk.Height);
    }

    /// <summary>Goes to a page.</summary>
    public Task Go(string path) => Page.GotoAsync(path);

    /// <summary>Waits until the clipboard holds what ends so: the page copies when it comes to it.</summary>
    public async Task HasCopied(string end)
    {
        string copied = "";
        for (int i = 0; i < 1000 && !copied.EndsWith(end, StringComparison.Ordinal); i++)
        {
            await Task.Delay(i);
            copied = await Page.EvaluateAsync<string>("navigator.clipboard.readText()");
        }

        Assert.EndsWith(end, copied, StringComparison.Ordinal);
    }

    /// <summary>The text of the page's content.</summary>
    public Task<string> Text() => Page.Locator("main").InnerTextAsync();

    /// <summary>The first cell of each row of the list, in order.</summary>
    public async Task<IReadOnlyList<string>> Names() => await Page.Locator("table.rows tbody th").AllInnerTextsAsync();

    /// <summary>Fails for each thing that keeps somebody from using the page, and when it is wider than the window.</summary>
    public async Task IsForEverybody()
    {
        AxeResult result = await Page.RunAxe();
        Assert.Equal([], result.Violations.Select(
            each => $"{Page.Url}: {each.Id}: {each.Help}: {string.Join(" | ", each.Nodes.Select(node => node.Html))}"));
        Assert.True(
            await Page.EvaluateAsync<bool>("document.documentElement.scrollWidth <= innerWidth"), $"{Page.Url} is wider than the window");
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Context.CloseAsync();
        lock (complaints)
            Assert.True(complaints.Count == 0, string.Join('\n', complaints));
    }

    private bool IsExpected(string text) => Expected.Length > 0 && System.Text.RegularExpressions.Regex.IsMatch(text, Expected);

    private void Note(bool isWrong, string complaint)
    {
        if (!isWrong)
            return;
        lock (complaints)
            complaints.Add(complaint);
    }
}
