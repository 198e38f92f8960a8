using System.Net;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using EventStore.Server.Tests.Fixtures;
using FsCheck.Xunit;

namespace EventStore.Server.Tests.Page;

/// <summary>Every page shows what the API would list to the same person, and nothing else.</summary>
[Trait("Category", "Slow")]
[Collection(PageTests.Name)]
public sealed partial class Rights_of_readers(PageFixture fixture)
{
    [SkippableFact]
    public async Task Two_people_see_what_each_may()
    {
        PageFixture.NeedsChromium();
        await fixture.Create(PageFixture.OfAlice, "seen-by-alice");
        await fixture.Create("team-secret", "seen-by-others");
        await using (Visitor admin = await fixture.SignedIn())
        {
            await admin.Go("/ui/jobs?name=seen-by-");
            Assert.Equal(["seen-by-alice", "seen-by-others"], await admin.Names());
            Assert.Contains("admin", await admin.Page.Locator("tbody tr").First.InnerTextAsync(), StringComparison.Ordinal);
        }

        await using Visitor alice = await fixture.SignedIn(ServerProcess.AliceToken, expected: "403");
        Assert.Contains("You may not see this", await alice.Text(), StringComparison.Ordinal);
        Assert.Contains("You may be allowed to see one namespace", await alice.Text(), StringComparison.Ordinal);
        await alice.IsForEverybody();
        await alice.Page.GetByLabel("Namespace").FillAsync(PageFixture.OfAlice);
        await alice.Press("Show");
        Assert.Contains("namespace=team-a", alice.Page.Url, StringComparison.Ordinal);
        Assert.Contains("seen-by-alice", await alice.Names());
        string page = await alice.Page.ContentAsync();
        Assert.DoesNotContain("team-secret", page, StringComparison.Ordinal); // not even among the choices
        Assert.DoesNotContain("admin", page, StringComparison.Ordinal); // who changed it is history
        foreach (string path in (string[])["/ui/jobs?namespace=team-secret", "/ui/jobs?namespace=team-a&show=deleted",
            "/ui/jobs?namespace=team-a&by=admin", "/ui/activity?namespace=team-a"])
        {
            await alice.Go(path);
            Assert.Contains("You may not see this", await alice.Text(), StringComparison.Ordinal);
        }
    }

    [Property(MaxTest = 6)]
    public void The_page_shows_what_the_API_lists_whatever_the_rules_are(int seed) => Compare(seed).GetAwaiter().GetResult();

    private async Task Compare(int seed)
    {
        foreach (string name in (string[])["a", "b", "c"])
        {
            foreach (string @namespace in (string[])["ml", "nlp"])
                // It is there already, mostly.
                (await fixture.Server.Admin.PostAsync(Sample.Jobs(@namespace), Sample.Body(Sample.Manifest(name)))).Dispose();
        }

        DirectoryInfo rules = Directory.CreateTempSubdirectory("rules-");
        string text = new Access.RandomAccess(seed).Rules();
        await File.WriteAllTextAsync(Path.Combine(rules.FullName, "rules.yaml"), text);
        await using ServerProcess server = await ServerProcess.Start(fixture.Database.Serving, "--authorization-rbac-dir", rules.FullName);
        rules.Delete(recursive: true);
        using HttpClient page = await PageClient.SignedIn(server.Url, ServerProcess.AliceToken),
            api = server.Client(ServerProcess.AliceToken);
        foreach (string? @namespace in (string?[])[null, "ml", "nlp", "default"])
        {
            string query = @namespace is null ? "" : $"namespace={@namespace}",
                path = @namespace is null ? "" : $"/namespaces/{@namespace}";
            (HttpStatusCode jobs, JsonNode? list) = await Ask(api, $"/apis/kubeflow.org/v1{path}/pytorchjobs");
            (HttpStatusCode revisions, JsonNode? history) = await Ask(
                api, $"/apis/audit.eventstore.io/v1{path}/pytorchjobrevisions?limit=50");
            (HttpStatusCode namespaces, _) = await Ask(api, "/api/v1/namespaces");
            string about = $"seed {seed}, namespace {@namespace}:\n{text}";

            using HttpResponseMessage shown = await page.GetAsync($"/ui/jobs?{query}&labelSelector=app%3Dtest");
            Assert.True(jobs == shown.StatusCode, about);
            string html = await shown.Content.ReadAsStringAsync();
            if (list is not null)
            {
                Assert.Equal(
                    list["items"]!.AsArray().Where(job => (string?)job!["metadata"]!["labels"]?["app"] == "test")
                        .Select(job => $"/ui/namespaces/{job!["metadata"]!["namespace"]}/jobs/{job["metadata"]!["name"]}").Take(50),
                    JobLinks().Matches(html).Select(match => match.Groups[1].Value));
                Assert.True((revisions == HttpStatusCode.OK) == html.Contains(">By</th>", StringComparison.Ordinal), about);
                Assert.True((namespaces == HttpStatusCode.OK) == Namespaces().IsMatch(html), about);
            }

            using HttpResponseMessage activity = await page.GetAsync($"/ui/activity?{query}");
            Assert.True(revisions == activity.StatusCode, about);
            if (history is not null)
            {
                Assert.Equal(
                    history["items"]!.AsArray().Select(each => (string)each!["metadata"]!["resourceVersion"]!),
                    RevisionLinks().Matches(await activity.Content.ReadAsStringAsync()).Select(match => match.Groups[1].Value));
            }

            Assert.Equal(
                (await Ask(api, "/metrics")).Code, (await page.GetAsync("/ui/server")).StatusCode);
        }

        foreach (string @namespace in (string[])["ml", "nlp"])
        {
            foreach (string name in (string[])["a", "b", "c"])
                await CompareJob(page, api, @namespace, name, $"seed {seed}, job {@namespace}/{name}:\n{text}");
        }
    }

    private async Task CompareJob(HttpClient page, HttpClient api, string @namespace, string name, string about)
    {
        string job = Sample.Job(name, @namespace), pages = $"/ui/namespaces/{@namespace}/jobs/{name}";
        string now = (await fixture.Server.Admin.Get(job)).Revision();
        (HttpStatusCode revisions, _) = await Ask(api, $"/apis/audit.eventstore.io/v1/namespaces/{@namespace}/pytorchjobrevisions?limit=1");
        (HttpStatusCode past, _) = await Ask(api, $"{job}?resourceVersion={now}&resourceVersionMatch=Exact");
        (HttpStatusCode blame, _) = await Ask(api, $"{job}/blame");
        (HttpStatusCode difference, _) = await Ask(api, $"{job}/diff?from={now}&to={now}");
        (bool rollback, bool restore) = (await May(api, @namespace, name, "rollback"), await May(api, @namespace, name, "restore"));
        (bool get, HttpStatusCode living) = (await May(api, @namespace, name, "", "get"), (await Ask(api, job)).Code);
        Assert.True(get == (living == HttpStatusCode.OK), about);

        (HttpStatusCode shown, string history) = await Show(page, pages);
        Assert.True(revisions == shown, about);
        Assert.True(shown != HttpStatusCode.OK || get == history.Contains("Show the job</button>", StringComparison.Ordinal), about);
        (shown, string then) = await Show(page, $"{pages}/revisions/{now}");
        Assert.True(past == shown, about);
        if (shown == HttpStatusCode.OK)
        {
            Assert.True((blame == HttpStatusCode.OK) == then.Contains("Last set by", StringComparison.Ordinal), about);
            // Else it says by whom.
            Assert.True((revisions == HttpStatusCode.OK) != then.Contains(">Last changed ", StringComparison.Ordinal), about);
        }

        Assert.True(difference == (await Show(page, $"{pages}/compare?from={now}&to={now}")).Code, about);
        Assert.True(difference == (await Show(page, $"{pages}/compare/patch?from={now}&to={now}")).Code, about);
        Assert.True((rollback && get) == ((await Show(page, $"{pages}/go-back?revision={now}")).Code == HttpStatusCode.OK), about);
        // The job lives, so whoever may bring jobs back is told that there is one, if he may see it.
        Assert.True(restore == ((await Show(page, $"{pages}/restore")).Code != HttpStatusCode.Forbidden), about);
    }

    private static async Task<(HttpStatusCode Code, string Html)> Show(HttpClient page, string path)
    {
        using HttpResponseMessage answer = await page.GetAsync(path);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }

    private static async Task<bool> May(HttpClient api, string @namespace, string name, string part, string verb = "create")
    {
        var asked = new JsonObject
        {
            ["apiVersion"] = "authorization.k8s.io/v1",
            ["kind"] = "SelfSubjectAccessReview",
            ["spec"] = new JsonObject
            {
                ["resourceAttributes"] = new JsonObject
                {
                    ["group"] = "kubeflow.org",
                    ["resource"] = "pytorchjobs",
                    ["subresource"] = part,
                    ["verb"] = verb,
                    ["namespace"] = @namespace,
                    ["name"] = name,
                },
            },
        };
        using HttpResponseMessage answer = await api.PostAsync(
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", Sample.Body(asked.ToJsonString()));
        return (bool)JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["status"]!["allowed"]!;
    }

    private static async Task<(HttpStatusCode Code, JsonNode? Body)> Ask(HttpClient api, string path)
    {
        using HttpResponseMessage answer = await api.GetAsync(path);
        bool isJson = answer.IsSuccessStatusCode && answer.Content.Headers.ContentType?.MediaType == "application/json";
        return (answer.StatusCode, isJson ? JsonNode.Parse(await answer.Content.ReadAsStringAsync()) : null);
    }

    [GeneratedRegex("""<th scope="row"><a href="([^"]*)">""")]
    private static partial Regex JobLinks();

    [GeneratedRegex("""<th scope="row" class="number"><a href="[^"]*/revisions/([0-9]+)">""")]
    private static partial Regex RevisionLinks();

    [GeneratedRegex("""<datalist id="namespaces">\s*<option""")]
    private static partial Regex Namespaces();
}
