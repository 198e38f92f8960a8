using EventStore.Server.Tests.Fixtures;
using Microsoft.Playwright;

namespace EventStore.Server.Tests.Page;

/// <summary>
/// The pictures of the README are of the page as it is: this test takes them. With <c>UPDATE_PICTURES=1</c> it puts them in their place;
/// else it only makes sure that they could be taken and that those in the README are there.
/// </summary>
[Trait("Category", "Slow")]
[Collection(PageTests.Name)]
public sealed class Pictures(PageFixture fixture)
{
    private const int BytesMax = 150 * 1024;

    private static bool IsUpdate => Environment.GetEnvironmentVariable("UPDATE_PICTURES") == "1";

    [SkippableTheory]
    [InlineData("jobs", "/ui/jobs?namespace=demo", ColorScheme.Light)]
    [InlineData("activity", "/ui/activity?namespace=demo", ColorScheme.Dark)]
    [InlineData("server", "/ui/server", ColorScheme.Light)]
    [InlineData("timeline", "/ui/namespaces/demo/jobs/gpt2-small", ColorScheme.Light)]
    public async Task Are_small_and_of_the_page_as_it_is(string name, string path, ColorScheme colours)
    {
        PageFixture.NeedsChromium();
        await Populate();
        await using Visitor visitor = await fixture.SignedIn(colours: colours);
        if (name == "server" && IsUpdate)
            await KeepBusy();
        if (name == "timeline")
            await LiveThroughALot();
        await visitor.Page.SetViewportSizeAsync(1120, 620);
        await visitor.Go(path);
        byte[] picture = await visitor.Page.ScreenshotAsync();
        Assert.InRange(picture.Length, 1, BytesMax);
        string file = Repository.PathOf($"src/docs/images/{name}.png");
        if (IsUpdate)
            await File.WriteAllBytesAsync(file, picture);
        Assert.InRange(new FileInfo(file).Length, 1, BytesMax);
        string readme = Repository.Read("README.md");
        Assert.Contains($"src/docs/images/{name}.png", readme, StringComparison.Ordinal);
    }

    private async Task Populate()
    {
        (string Name, string User, string? State)[] jobs =
        [
            ("bert-pretrain", "alice@example.com", "Running"), ("llama-finetune", "bob@example.com", "Failed"),
            ("mnist", "alice@example.com", "Succeeded"),
            ("resnet50", "carol@example.com", "Running"), ("whisper-small", "bob@example.com", "Created"),
        ];
        foreach ((string name, string user, string? state) in jobs)
        {
            if ((await fixture.Server.Admin.GetAsync(Sample.Job(name, "demo"))).IsSuccessStatusCode)
                continue;
            await fixture.Create("demo", name);
            await As(
                "operator", Sample.Job(name, "demo") + "/status",
                """{"status":{"conditions":[{"type":"STATE","status":"True"}]}}""".Replace("STATE", state, StringComparison.Ordinal));
            await As(user, Sample.Job(name, "demo"), """{"spec":{"cleanPodPolicy":"All"}}""");
            await As(user, Sample.Job(name, "demo"), """{"metadata":{"labels":{"team":"research"}}}""");
        }
    }

    /// <summary>A little of everything for as long as the charts need to have something to show.</summary>
    private async Task KeepBusy()
    {
        for (var started = System.Diagnostics.Stopwatch.StartNew(); started.Elapsed < TimeSpan.FromSeconds(60);)
        {
            int count = Random.Shared.Next(1, 60);
            for (int i = 0; i < count; i++)
                await As("operator", Sample.Job("mnist", "demo"), """{"metadata":{"annotations":{"step":"N"}}}""".Replace(
                    "N", $"{Random.Shared.Next()}", StringComparison.Ordinal));
            await Task.Delay(Random.Shared.Next(2000));
        }
    }

    /// <summary>A job with two lives: made, tuned by several people while an operator reports on it, deleted, and brought back.</summary>
    private async Task LiveThroughALot()
    {
        const string name = "gpt2-small";
        string job = Sample.Job(name, "demo");
        if ((await fixture.Server.Admin.GetAsync(job)).IsSuccessStatusCode)
            return;
        await fixture.Create("demo", name);
        await Report("Created");
        await As("alice@example.com", job, """{"metadata":{"labels":{"team":"language"}}}""");
        await Report("Running");
        foreach ((string user, string patch) in ((string, string)[])
        [
            ("bob@example.com", """{"spec":{"activeDeadlineSeconds":7200}}"""),
            ("carol@example.com", """{"metadata":{"annotations":{"run":"41"}}}"""),
            ("alice@example.com", """{"spec":{"cleanPodPolicy":"All"}}"""),
            ("bob@example.com", """{"spec":{"activeDeadlineSeconds":14400},"metadata":{"labels":{"priority":"high"}}}"""),
            ("carol@example.com", """{"metadata":{"annotations":{"run":"42"}}}"""),
        ])
        {
            for (int i = 0; i < 3; i++)
                await Report($"{i}");
            await As(user, job, patch);
        }

        await Report("Failed");
        using (HttpResponseMessage deleted = await Send("bob@example.com", HttpMethod.Delete, job, null))
            Assert.True(deleted.IsSuccessStatusCode, await deleted.Content.ReadAsStringAsync());
        await Pause(3);
        using (HttpResponseMessage restored = await Send("alice@example.com", HttpMethod.Post, job + "/restore", "{}"))
            Assert.True(restored.IsSuccessStatusCode, await restored.Content.ReadAsStringAsync());
        await Pause(1);
        await Report("Running");
        await As("alice@example.com", job, """{"spec":{"ttlSecondsAfterFinished":600}}""");
        await Report("Succeeded");

        async Task Report(string state)
        {
            await As("operator", job + "/status", """{"status":{"conditions":[{"type":"STATE","status":"True"}]}}""".Replace(
                "STATE", state, StringComparison.Ordinal));
            await Pause(1);
        }
    }

    /// <summary>A picture that is kept shows a stretch of time; a test needs none.</summary>
    private static Task Pause(double seconds) =>
        IsUpdate ? Task.Delay(TimeSpan.FromSeconds(seconds * (0.5 + Random.Shared.NextDouble()))) : Task.CompletedTask;

    private async Task As(string user, string path, string patch)
    {
        using HttpResponseMessage answer = await Send(user, HttpMethod.Patch, path, patch);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
    }

    private async Task<HttpResponseMessage> Send(string user, HttpMethod method, string path, string? body)
    {
        using var request = new HttpRequestMessage(method, path)
        {
            Content = body is null ? null : Sample.Body(
                body, method == HttpMethod.Patch ? "application/merge-patch+json" : "application/json"),
        };
        request.Headers.Add("Impersonate-User", user);
        request.Headers.Add("Impersonate-Group", "system:masters");
        return await fixture.Server.Admin.SendAsync(request);
    }
}
