using System.Net;
using System.Text;
using EventStore.Server.Page;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Page;

/// <summary>Many who look at the same cost little more than one, and nobody is shown what is not for them, or no longer so.</summary>
[Trait("Category", "Slow")]
[Collection(PageTests.Name)]
public sealed class Pages_that_are_live(PageFixture fixture)
{

    [Fact]
    public async Task Are_made_once_for_all_who_ask_meanwhile()
    {
        using var fragments = new LiveFragments();
        var made = new TaskCompletionSource();
        int count = 0;
        Task<LiveFragment>[] asked = [.. Enumerable.Range(0, 50).Select(_ => fragments.Get("view", 7, Make, default))];
        made.SetResult();
        LiveFragment[] given = await Task.WhenAll(asked);
        Assert.Equal(1, count);
        Assert.All(given, each => Assert.Same(given[0], each));
        Assert.Same(given[0], await fragments.Get("view", 6, Make, default));
        Assert.NotSame(given[0], await fragments.Get("view with other rights", 7, Make, default));

        async Task<LiveFragment> Make()
        {
            Interlocked.Increment(ref count);
            await made.Task;
            return LiveFragment.Of(7, "content"u8.ToArray());
        }
    }

    [Fact]
    public async Task Are_never_older_than_what_whoever_asks_was_told_of()
    {
        using var fragments = new LiveFragments();
        var first = new TaskCompletionSource<LiveFragment>();
        Task<LiveFragment> early = fragments.Get("view", 5, () => first.Task, default);
        Task<LiveFragment> late = fragments.Get("view", 6, () => Task.FromResult(LiveFragment.Of(6, "new"u8.ToArray())), default);
        first.SetResult(LiveFragment.Of(5, "old"u8.ToArray()));
        Assert.Equal((5, 6), ((await early).Head, (await late).Head));
        Assert.Equal(6, (await fragments.Get("view", 5, () => throw new InvalidOperationException("it is kept"), default)).Head);
    }

    [Fact]
    public async Task Are_made_by_another_when_who_made_them_left()
    {
        using var fragments = new LiveFragments();
        var first = new TaskCompletionSource<LiveFragment>();
        Task<LiveFragment> leaves = fragments.Get("view", 5, () => first.Task, default);
        Task<LiveFragment> stays = fragments.Get("view", 5, () => Task.FromResult(LiveFragment.Of(5, "made"u8.ToArray())), default);
        first.SetCanceled();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaves);
        Assert.Equal(5, (await stays).Head);
    }

    [Fact]
    public async Task Are_kept_within_a_bound_of_bytes()
    {
        using var fragments = new LiveFragments();
        byte[] html = new byte[100_000];
        for (int i = 0; i < 100; i++)
            await fragments.Get($"view {i}", 1, () => Task.FromResult(new LiveFragment(1, html, [], "")), default);
        Assert.InRange(fragments.Kept, 1, LiveFragments.BytesMax / html.Length);
    }

    [Fact]
    public void Are_told_of_changes_the_less_often_the_more_there_are_and_for_fifty_within_half_a_second()
    {
        TimeSpan[] pauses = [.. ((int[])[0, 1, 10, 50, 200, 1_000_000]).Select(streams => LiveViews.PauseOf(streams, 1))];
        Assert.Equal(pauses.Order(), pauses);
        Assert.True(LiveViews.PauseOf(50, 1_000) > pauses[3]);
        Assert.InRange(pauses[3], TimeSpan.FromMilliseconds(200), TimeSpan.FromMilliseconds(450));
        Assert.InRange(pauses[^1], pauses[4] + TimeSpan.FromTicks(1), TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task Are_given_their_content_alone_and_only_when_it_is_another()
    {
        await fixture.Create("content", "first");
        using HttpClient admin = await PageClient.SignedIn(fixture.Server.Url, ServerProcess.AdminToken);
        foreach (string path in (string[])
            ["/ui/jobs?namespace=content", "/ui/activity?namespace=content", "/ui/namespaces/content/jobs/first"])
        {
            using HttpResponseMessage first = await Content(admin, path, "1");
            string html = await first.Content.ReadAsStringAsync();
            Assert.StartsWith("<main ", html.TrimStart(), StringComparison.Ordinal);
            Assert.EndsWith("</main>", html.TrimEnd(), StringComparison.Ordinal);
            Assert.DoesNotContain("form-token", html, StringComparison.Ordinal); // that is another one for each reader
            Assert.True(first.Headers.CacheControl!.NoStore);
            Assert.Contains("default-src 'self'", first.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
            string head = (await (await fixture.Server.Admin.Patch(Sample.Job("first", "content"),
                """{"metadata":{"labels":{"team":"PATH"}}}""".Replace("PATH", $"{path.Length}", StringComparison.Ordinal))).Manifest())
                .Revision();
            await fixture.Create("elsewhere", $"job-{Guid.NewGuid():N}"[..12]); // which moves the head, and nothing on the page
            using HttpResponseMessage changed = await Content(admin, path, head, first.Headers.ETag!.ToString());
            Assert.Equal(HttpStatusCode.OK, changed.StatusCode);
            Assert.Contains(head, await changed.Content.ReadAsStringAsync(), StringComparison.Ordinal);
            string elsewhere = (await fixture.Server.Admin.Get(Sample.Jobs("elsewhere"))).Revision();
            using HttpResponseMessage same = await Content(admin, path, elsewhere, changed.Headers.ETag!.ToString());
            Assert.Equal(HttpStatusCode.NotModified, same.StatusCode);
            using HttpResponseMessage wrong = await Content(admin, path, "soon");
            Assert.Equal(HttpStatusCode.BadRequest, wrong.StatusCode);
        }

        (string, HttpStatusCode)[] refusals =
            [("/ui/namespaces/content/jobs/nobody", HttpStatusCode.NotFound),
                ("/ui/namespaces/content/jobs/first?from=soon", HttpStatusCode.BadRequest)];
        foreach ((string path, HttpStatusCode code) in refusals)
        {
            using HttpResponseMessage refused = await Content(admin, path, "1");
            Assert.Equal(code, refused.StatusCode);
        }
    }

    /// <summary>Who asks first has more rights than who asks next for the same address.</summary>
    [Fact]
    public async Task Are_shared_by_those_of_the_same_rights_alone()
    {
        const string path = $"/ui/jobs?namespace={PageFixture.OfAlice}&name=shared-by";
        await fixture.Create(PageFixture.OfAlice, "shared-by-all");
        string head = (await fixture.Server.Admin.Get(Sample.Jobs(PageFixture.OfAlice))).Revision();
        using HttpClient admin = await PageClient.SignedIn(fixture.Server.Url, ServerProcess.AdminToken), alice = await PageClient.SignedIn(
            fixture.Server.Url, ServerProcess.AliceToken);
        using HttpResponseMessage admins = await Content(admin, path, head), hers = await Content(alice, path, head);
        (string all, string some) = (await admins.Content.ReadAsStringAsync(), await hers.Content.ReadAsStringAsync());
        Assert.All([all, some], html => Assert.Contains("shared-by-all", html, StringComparison.Ordinal));
        Assert.Contains("admin", all, StringComparison.Ordinal);
        Assert.DoesNotContain("admin", some, StringComparison.Ordinal);
        using HttpResponseMessage refused = await Content(alice, "/ui/jobs?namespace=content", head);
        Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
    }

    [Theory]
    [InlineData("/ui/jobs/live?namespace=told")]
    [InlineData("/ui/activity/live?namespace=told")]
    [InlineData("/ui/activity/live?namespace=told&user=admin&verb=Created")]
    [InlineData("/ui/activity/live?user=admin&verb=Created&job=wanted")]
    [InlineData("/ui/activity/live?namespace=told&job=wanted")]
    public async Task Are_told_of_what_concerns_them_and_of_nothing_else(string path)
    {
        await fixture.Create("told", $"made-before-{Guid.NewGuid():N}"[..20]);
        string head = (await fixture.Server.Admin.Get(Sample.Jobs("told"))).Revision();
        using HttpClient admin = await PageClient.SignedIn(fixture.Server.Url, ServerProcess.AdminToken);
        using HttpResponseMessage answer = await admin.GetAsync($"{path}&from={head}", HttpCompletionOption.ResponseHeadersRead);
        using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync(), Encoding.UTF8);
        Assert.Equal($"id: {head}", await Next(lines, "id:"));
        // All pages are told of what was read together: once another page is told of its change, the next one is told of apart from it.
        using HttpResponseMessage others = await admin.GetAsync(
            $"/ui/jobs/live?namespace=untold&from={head}", HttpCompletionOption.ResponseHeadersRead);
        using var linesOfOthers = new StreamReader(await others.Content.ReadAsStreamAsync(), Encoding.UTF8);
        long other = 0;
        for (int i = 0; i < 2; i++) // of the first it may learn as it begins, before the pages are told
        {
            await fixture.Create("untold", $"job-{Guid.NewGuid():N}"[..12]);
            other = long.Parse((await fixture.Server.Admin.Get(Sample.Jobs("untold"))).Revision());
            while (await Told(linesOfOthers) < other)
            {
            }
        }

        (await fixture.Server.Admin.DeleteAsync(Sample.Job("wanted", "told"))).Dispose();
        await fixture.Create("told", "wanted");
        long told = await Told(lines);
        Assert.True(told > other, $"told of {told}, and {other} is another's");
    }

    [Fact]
    public async Task Are_told_of_what_happened_between_the_page_and_its_stream()
    {
        await fixture.Create("between", "first");
        using HttpClient admin = await PageClient.SignedIn(fixture.Server.Url, ServerProcess.AdminToken);
        string head = (await fixture.Server.Admin.Get(Sample.Jobs("between"))).Revision();
        string now = (await (await fixture.Server.Admin.Patch(Sample.Job("first", "between"), """{"metadata":{"labels":{"team":"nlp"}}}"""))
            .Manifest()).Revision();
        using HttpResponseMessage answer = await admin.GetAsync(
            $"/ui/jobs/live?namespace=between&from={head}", HttpCompletionOption.ResponseHeadersRead);
        using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync(), Encoding.UTF8);
        Assert.True(await Told(lines) >= long.Parse(now));
    }

    private static async Task<long> Told(StreamReader lines) => long.Parse((await Next(lines, "data:"))["data: ".Length..]);

    private static async Task<string> Next(StreamReader lines, string begin)
    {
        string line;
        do
            line = await lines.ReadLineAsync().WaitAsync(Eventually.Deadline) ?? throw new EndOfStreamException();
        while (!line.StartsWith(begin, StringComparison.Ordinal));
        return line;
    }

    private static async Task<HttpResponseMessage> Content(HttpClient client, string path, string revision, string? tag = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Add("Live-Revision", revision);
        if (tag is not null)
            request.Headers.TryAddWithoutValidation("If-None-Match", tag);
        return await client.SendAsync(request);
    }
}
