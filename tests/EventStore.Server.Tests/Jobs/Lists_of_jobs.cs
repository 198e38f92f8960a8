using System.Text;
using System.Text.Json.Nodes;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Jobs;

/// <summary>Lists over HTTP: their order, what selects, and what a list looks like that is empty, large or refused.</summary>
public sealed class Lists_of_jobs(ServedDatabase served) : IClassFixture<ServedDatabase>
{
    private HttpClient Admin => served.Server.Admin;

    [Fact]
    public async Task Come_in_the_order_of_the_bytes_of_namespace_and_name()
    {
        // As one text "a-b/…" stands before "a/…", for '-' is less than '/'; and "a1" behind both.
        foreach ((string @namespace, string name) in ((string, string)[])[("order", "b"), ("order1", "a"), ("order-b", "z"),
            ("order", "a-1"), ("order", "a")])
            await Admin.Create(name, @namespace);
        JsonNode list = await Admin.Get("/apis/kubeflow.org/v1/pytorchjobs");
        Assert.Equal(
            ["order-b/z", "order/a", "order/a-1", "order/b", "order1/a"],
            list["items"]!.AsArray().Select(job => $"{job!["metadata"]!["namespace"]}/{job["metadata"]!["name"]}")
                .Where(key => key.StartsWith("order", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("labelSelector=tier%3Dgold", "one,two")]
    [InlineData("labelSelector=tier!%3Dgold", "three")]
    [InlineData("labelSelector=tier+in+(gold,silver),n>1", "two,three")]
    [InlineData("labelSelector=!absent,n", "one,two,three")]
    [InlineData("labelSelector=tier+notin+(gold,silver)", "")]
    [InlineData("labelSelector=tier+in+(gold)", "one,two")]
    [InlineData("labelSelector=n<2", "one")]
    [InlineData("labelSelector=name%3Dpytorch", "")] // what stands elsewhere in a job is no label
    [InlineData("labelSelector=restartPolicy", "")]
    [InlineData("fieldSelector=metadata.name%3Dtwo", "two")]
    [InlineData("fieldSelector=metadata.name!%3Dtwo", "one,three")]
    [InlineData("fieldSelector=metadata.namespace%3Delsewhere", "")]
    [InlineData("labelSelector=tier%3Dgold&fieldSelector=metadata.name%3Done", "one")]
    [InlineData("limit=-1", "one,two,three")]
    [InlineData("resourceVersion=0", "one,two,three")]
    public async Task Hold_what_the_selectors_select(string query, string names)
    {
        foreach ((string name, string labels) in ((string, string)[])[
            ("one", """{"tier":"gold","n":"1"}"""), ("two", """{"tier":"gold","n":"2"}"""), ("three", """{"tier":"silver","n":"3"}""")])
            await Admin.PostAsync(Sample.Jobs("selected"), Sample.Body(Sample.Manifest(name, labels)));

        JsonNode list = await Admin.Get($"{Sample.Jobs("selected")}?{query}");

        Assert.Equal(
            names.Split(',', StringSplitOptions.RemoveEmptyEntries).Order(),
            list["items"]!.AsArray().Select(job => (string)job!["metadata"]!["name"]!).Order());
    }

    [Theory]
    [InlineData("labelSelector=a%3Db%3Dc")]
    [InlineData("labelSelector=a+in+(b")]
    [InlineData("labelSelector=%00")]
    [InlineData("fieldSelector=metadata.name")]
    [InlineData("fieldSelector=metadata.name%3Da%00")] // PostgreSQL cannot even be asked for U+0000
    [InlineData("watch=true&fieldSelector=metadata.name%3Da%00")]
    [InlineData("fieldSelector=spec.x%3D1")]
    [InlineData("limit=x")]
    [InlineData("resourceVersion=abc")]
    [InlineData("continue=zzz")]
    public async Task That_cannot_be_asked_for_so_are_refused(string query) =>
        await (await Admin.GetAsync($"{Sample.Jobs()}?{query}")).Manifest(400);

    [Theory]
    [InlineData("kube-test/a\0b\0")] // PostgreSQL cannot even be asked for U+0000
    [InlineData("kube-test\0")]
    [InlineData("kube-test//a\0")]
    public async Task Are_not_continued_from_a_key_that_is_none(string start)
    {
        string token =
            Convert.ToBase64String(Encoding.UTF8.GetBytes($$"""{"v":"meta.k8s.io/v1","rv":1,"start":{{Sample.Quoted(start)}}}"""))
            .TrimEnd('=').Replace('+', '-').Replace('/', '_');
        JsonNode status = await (await Admin.GetAsync($"{Sample.Jobs()}?continue={token}")).Manifest(400);
        Assert.StartsWith("invalid continue token: ", (string)status["message"]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task That_are_empty_have_items_all_the_same()
    {
        string revision = (string)(await Admin.Get(Sample.Jobs("nothing")))["metadata"]!["resourceVersion"]!;
        string plain = await Admin.GetStringAsync(Sample.Jobs("nothing") + "?pretty=false");
        string pretty = await Admin.GetStringAsync(Sample.Jobs("nothing") + "?pretty=true");
        Assert.Matches(
            """^\{"apiVersion":"kubeflow.org/v1","items":\[\],"kind":"PyTorchJobList","metadata":\{"continue":"","resourceVersion":"[0-9]+","selfLink":"/apis/kubeflow.org/v1/namespaces/nothing/pytorchjobs"\}\}$""",
            plain);
        Assert.StartsWith(
            "{\n  \"apiVersion\": \"kubeflow.org/v1\",\n  \"items\": [],\n  \"kind\": \"PyTorchJobList\",\n", pretty,
            StringComparison.Ordinal);
        Assert.True(long.Parse(revision) >= 1);
    }

    [Fact]
    public async Task That_are_large_are_sent_in_pieces_and_whole()
    {
        string note = new('x', 30_000);
        for (int i = 0; i < 8; i++)
            await (await Admin.PostAsync(Sample.Jobs("large"),
                Sample.Body(Sample.Manifest($"n{i}", metadata: $",\"annotations\":{{\"note\":\"{note}\"}}")))).Manifest(201);

        foreach (string query in (string[])["", "?pretty=1"])
        {
            using HttpResponseMessage answer = await Admin.GetAsync(Sample.Jobs("large") + query, HttpCompletionOption.ResponseHeadersRead);
            Assert.True(answer.Headers.TransferEncodingChunked);
            JsonArray items = (await answer.Manifest())["items"]!.AsArray();
            Assert.Equal(Enumerable.Range(0, 8).Select(i => $"n{i}"), items.Select(job => (string)job!["metadata"]!["name"]!));
            Assert.All(items, job => Assert.Equal(note, (string)job!["metadata"]!["annotations"]!["note"]!));
        }
    }
}
