using System.Net;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Jobs;

/// <summary>Jobs in other forms than their own: what kubectl prints, what metadata clients read, what people read.</summary>
[Trait("Category", "Slow")]
public sealed class Tables_and_other_forms(Tables_and_other_forms.Served served) : IClassFixture<Tables_and_other_forms.Served>
{
    private const string Table = "application/json;as=Table;v=v1;g=meta.k8s.io";

    private readonly HttpClient client = served.Server.Admin;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_table_has_three_columns_and_three_more_for_who_wants_them_wide(bool list)
    {
        JsonNode job = await client.Get(Sample.Job("mnist"));
        JsonNode table = await Get(list ? Sample.Jobs() : Sample.Job("mnist"), Table);

        Assert.Equal(("Table", "meta.k8s.io/v1"), ((string)table["kind"]!, (string)table["apiVersion"]!));
        Assert.Equal(
            [("Name", 0), ("State", 0), ("Age", 0), ("Generation", 1), ("Revision", 1), ("Last Change", 1)],
            table["columnDefinitions"]!.AsArray().Select(column => ((string)column!["name"]!, (int)column["priority"]!)));
        Assert.Equal(["name", "", "", "", "", ""], table["columnDefinitions"]!.AsArray().Select(column => (string)column!["format"]!));
        JsonArray cells = table["rows"]![0]!["cells"]!.AsArray();
        Assert.Equal("mnist", (string)cells[0]!);
        Assert.Equal("Running", (string)cells[1]!);
        Assert.Matches("^[0-9]+(s|m|m[0-9]+s)$", (string)cells[2]!);
        Assert.Equal((long)job["metadata"]!["generation"]!, (long)cells[3]!);
        Assert.Equal(job.Revision(), (string)cells[4]!);
        Assert.Matches("^[0-9]+(s|m|m[0-9]+s)$", (string)cells[5]!);
        Assert.Equal(list ? (await client.Get(Sample.Jobs())).Revision() : job.Revision(), table.Revision());
    }

    [Fact]
    public async Task A_job_without_a_status_has_no_state() =>
        Assert.Null((await Get(Sample.Job("quiet"), Table))["rows"]![0]!["cells"]![1]);

    [Theory]
    [InlineData("", "PartialObjectMetadata", false)]
    [InlineData("?includeObject=", "PartialObjectMetadata", false)]
    [InlineData("?includeObject=Metadata", "PartialObjectMetadata", false)]
    [InlineData("?includeObject=Object", "PyTorchJob", true)]
    [InlineData("?includeObject=None", null, false)]
    public async Task A_row_carries_as_much_of_the_object_as_was_asked_for(string query, string? kind, bool spec)
    {
        JsonNode row = (await Get(Sample.Jobs() + query, Table))["rows"]![0]!;
        Assert.Equal(kind, (string?)row["object"]?["kind"]);
        Assert.Equal(spec, row["object"]?["spec"] is not null);
    }

    [Fact]
    public async Task Another_amount_is_refused_in_upstreams_words()
    {
        using HttpResponseMessage answer = await Send(Sample.Jobs() + "?includeObject=X", Table);
        JsonNode status = await answer.Manifest(400);
        Assert.Equal(
            "Unable to convert to Table as requested: includeObject: Invalid value: \"X\": must be 'Metadata', 'Object', 'None', or empty",
            (string)status["message"]!);
    }

    [Fact]
    public async Task An_error_is_no_table()
    {
        using HttpResponseMessage answer = await Send(Sample.Job("nobody"), Table);
        Assert.Equal("Status", (string)(await answer.Manifest(404))["kind"]!);
    }

    [Theory]
    [InlineData(Table)]
    [InlineData("application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io")]
    public async Task A_write_is_answered_in_the_form_asked_for_too(string accept)
    {
        string path = Sample.Jobs("written"), item = path + "/w";
        string created = await Written(HttpMethod.Post, path, Sample.Body(Sample.Manifest("w", spec: "", labels: """{"a":"1"}""")), 201);
        Assert.Equal("1", created);
        Assert.Equal("2", await Written(
            HttpMethod.Patch, item, Sample.Body("""{"metadata":{"labels":{"a":"2"}}}""", "application/merge-patch+json"), 200));
        Assert.Equal("2", await Written(
            HttpMethod.Patch, item + "/status", Sample.Body("""{"status":{"b":1}}""", "application/merge-patch+json"), 200));
        string job = await client.GetStringAsync(item);
        Assert.Equal("3", await Written(HttpMethod.Put, item, Sample.Body(job.Replace("\"2\"", "\"3\"", StringComparison.Ordinal)), 200));
        using HttpResponseMessage deleted = await Send(item, accept, HttpMethod.Delete);
        Assert.Equal("Status", (string)(await deleted.Manifest())["kind"]!);

        async Task<string> Written(HttpMethod method, string where, HttpContent body, int code)
        {
            using HttpResponseMessage answer = await Send(where, accept, method, body);
            JsonNode shown = await answer.Manifest(code);
            JsonNode metadata = (accept == Table ? shown["rows"]![0]!["object"] : shown)!;
            Assert.Equal(("PartialObjectMetadata", null), ((string)metadata["kind"]!, metadata["spec"]));
            return (string)metadata["metadata"]!["labels"]!["a"]!;
        }
    }

    [Fact]
    public async Task A_page_of_a_table_names_the_next()
    {
        JsonNode table = await Get(Sample.Jobs() + "?limit=1", Table);
        Assert.Single(table["rows"]!.AsArray());
        Assert.Equal(1, (int)table["metadata"]!["remainingItemCount"]!);
        JsonNode rest = await Get($"{Sample.Jobs()}?limit=1&continue={table["metadata"]!["continue"]}", Table);
        Assert.Equal("quiet", (string)rest["rows"]![0]!["cells"]![0]!);
    }

    [Fact]
    public async Task Metadata_alone_is_a_list_of_its_own_kind()
    {
        JsonNode list = await Get(Sample.Jobs(), "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io");
        Assert.Equal(("PartialObjectMetadataList", "meta.k8s.io/v1"), ((string)list["kind"]!, (string)list["apiVersion"]!));
        Assert.Equal(["PartialObjectMetadata", "PartialObjectMetadata"], list["items"]!.AsArray().Select(item => (string)item!["kind"]!));
        Assert.Equal(
            (await client.Get(Sample.Jobs()))["items"]!.AsArray().Select(item => item!["metadata"]!.ToJsonString()),
            list["items"]!.AsArray().Select(item => item!["metadata"]!.ToJsonString()));
        Assert.All(list["items"]!.AsArray(), item => Assert.Null(item!["spec"]));
        JsonNode one = await Get(Sample.Job("mnist"), "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io");
        Assert.Equal(("PartialObjectMetadata", "mnist"), ((string)one["kind"]!, (string)one["metadata"]!["name"]!));
    }

    [Theory]
    [InlineData("", "application/json")]
    [InlineData("?limit=1", "application/json")]
    [InlineData("?labelSelector=nobody", "application/json")]
    [InlineData("", Table)]
    [InlineData("?labelSelector=nobody", Table)]
    [InlineData("", "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io")]
    public async Task A_pretty_list_is_the_compact_one_with_white_space(string query, string accept)
    {
        string compact = await Text(Sample.Jobs() + query, accept);
        string pretty = await Text(Sample.Jobs() + query + (query.Length == 0 ? "?" : "&") + "pretty=true", accept);
        JsonNode parsed = JsonNode.Parse(compact)!;
        Assert.DoesNotContain("\n", compact, StringComparison.Ordinal);
        // Ages may tick between the two.
        foreach (JsonNode? row in parsed["rows"]?.AsArray() ?? [])
            (row!["cells"]![2], row["cells"]![5]) = (null, null);
        JsonNode other = JsonNode.Parse(pretty)!;
        foreach (JsonNode? row in other["rows"]?.AsArray() ?? [])
            (row!["cells"]![2], row["cells"]![5]) = (null, null);
        Assert.Equal(parsed.ToJsonString(), other.ToJsonString());
        Assert.StartsWith("{\n  \"apiVersion\": \"", pretty, StringComparison.Ordinal);
        // Written in pieces, it is what indenting the whole would give.
        Assert.Equal(System.Text.Encoding.UTF8.GetString(
            EventStore.Server.Kubernetes.Answers.Pretty.Indent(System.Text.Encoding.UTF8.GetBytes(compact))).Length, pretty.Length);
    }

    private async Task<JsonNode> Get(string path, string accept)
    {
        using HttpResponseMessage answer = await Send(path, accept);
        return await answer.Manifest();
    }

    private async Task<string> Text(string path, string accept)
    {
        using HttpResponseMessage answer = await Send(path, accept);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return await answer.Content.ReadAsStringAsync();
    }

    private async Task<HttpResponseMessage> Send(string path, string accept, HttpMethod? method = null, HttpContent? body = null)
    {
        using var request = new HttpRequestMessage(method ?? HttpMethod.Get, path) { Content = body };
        request.Headers.Accept.Add(MediaTypeWithQualityHeaderValue.Parse(accept));
        return await client.SendAsync(request);
    }

    public sealed class Served : IAsyncLifetime
    {
        private TestDatabase database = null!;

        internal ServerProcess Server { get; private set; } = null!;

        public async Task InitializeAsync()
        {
            database = await TestDatabase.Create();
            Server = await ServerProcess.Start(database.Serving);
            await Server.Admin.Create("mnist");
            await Server.Admin.Create("quiet");
            foreach (string patch in (string[])["""{"status":{"conditions":[{"type":"Created"},{"type":"Running"}]}}""",
                """{"status":{"startTime":null}}"""])
                (await Server.Admin.Patch(Sample.Job("mnist") + "/status", patch)).EnsureSuccessStatusCode().Dispose();
        }

        public async Task DisposeAsync()
        {
            await Server.DisposeAsync();
            await database.DisposeAsync();
        }
    }
}
