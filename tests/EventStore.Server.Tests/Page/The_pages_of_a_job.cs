using System.Net;
using System.Text.Json.Nodes;
using EventStore.Server.Tests.Fixtures;
using Microsoft.Playwright;

namespace EventStore.Server.Tests.Page;

/// <summary>What a person does on the pages of one job: looks at its history, at one moment, compares two, and goes back.</summary>
[Trait("Category", "Slow")]
[Collection(PageTests.Name)]
public sealed class The_pages_of_a_job(PageFixture served)
{
    private const string Space = PageFixture.OfAlice;

    private readonly string name = $"job-{Guid.NewGuid():N}"[..12];

    private string Job => $"/ui/namespaces/{Space}/jobs/{name}";

    [SkippableTheory]
    [InlineData(ColorScheme.Light, false)]
    [InlineData(ColorScheme.Dark, true)]
    public async Task Show_what_happened_and_by_whom(ColorScheme colours, bool phone)
    {
        long[] revisions = await WriteHistory();
        await using Visitor visitor = await served.SignedIn(colours: colours, phone: phone);

        await visitor.Go(Job);

        await visitor.IsForEverybody();
        string text = await visitor.Text();
        Assert.Contains("6 revisions from", text, StringComparison.Ordinal);
        ILocator items = visitor.Page.Locator(".revisions > li");
        Assert.Equal(6, await items.CountAsync());
        Assert.Matches($@"{revisions[2]}\s+Patched\s+by\s+bob", await items.Nth(3).InnerTextAsync());
        Assert.Matches(@"metadata\.labels\.team\s+before\s*""ml""\s*→\s*after\s*""vision""", await items.Nth(3).InnerTextAsync());
        Assert.Equal(["admin", "bob"], (await visitor.Page.Locator(".legend li bdi").AllInnerTextsAsync()).Order());
        // Each revision is a mark in its lanes, which can be reached by keyboard and says what it is.
        ILocator marks = visitor.Page.Locator("svg.timeline a");
        Assert.Equal(7, await marks.CountAsync()); // one changed a label and the spec
        ILocator mark = marks.Filter(new() { HasText = $"Revision {revisions[1]}: Patched by bob" });
        await mark.FocusAsync();
        await visitor.Leave(() => visitor.Page.Keyboard.PressAsync("Enter"));
        Assert.EndsWith($"{Job}/revisions/{revisions[1]}", visitor.Page.Url, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Zoom_to_a_stretch_of_time_by_the_form_with_scripts_off()
    {
        long[] revisions = await WriteHistory();
        await using Visitor visitor = await served.SignedIn(scripts: false);
        await visitor.Go(Job);
        await visitor.Follow("Later");
        Assert.Contains("from=", visitor.Page.Url, StringComparison.Ordinal);
        await visitor.Follow("All of it");

        DateTimeOffset third = await TimeOf(revisions[2]);
        await visitor.Go($"{Job}?from={Uri.EscapeDataString(third.ToString("O"))}");

        Assert.Contains("4 revisions from", await visitor.Text(), StringComparison.Ordinal);
        await visitor.Page.GetByLabel("From (UTC)").FillAsync("2001-01-01T00:00:01");
        await visitor.Page.GetByLabel("To (UTC)").FillAsync("2001-01-02T00:00:01");
        await visitor.Press("Show", exact: true);
        Assert.Contains("Nothing was changed in this stretch of time.", await visitor.Text(), StringComparison.Ordinal);
        await visitor.Page.GetByLabel("To (UTC)").FillAsync("2000-01-02T00:00:01");
        visitor.Expected = "400";
        await visitor.Press("Show", exact: true);
        Assert.Contains("from must be before to", await visitor.Text(), StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Show_the_object_as_it_was_and_lead_to_the_one_before_and_after()
    {
        long[] revisions = await WriteHistory();
        await using Visitor visitor = await served.SignedIn();
        await visitor.Go($"{Job}/revisions/{revisions[1]}");

        await visitor.IsForEverybody();
        Assert.Contains("  cleanPodPolicy: Running", await Yaml(visitor));
        Assert.Contains("    team: ml", await Yaml(visitor));
        Assert.Contains($"  resourceVersion: \"{revisions[1]}\"", await Yaml(visitor));
        // Beside each line stands who set it last.
        Assert.Equal(
            ["  generation: 2", "  cleanPodPolicy: Running"],
            await LinesSetAt(visitor, revisions[1]));
        Assert.Matches($@"{revisions[1]}\s+bob", await visitor.Page.Locator(".yaml tr", new() { HasText = "cleanPodPolicy" }).InnerTextAsync());
        Assert.Contains("    team: ml", await LinesSetAt(visitor, revisions[0]));
        Assert.Contains(await LinesSetAt(visitor, revisions[0]), line => line.Trim() == "- gloo"); // an item of a list, which is set whole
        await visitor.Follow($"{revisions[2]} →");
        Assert.Contains("    team: vision", await Yaml(visitor));
        await visitor.Follow($"← {revisions[1]}");
        Assert.Contains("    team: ml", await Yaml(visitor));
        await visitor.Page.GoBackAsync();
        Assert.Contains("    team: vision", await Yaml(visitor));

        // By moment: the form takes one, and so does an address.
        string asOf = Uri.EscapeDataString((await TimeOf(revisions[0])).ToString("O"));
        await visitor.Go($"{Job}/at?asOf={asOf}");
        Assert.EndsWith($"/revisions/{revisions[0]}", visitor.Page.Url, StringComparison.Ordinal);
        Assert.DoesNotContain("  cleanPodPolicy: Running", await Yaml(visitor));
        await visitor.Page.GetByLabel("Revision", new() { Exact = true }).FillAsync($"{revisions[3]}");
        await visitor.Leave(() => visitor.Page.Keyboard.PressAsync("Enter"));
        Assert.EndsWith($"/revisions/{revisions[3]}", visitor.Page.Url, StringComparison.Ordinal);
        Assert.Contains("  activeDeadlineSeconds: 77", await Yaml(visitor));
        visitor.Expected = "400|404|504";
        await visitor.Go($"{Job}/at?asOf=2999-01-01T00:00:00Z");
        Assert.Contains("is yet to come", await visitor.Text(), StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Slide_through_the_revisions_by_keyboard()
    {
        long[] revisions = await WriteHistory();
        await using Visitor visitor = await served.SignedIn(phone: true);
        await visitor.Go($"{Job}/revisions/{revisions[1]}");
        ILocator slider = visitor.Page.GetByLabel("Slide through the revisions");
        Assert.Equal("2", await slider.InputValueAsync());
        await visitor.IsForEverybody();

        await slider.PressAsync("ArrowRight");
        await visitor.Page.WaitForURLAsync($"**{Job}/revisions/{revisions[2]}");
        await visitor.Page.Locator(".yaml", new() { HasText = "team: vision" }).WaitForAsync();
        Assert.Matches($@"Revision {revisions[2]}, .+: 3 of 6", await visitor.Page.Locator("#slide output").InnerTextAsync());
        Assert.Matches($@"Revision {revisions[2]}, [0-9]+ [A-Z][a-z]+ 20.+: 3 of 6", await slider.GetAttributeAsync("aria-valuetext"));
        Assert.Contains($"at revision {revisions[2]}", await visitor.Page.TitleAsync(), StringComparison.Ordinal);
        Assert.True(await slider.EvaluateAsync<bool>("each => each === document.activeElement"));
        await slider.PressAsync("End");
        await visitor.Page.WaitForURLAsync($"**{Job}/revisions/{revisions[5]}");
        await visitor.Page.Locator(".yaml", new() { HasText = "startTime" }).WaitForAsync();
        await slider.PressAsync("Home");
        await visitor.Page.WaitForURLAsync($"**{Job}/revisions/{revisions[0]}");
        await visitor.IsForEverybody();
    }

    [SkippableFact]
    public async Task Slide_without_scripts_and_as_far_as_one_may()
    {
        long[] revisions = await WriteHistory();
        await using (Visitor visitor = await served.SignedIn(scripts: false))
        {
            await visitor.Go($"{Job}/revisions/{revisions[1]}");
            await visitor.Page.GetByLabel("Slide through the revisions").FillAsync("4");
            await visitor.Leave(() => visitor.Page.Locator("#slide button").ClickAsync());
            Assert.EndsWith($"/revisions/{revisions[3]}", visitor.Page.Url, StringComparison.Ordinal);
        }

        string uid = (string)(await Current()).Job["metadata"]!["uid"]!;
        using HttpClient admin = await PageClient.SignedIn(served.Server.Url, ServerProcess.AdminToken), alice = await PageClient.SignedIn(served.Server.Url, ServerProcess.AliceToken);
        Assert.DoesNotContain("type=\"range\"", await alice.GetStringAsync($"{Job}/revisions/{revisions[1]}"), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.Forbidden, await Code(alice, $"{Job}/at?uid={uid}&place=1"));
        foreach (string wrong in (string[])[$"uid={uid}&place=7", $"uid={uid}&place=0", $"uid={uid}&place=x", $"uid={Guid.NewGuid()}&place=1"])
            Assert.Equal(HttpStatusCode.BadRequest, await Code(admin, $"{Job}/at?{wrong}"));
        // A job of another name is not looked at through this one.
        await served.Create(Space, name + "-b");
        Assert.Equal(HttpStatusCode.BadRequest, await Code(admin, $"/ui/namespaces/{Space}/jobs/{name}-b/at?uid={uid}&place=1"));
    }

    [SkippableFact]
    public async Task Compare_two_revisions_side_by_side_and_in_one_column()
    {
        long[] revisions = await WriteHistory();
        await using Visitor visitor = await served.SignedIn();
        await visitor.Go(Job);
        await visitor.Page.GetByLabel($"Compare from revision {revisions[0]}", new() { Exact = true }).CheckAsync();
        await visitor.Page.GetByLabel($"Compare to revision {revisions[3]}", new() { Exact = true }).CheckAsync();
        await visitor.Press("Compare the two marked");

        await visitor.IsForEverybody();
        Assert.Equal(["  generation: 1", "    team: ml"], await Texts(visitor, ".diff td.went"));
        Assert.Equal(
            ["  generation: 3", "    team: vision", "  activeDeadlineSeconds: 77", "  cleanPodPolicy: Running"],
            await Texts(visitor, ".diff td.came"));
        ILocator fold = visitor.Page.Locator("details.fold").First;
        Assert.False(await fold.Locator("table").IsVisibleAsync());
        await fold.Locator("summary").FocusAsync();
        await visitor.Page.Keyboard.PressAsync("Enter");
        Assert.True(await fold.Locator("table").IsVisibleAsync());

        await visitor.Follow("Unified");
        await visitor.IsForEverybody();
        Assert.Contains("    team: ml", await Texts(visitor, ".diff tr.went code"));
        Assert.Contains("    team: vision", await Texts(visitor, ".diff tr.came code"));
        string patch = (await visitor.Page.GetByRole(AriaRole.Link, new() { Name = "As merge patch" }).GetAttributeAsync("href"))!;
        using HttpClient client = await PageClient.SignedIn(served.Server.Url, ServerProcess.AdminToken);
        JsonNode answer = JsonNode.Parse(await client.GetStringAsync(patch))!;
        Assert.Equal("vision", (string)answer["mergePatch"]!["metadata"]!["labels"]!["team"]!);
    }

    [SkippableFact]
    public async Task Go_back_after_showing_what_would_change()
    {
        long[] revisions = await WriteHistory();
        await using Visitor visitor = await served.SignedIn(phone: true);
        await visitor.Go(Job);
        await visitor.Follow($"Go back to {revisions[1]}");

        await visitor.IsForEverybody();
        string text = await visitor.Text();
        Assert.Matches(@"This would change[\s\S]*metadata\.labels\.team\s+before\s*""vision""\s*→\s*after\s*""ml""", text);
        Assert.Matches(@"spec\.activeDeadlineSeconds\s+before\s*77\s*→\s*nothing", text);
        Assert.Matches(@"This would stay as it is now[\s\S]*status\.startTime", text);
        Assert.Equal(revisions[5], (await Current()).Number); // a dry run changes nothing
        await visitor.Press("Go back: change these 4 fields");
        Assert.Contains("/revisions/", visitor.Page.Url, StringComparison.Ordinal);
        await visitor.IsForEverybody();
        Assert.Contains("Done.", await visitor.Text(), StringComparison.Ordinal);
        (long now, JsonNode job) = await Current();
        Assert.Contains($"/revisions/{now}", visitor.Page.Url, StringComparison.Ordinal);
        Assert.Equal("ml", (string)job["metadata"]!["labels"]!["team"]!);
        Assert.Null(job["spec"]!["activeDeadlineSeconds"]);
        Assert.Matches($@"{now}\s+RolledBack\s+by\s+admin", await Go(visitor, Job));
    }

    [SkippableFact]
    public async Task Say_who_was_faster_and_change_nothing_then()
    {
        long[] revisions = await WriteHistory();
        await using Visitor visitor = await served.SignedIn();
        await visitor.Go($"{Job}/go-back?revision={revisions[1]}");
        using (HttpClient bob = served.Server.Client(ServerProcess.BobToken))
            await (await bob.Patch(Sample.Job(name, Space), """{"metadata":{"annotations":{"x":"1"}}}""")).Manifest();
        long faster = (await Current()).Number;
        visitor.Expected = "409";

        await visitor.Press("Go back: change these 4 fields");

        string text = await visitor.Text();
        Assert.Contains("Somebody else was faster", text, StringComparison.Ordinal);
        Assert.Matches($@"{faster}\s+Patched\s+by\s+bob", text);
        Assert.Contains("metadata.annotations.x", text, StringComparison.Ordinal);
        Assert.Equal(faster, (await Current()).Number);
        await visitor.IsForEverybody();
        // Looking again shows that change too, and then it can be done.
        await visitor.Follow("Look again");
        await visitor.Press("Go back: change these 5 fields");
        Assert.Contains("/revisions/", visitor.Page.Url, StringComparison.Ordinal);
        Assert.True((await Current()).Number > faster);
    }

    [SkippableFact]
    public async Task Tell_each_reader_what_the_API_would_and_no_more()
    {
        long[] revisions = await WriteHistory();
        using HttpClient alice = await PageClient.SignedIn(served.Server.Url, ServerProcess.AliceToken);

        // She may see the job and, while it lives, as it was; neither its history nor a way back.
        Assert.Equal(HttpStatusCode.Forbidden, await Code(alice, Job));
        Assert.Equal(HttpStatusCode.Forbidden, await Code(alice, $"{Job}/compare?from={revisions[0]}&to={revisions[1]}"));
        Assert.Equal(HttpStatusCode.Forbidden, await Code(alice, $"{Job}/go-back?revision={revisions[1]}"));
        string page = await alice.GetStringAsync($"{Job}/revisions/{revisions[1]}");
        Assert.Contains("team: ml", page, StringComparison.Ordinal);
        Assert.DoesNotContain("bob", page, StringComparison.Ordinal);
        Assert.DoesNotContain("Go back", page, StringComparison.Ordinal);
        Assert.DoesNotContain("/compare", page, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.Forbidden, await Code(alice, $"/ui/namespaces/team-b/jobs/{name}/revisions/{revisions[1]}"));

        // Once it is deleted, she may not see it any more: neither here nor there.
        using (HttpResponseMessage deleted = await served.Server.Admin.DeleteAsync(Sample.Job(name, Space)))
            await deleted.Manifest();
        Assert.Equal(HttpStatusCode.Forbidden, await Code(alice, $"{Job}/revisions/{revisions[1]}"));
        using HttpClient api = served.Server.Client(ServerProcess.AliceToken);
        Assert.Equal(HttpStatusCode.Forbidden, await Code(
            api, $"{Sample.Job(name, Space)}?resourceVersion={revisions[1]}&resourceVersionMatch=Exact"));
        using HttpClient admin = await PageClient.SignedIn(served.Server.Url, ServerProcess.AdminToken);
        Assert.Contains("team: ml", await admin.GetStringAsync($"{Job}/revisions/{revisions[1]}"), StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Refuse_a_form_that_another_site_made()
    {
        long[] revisions = await WriteHistory();
        using HttpClient client = await PageClient.SignedIn(served.Server.Url, ServerProcess.AdminToken);
        using HttpResponseMessage answer = await client.PostAsync($"{Job}/go-back", new FormUrlEncodedContent(
            [new("revision", $"{revisions[1]}"), new("resourceVersion", $"{revisions[5]}")]));
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Equal(revisions[5], (await Current()).Number);
    }

    [SkippableFact]
    public async Task Show_hostile_values_as_text()
    {
        const string hostile = "<img src=x onerror=alert(1)><script>alert(2)</script>\u202edrowssap\u0007\"'";
        const string user = "<b onmouseover=alert(3)>mallory</b>";
        await served.Create(Space, name);
        string patch =
            new JsonObject { ["metadata"] = new JsonObject { ["annotations"] = new JsonObject { ["note"] = hostile } } }.ToJsonString();
        foreach (string text in (string[])[patch, patch.Replace("drowssap", "again", StringComparison.Ordinal)])
            await PatchAs(user, text);
        long now = (await Current()).Number;
        await using Visitor visitor = await served.SignedIn();

        foreach (string page in (string[])["", $"/revisions/{now}", $"/compare?from={now - 1}&to={now}",
            $"/compare?from={now - 1}&to={now}&view=unified", $"/go-back?revision={now - 1}"])
        {
            string text = await Go(visitor, Job + page);
            Assert.Contains("<script>alert(2)</script>", text, StringComparison.Ordinal);
            Assert.Contains("\\u202e", text, StringComparison.Ordinal);
            Assert.DoesNotContain('\u202e', await visitor.Page.ContentAsync());
            Assert.Equal(0, await visitor.Page.Locator("main img, main script, main b[onmouseover]").CountAsync());
        }
    }

    [SkippableFact]
    public async Task Tell_of_every_life_of_a_name()
    {
        long[] revisions = await WriteHistory();
        using (HttpResponseMessage deleted = await served.Server.Admin.DeleteAsync(Sample.Job(name, Space)))
            await deleted.Manifest();
        await using Visitor visitor = await served.SignedIn();
        Assert.Contains("7 revisions", await Go(visitor, Job), StringComparison.Ordinal);
        Assert.Equal(1, await visitor.Page.Locator("svg.timeline rect.life").CountAsync());
        string end = (await visitor.Page.Locator(".revisions > li").First.GetAttributeAsync("id"))!;
        Assert.Contains(
            "No job of this name lived at revision", await Go(visitor, $"{Job}/revisions/{end[1..]}"), StringComparison.Ordinal);
        await visitor.IsForEverybody();

        await served.Create(Space, name);
        long born = (await Current()).Number;

        Assert.Contains("8 revisions", await Go(visitor, Job), StringComparison.Ordinal);
        Assert.Equal(2, await visitor.Page.Locator("svg.timeline rect.life").CountAsync());
        Assert.Contains(
            "two jobs of one name", await Go(visitor, $"{Job}/compare?from={revisions[1]}&to={born}"), StringComparison.Ordinal);
        visitor.Expected = "422|404";
        Assert.Contains(
            "another job of that name lived at that revision", await Go(visitor, $"{Job}/go-back?revision={revisions[1]}"),
            StringComparison.Ordinal);
        Assert.Contains("not found", await Go(visitor, "/ui/namespaces/team-a/jobs/nobody"), StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Bring_back_what_was_deleted_and_keep_why()
    {
        long[] revisions = await WriteHistory();
        using (HttpResponseMessage deleted = await served.Server.Admin.DeleteAsync(Sample.Job(name, Space)))
            await deleted.Manifest();
        await using Visitor visitor = await served.SignedIn();
        await visitor.Go(Job);
        await visitor.Follow("Bring it back");
        await visitor.IsForEverybody();
        Assert.Contains("    team: vision", await Yaml(visitor));
        Assert.DoesNotContain("status:", await Yaml(visitor));
        using (HttpResponseMessage gone = await served.Server.Admin.GetAsync(Sample.Job(name, Space)))
            Assert.Equal(HttpStatusCode.NotFound, gone.StatusCode); // a dry run makes nothing
        await visitor.Page.GetByLabel("Why").FillAsync("deleted by <mistake>");
        await visitor.Press("Bring it back");
        Assert.Contains("/revisions/", visitor.Page.Url, StringComparison.Ordinal);
        Assert.Equal("vision", (string)(await Current()).Job["metadata"]!["labels"]!["team"]!);
        string history = await Go(visitor, Job);
        Assert.Matches(@"Restored\s+by\s+admin", history);
        Assert.Contains("deleted by <mistake>", history, StringComparison.Ordinal);
        Assert.Equal(2, await visitor.Page.Locator("svg.timeline rect.life").CountAsync());
        Assert.Equal(0, await visitor.Page.GetByRole(AriaRole.Link, new() { Name = "Bring it back" }).CountAsync());
        visitor.Expected = "409";
        Assert.Contains("already exists", await Go(visitor, $"{Job}/restore"), StringComparison.Ordinal);
        Assert.True((await Current()).Number > revisions[5]);
    }

    [SkippableFact]
    public async Task Show_many_revisions_in_pages_and_in_bars()
    {
        await served.Create(Space, name);
        for (int i = 0; i < 210; i++)
            await (await served.Server.Admin.Patch(Sample.Job(name, Space), $$$$"""{"metadata":{"labels":{"n":"{{{{i}}}}"}}}"""))
                .Manifest();
        await using Visitor visitor = await served.SignedIn();

        Assert.Contains("211 revisions", await Go(visitor, Job), StringComparison.Ordinal);

        await visitor.IsForEverybody();
        Assert.Equal(50, await visitor.Page.Locator(".revisions > li").CountAsync());
        ILocator bars = visitor.Page.Locator("svg.timeline a")
            .Filter(new() { HasTextRegex = new("Labels and annotations: [0-9]+ changes") });
        Assert.InRange(await bars.CountAsync(), 1, 100);
        var seen = new HashSet<string>();
        while (true)
        {
            foreach (ILocator item in await visitor.Page.Locator(".revisions > li").AllAsync())
                Assert.True(seen.Add((await item.GetAttributeAsync("id"))!));
            ILocator older = visitor.Page.GetByRole(AriaRole.Link, new() { Name = "Older" });
            if (await older.CountAsync() == 0)
                break;
            await visitor.Follow(older);
        }

        Assert.Equal(211, seen.Count);
        // A bar leads nearer, until the revisions themselves are seen.
        await visitor.Go(Job);
        await visitor.Follow(bars.First);
        Assert.Contains("from=", visitor.Page.Url, StringComparison.Ordinal);
        Assert.True(await visitor.Page.Locator("svg.timeline a").Filter(new() { HasText = "Revision " }).CountAsync() > 0);
    }

    /// <summary>
    /// Six revisions: created; bob sets the spec; bob sets a label; a label and the spec by the admin; labels; the status.
    /// </summary>
    private async Task<long[]> WriteHistory()
    {
        await served.Create(Space, name);
        long created = (await Current()).Number;
        using HttpClient bob = served.Server.Client(ServerProcess.BobToken);
        string path = Sample.Job(name, Space);
        return
        [
            created,
            await Revision(bob.Patch(path, """{"spec":{"cleanPodPolicy":"Running"}}""")),
            await Revision(bob.Patch(path, """{"metadata":{"labels":{"team":"vision"}}}""")),
            await Revision(served.Server.Admin.Patch(path, """{"spec":{"activeDeadlineSeconds":77}}""")),
            await Revision(
                served.Server.Admin.Patch(path, """{"metadata":{"labels":{"extra":"1"}},"spec":{"ttlSecondsAfterFinished":9}}""")),
            await Revision(served.Server.Admin.Patch(path + "/status", """{"status":{"startTime":"2026-01-01T00:00:00Z"}}""")),
        ];
    }

    private static async Task<long> Revision(Task<HttpResponseMessage> answer) => long.Parse((await (await answer).Manifest()).Revision());

    private async Task<(long Number, JsonNode Job)> Current()
    {
        JsonNode job = await served.Server.Admin.Get(Sample.Job(name, Space));
        return (long.Parse(job.Revision()), job);
    }

    private async Task<DateTimeOffset> TimeOf(long revision)
    {
        JsonNode found = await served.Server.Admin.Get(
            $"/apis/audit.eventstore.io/v1/namespaces/{Space}/pytorchjobrevisions/{name}.{revision}");
        return (DateTimeOffset)found["time"]!;
    }

    private async Task PatchAs(string user, string patch)
    {
        using var request = new HttpRequestMessage(HttpMethod.Patch, Sample.Job(name, Space))
        {
            Content = Sample.Body(patch, "application/merge-patch+json"),
        };
        request.Headers.TryAddWithoutValidation("Impersonate-User", user);
        request.Headers.TryAddWithoutValidation("Impersonate-Group", "system:masters");
        using HttpResponseMessage answer = await served.Server.Admin.SendAsync(request);
        await answer.Manifest();
    }

    private static async Task<HttpStatusCode> Code(HttpClient client, string path)
    {
        using HttpResponseMessage answer = await client.GetAsync(path);
        return answer.StatusCode;
    }

    private static async Task<string> Go(Visitor visitor, string path)
    {
        await visitor.Go(path);
        return await visitor.Text();
    }

    private static Task<IReadOnlyList<string>> LinesSetAt(Visitor visitor, long revision) =>
        Texts(visitor, $".yaml tr[data-set='{revision}'] code");

    private static Task<IReadOnlyList<string>> Yaml(Visitor visitor) => Texts(visitor, ".yaml code");

    private static async Task<IReadOnlyList<string>> Texts(Visitor visitor, string selector) =>
        [.. (await visitor.Page.Locator(selector).AllTextContentsAsync())];
}
