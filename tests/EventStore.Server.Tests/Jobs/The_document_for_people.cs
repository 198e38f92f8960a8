using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using EventStore.Domain.Manifests;
using EventStore.Server.Audit;
using EventStore.Server.Jobs;
using EventStore.Server.Limits;
using EventStore.Server.Store.Feed;
using EventStore.Server.Store.History;
using EventStore.Server.Store.Hosts;
using EventStore.Server.Store.Lane;
using EventStore.Server.Store.Reads;
using EventStore.Server.Tests.Fixtures;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.OpenApi;
using Microsoft.OpenApi.Reader;
using Npgsql;

namespace EventStore.Server.Tests.Jobs;

/// <summary>
/// The OpenAPI document and the page that shows it, against the cloud service's own document of the operation: "更新PyTorchJob"
/// (github.com/huaweicloudDocs/cci, cci_02_3166), whose tables are copied below as they stand there.
/// </summary>
[Trait("Category", "Slow")]
public sealed partial class The_document_for_people(The_document_for_people.Served served) : IClassFixture<The_document_for_people.Served>
{
    private const string Golden = "tests/EventStore.Server.Tests/Golden/openapi-v1.json";

    private const string PatchOperation = @"PATCH /apis/kubeflow.org/v1/namespaces/\{namespace\}/pytorchjobs/\{name\}";

    private const string UpdatableFields = """
        -   metadata.labels
        -   metadata.annotations
        -   spec.activeDeadlineSeconds
        -   spec.ttlSecondsAfterFinished
        -   spec.cleanPodPolicy
        """;

    private const string PathParameters = """
        |name|Yes|name of the PyTorchJob|
        |namespace|Yes|object name and auth scope, such as for teams and projects|
        """;

    private const string QueryParameters = "|pretty|No|If 'true’, then the output is pretty printed.|";

    private const string RequestHeader = "Content-Type: application/merge-patch+json";

    private const string RequestExample = """
        {
            "metadata": {
                "labels": {
                    "app": "test"
                }
            }
        }
        """;

    private const string Codes = """
        |200|OK|
        |401|Unauthorized|
        |500|Internal Error|
        |403|Forbidden|
        |409|Conflict|
        |400|BadRequest|
        """;

    // What the fields may hold: data structures of the same documents (cci_02_0074, tables 156 and 166) and the operator's own types.
    private static readonly Dictionary<string, string> Types = new()
    {
        ["metadata.labels"] = """{"type":["null","object"],"additionalProperties":{"type":["null","string"]}}""",
        ["metadata.annotations"] = """{"type":["null","object"],"additionalProperties":{"type":["null","string"]}}""",
        ["spec.activeDeadlineSeconds"] = """{"minimum":1,"type":["null","integer"],"format":"int64"}""",
        ["spec.ttlSecondsAfterFinished"] = """{"maximum":2147483647,"minimum":0,"type":["null","integer"],"format":"int32"}""",
        ["spec.cleanPodPolicy"] = """{"enum":["All","Running","None","",null],"type":["null","string"]}""",
    };

    private readonly HttpClient anybody = served.Anybody;
    private readonly string text = served.Text;
    private readonly JsonNode document = JsonNode.Parse(served.Text)!;

    private JsonNode Patch => document["paths"]![Part(PatchOperation, 1)]!["patch"]!;

    /// <summary>
    /// The whole document beside this file, so that every change of it shows in a diff. <c>UPDATE_GOLDEN=1</c> writes it anew.
    /// </summary>
    [Fact]
    public void Is_the_one_that_was_looked_at()
    {
        JsonNode shown = JsonNode.Parse(text)!;
        shown["info"]!["version"] = "*"; // each release has its own
        string now = shown.ToJsonString(
            new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }) + "\n";
        if (Environment.GetEnvironmentVariable("UPDATE_GOLDEN") == "1")
            Repository.Write(Golden, now);
        Assert.Equal(Repository.Read(Golden), now);
    }

    [Fact]
    public void Is_valid_OpenAPI()
    {
        ReadResult read = OpenApiDocument.Parse(text, OpenApiConstants.Json);
        Assert.Empty(read.Diagnostic!.Errors);
        Assert.Empty(read.Diagnostic.Warnings);
        Assert.Equal(document["paths"]!.AsObject().Count, read.Document!.Paths.Count);
        Assert.Empty(References().Matches(text).Select(match => match.Groups[1].Value).Except(read.Document.Components!.Schemas!.Keys));
    }

    [Fact]
    public void Names_the_five_updatable_fields_and_no_others()
    {
        string[] documented = [.. Lines(UpdatableFields).Select(line => line.TrimStart('-', ' '))];
        JsonObject parts = Schema("PyTorchJobPatch")["properties"]!.AsObject();
        string[] named = [.. parts.SelectMany(part => part.Value!["properties"]!.AsObject().Select(field => $"{part.Key}.{field.Key}"))];
        Assert.Equal(documented.Order(), named.Order());
        Assert.All(documented, field => Assert.Contains($"- `{field}`", (string)Patch["description"]!, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("metadata.labels")]
    [InlineData("metadata.annotations")]
    [InlineData("spec.activeDeadlineSeconds")]
    [InlineData("spec.ttlSecondsAfterFinished")]
    [InlineData("spec.cleanPodPolicy")]
    public void Says_what_an_updatable_field_may_hold(string field)
    {
        string[] path = field.Split('.');
        JsonNode schema = Schema("PyTorchJobPatch")["properties"]![path[0]]!["properties"]![path[1]]!.DeepClone();
        Assert.NotEmpty((string)schema["description"]!);
        schema.AsObject().Remove("description");
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(Types[field]), schema), schema.ToJsonString());
    }

    [Fact]
    public void Has_the_documented_parameters_of_a_patch()
    {
        foreach ((string rows, string place) in new[] { (PathParameters, "path"), (QueryParameters, "query") })
        {
            foreach (string[] row in Rows(rows))
            {
                JsonNode parameter = Patch["parameters"]!.AsArray().Single(parameter => (string)parameter!["name"]! == row[0])!;
                Assert.Equal(place, (string)parameter["in"]!);
                Assert.Equal(row[1] == "Yes", (bool?)parameter["required"] ?? false);
                Assert.StartsWith(row[2].Replace('’', '\''), (string)parameter["description"]!, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void Has_the_documented_media_type_and_example_of_a_patch()
    {
        (string mediaType, JsonNode? body) = Patch["requestBody"]!["content"]!.AsObject().Single();
        Assert.Equal(Part(RequestHeader, 1), mediaType);
        JsonNode example = body!["examples"]!.AsObject().First().Value!["value"]!;
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(RequestExample), example), example.ToJsonString());
    }

    [Fact]
    public void Has_the_documented_codes_of_a_patch()
    {
        foreach (string[] row in Rows(Codes))
            Assert.StartsWith(row[1], (string)Patch["responses"]![row[0]]!["description"]!, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(400)]
    [InlineData(401)]
    [InlineData(403)]
    [InlineData(404)]
    [InlineData(405)]
    [InlineData(406)]
    [InlineData(409)]
    [InlineData(413)]
    [InlineData(415)]
    [InlineData(422)]
    [InlineData(429)]
    [InlineData(500)]
    [InlineData(503)]
    public void Shows_a_Status_of_each_code_of_a_patch(int code)
    {
        JsonNode body = Patch["responses"]![$"{code}"]!["content"]!["application/json"]!;
        Assert.Equal("#/components/schemas/Status", (string)body["schema"]!["$ref"]!);
        Assert.Equal(code, (int)body["example"]!["code"]!);
        Assert.NotEmpty((string)body["example"]!["message"]!);
    }

    [Fact]
    public void Describes_every_route_of_jobs_and_of_the_history_and_no_other()
    {
        string[] described = [.. document["paths"]!.AsObject().SelectMany(
            path => path.Value!.AsObject().Select(operation => $"{operation.Key} {path.Key}"))];
        Assert.Equal(MappedRoutes().Order(), described.Order());
        foreach (JsonNode operation in document["paths"]!.AsObject().SelectMany(path => path.Value!.AsObject())
            .Select(operation => operation.Value!))
        {
            Assert.NotEmpty((string)operation["summary"]!);
            Assert.NotEmpty((string)operation["description"]!);
            Assert.Contains("401", operation["responses"]!.AsObject().Select(answer => answer.Key));
        }
    }

    [Fact]
    public async Task Is_made_once() =>
        Assert.Equal(text, await anybody.GetStringAsync("/openapi/v1.json"));

    [Fact]
    public async Task Has_a_page_whose_every_file_comes_from_here()
    {
        using HttpResponseMessage answer = await anybody.GetAsync("/docs");
        string page = await answer.Content.ReadAsStringAsync();
        Assert.Equal("text/html", answer.Content.Headers.ContentType!.MediaType);
        Assert.DoesNotContain("://", page, StringComparison.Ordinal);
        Assert.DoesNotContain("\"//", page, StringComparison.Ordinal);
        Assert.Contains("openapi/v1.json", page, StringComparison.Ordinal);
        Assert.StartsWith("default-src 'self';", answer.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);

        string[] scripts = [.. Scripts().Matches(page).Select(match => match.Groups[1].Value)];
        Assert.Equal(2, scripts.Length);
        foreach (string script in scripts)
        {
            using HttpResponseMessage file = await anybody.GetAsync("/docs/" + script);
            Assert.Equal("text/javascript", file.Content.Headers.ContentType!.MediaType);
            Assert.True((await file.Content.ReadAsByteArrayAsync()).Length > 1000);
        }
    }

    /// <summary>The routes with a method of their own; those that answer every other method are for nobody to call.</summary>
    private static List<string> MappedRoutes()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Services.AddSingleton(_ => new Primary(NpgsqlDataSource.Create("Host=nowhere"))).AddSingleton(new LaneLimits())
            .AddSingleton<CommitLane>()
            .AddSingleton(new FeedLimits()).AddSingleton(new ListLimits()).AddSingleton<JobFeed>().AddSingleton<Notifications>()
            .AddSingleton<ServerPresence>()
            .AddSingleton<JobReads>().AddSingleton<RevisionReads>().AddSingleton<BlameReads>().AddSingleton<RestorePoints>()
            .AddSingleton<WholeBatches>().AddSingleton(TimeProvider.System);
        WebApplication app = builder.Build();
        app.MapJobs(Profile.Documented);
        app.MapRevisions();
        app.MapCheckpoint();
        return
        [
            .. ((IEndpointRouteBuilder)app).DataSources.SelectMany(source => source.Endpoints).Cast<RouteEndpoint>()
                .SelectMany(endpoint => (endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods ?? [])
                    .Where(method => method != "HEAD") // GET without a body
                    .Select(method => $"{method.ToLowerInvariant()} {endpoint.RoutePattern.RawText!.TrimEnd('/')}")),
        ];
    }

    private JsonNode Schema(string name) => document["components"]!["schemas"]![name]!;

    private static string[] Lines(string table) =>
        table.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private static IEnumerable<string[]> Rows(string table) => Lines(table).Select(line => line.Trim('|').Split('|'));

    private static string Part(string line, int index) => line.Replace("\\", "", StringComparison.Ordinal).Split(' ')[index];

    [GeneratedRegex("""<script[^>]* src="([^"]+)"[^>]*>""")]
    private static partial Regex Scripts();

    [GeneratedRegex("\"#/components/schemas/([^\"]+)\"")]
    private static partial Regex References();

    /// <summary>A server, and the document as somebody without a credential gets it.</summary>
    public sealed class Served : IAsyncLifetime, IDisposable
    {
        private TestDatabase database = null!;
        private ServerProcess server = null!;

        public HttpClient Anybody { get; } = new();

        public string Text { get; private set; } = null!;

        public async Task InitializeAsync()
        {
            database = await TestDatabase.Create();
            server = await ServerProcess.Start(database.Serving);
            Anybody.BaseAddress = server.Url;
            Text = await Anybody.GetStringAsync("/openapi/v1.json");
        }

        public void Dispose() => Anybody.Dispose();

        public async Task DisposeAsync()
        {
            await server.DisposeAsync();
            await database.DisposeAsync();
        }
    }
}
