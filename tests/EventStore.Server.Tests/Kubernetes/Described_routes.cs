using System.Text;
using System.Text.Json.Nodes;
using EventStore.Server.Access;
using EventStore.Server.Audit;
using EventStore.Server.Hosting;
using EventStore.Server.Kubernetes;
using EventStore.Server.Resources;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace EventStore.Server.Tests.Kubernetes;

/// <summary>
/// The route table beside the documents about it: an endpoint of a resource that one of them leaves out is found here. The server is built
/// as it is when it serves, but not started; its database is nowhere.
/// </summary>
public sealed class Described_routes
{
    private static readonly string[] Own = [JobResource.Names.Group, JobResource.Revisions.Group];

    [Theory]
    [InlineData("documented")]
    [InlineData("kubeflow")]
    public async Task Are_in_every_document_and_no_others(string profile)
    {
        await using Built server = await Built.Start(profile);
        string[] routes = [.. server.Routes.Select(route => $"{route.Method} {route.Path}").Order()];
        Assert.Contains("POST /apis/kubeflow.org/v1/namespaces/{namespace}/pytorchjobs/rollback", routes);
        Assert.Equal(profile == "kubeflow", routes.Any(route => route.EndsWith("/scale", StringComparison.Ordinal)));

        var third = new List<JsonNode>();
        foreach (string version in (await server.Get("/openapi/v3"))["paths"]!.AsObject().Select(version => version.Key))
            third.Add(await server.Get("/openapi/v3/" + version));
        Assert.Equal(routes, third.SelectMany(Described).Order());
        JsonNode second = await server.Get("/openapi/v2");
        Assert.Equal(routes, Described(second).Order());
        string[] ids = [.. third.SelectMany(Operations).Select(operation => (string)operation["operationId"]!).Order()];
        Assert.Equal(ids, Operations(second).Select(operation => (string)operation["operationId"]!).Order());
        Assert.Equal(ids.Distinct(), ids);
        string protobuf = Encoding.Latin1.GetString(
            await server.Bytes("/openapi/v2", "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"));
        Assert.All(ids, id => Assert.Contains(id, protobuf, StringComparison.Ordinal));
        Assert.All(
            server.Routes.Where(route => Own.Contains(route.Access.Group)),
            route => Assert.True(route.ForPeople is not null, $"{route.Method} {route.Path} is not in the document for people"));
    }

    /// <summary>What a reference leads to is there, in each document.</summary>
    [Theory]
    [InlineData("documented")]
    [InlineData("kubeflow")]
    public async Task Name_schemas_that_are_there(string profile)
    {
        await using Built server = await Built.Start(profile);
        foreach (string version in (await server.Get("/openapi/v3"))["paths"]!.AsObject().Select(version => version.Key))
        {
            JsonNode document = await server.Get("/openapi/v3/" + version);
            string[] there = [.. document["components"]!["schemas"]!.AsObject().Select(schema => "#/components/schemas/" + schema.Key)];
            Assert.Empty(References(document).Except(there));
        }

        JsonNode second = await server.Get("/openapi/v2");
        Assert.Empty(References(second).Except(second["definitions"]!.AsObject().Select(schema => "#/definitions/" + schema.Key)));
    }

    /// <summary>A request with kinds of its own is told alike for people and for programs, for there is one description of it.</summary>
    [Fact]
    public async Task Tell_the_same_of_undoing_in_each()
    {
        await using Built server = await Built.Start("documented");
        JsonNode paths = (await server.Get("/openapi/v3/apis/kubeflow.org/v1"))["paths"]!;
        foreach ((string method, string path, _, Documentation? documentation) in server.Routes.Where(route =>
            route.Access.Subresource is "blame" or "diff" or "restore" or "rollback"))
        {
            ApiOperation told = documentation!();
            JsonNode operation = paths[path]![method.ToLowerInvariant()]!;
            Assert.Equal(told.Id, (string)operation["operationId"]!);
            Assert.StartsWith(told.Summary, (string)operation["description"]!, StringComparison.Ordinal);
            Assert.Equal(
                told.Parameters.Where(parameter => !parameter.InPath).Select(parameter => parameter.Name).Order(),
                operation["parameters"]!.AsArray().Select(parameter => (string)parameter!["name"]!).Order());
            Assert.Equal(told.Body is not null, operation["requestBody"] is not null);
        }
    }

    [Theory]
    [InlineData("documented")]
    [InlineData("kubeflow")]
    public async Task Have_the_verbs_that_discovery_tells(string profile)
    {
        await using Built server = await Built.Start(profile);
        foreach (var version in server.Routes.Where(route => route.Path != CheckpointEndpoints.Path).GroupBy(route => string.Join(
            '/', route.Path.Split('/')[..(route.Path.StartsWith("/api/", StringComparison.Ordinal) ? 3 : 4)])))
        {
            string[] told = [.. (await server.Get(version.Key))["resources"]!.AsArray()
                .SelectMany(resource => resource!["verbs"]!.AsArray().Select(verb => $"{verb} {resource["name"]}"))];
            Assert.Equal(
                told.Where(each => !each.StartsWith("watch ", StringComparison.Ordinal)).Order(), // which is a list with a parameter
                version.Select(route =>
                    $"{Verb(route)} {route.Access.Resource}{(route.Access.Subresource.Length > 0 ? "/" : "")}{route.Access.Subresource}")
                    .Distinct().Order());
        }
    }

    /// <summary>
    /// The pages for people too. An endpoint that declares no right is closed to everybody, so HEAD needs the one of GET.
    /// </summary>
    [Theory]
    [InlineData("documented")]
    [InlineData("kubeflow")]
    public async Task Have_HEAD_wherever_they_have_GET_with_the_same_right(string profile)
    {
        await using Built server = await Built.Start(profile, page: "on");
        string[] Of(string method) =>
        [
            .. server.All.Where(endpoint => endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods.Contains(method) == true)
                .Select(endpoint => $"{endpoint.RoutePattern.RawText!.TrimEnd('/')} {endpoint.Metadata.GetMetadata<RequiresAccess>()}"),
        ];
        Assert.InRange(Of("GET").Length, 50, 500);
        Assert.Equal([], Of("GET").Except(Of("HEAD")));
    }

    private static string Verb(Route route)
    {
        bool ofOne = route.Access.Subresource.Length > 0 || route.Path.EndsWith("/{name}", StringComparison.Ordinal);
        return route.Method switch
        {
            "GET" => ofOne ? "get" : "list",
            "POST" => "create",
            "PUT" => "update",
            "PATCH" => "patch",
            _ => ofOne ? "delete" : "deletecollection",
        };
    }

    private static IEnumerable<string> Described(JsonNode document) => document["paths"]!.AsObject().SelectMany(path =>
        path.Value!.AsObject().Where(part => part.Key != "parameters").Select(part => $"{part.Key.ToUpperInvariant()} {path.Key}"));

    private static IEnumerable<JsonNode> Operations(JsonNode document) => document["paths"]!.AsObject().SelectMany(path =>
        path.Value!.AsObject().Where(part => part.Key != "parameters").Select(part => part.Value!));

    private static IEnumerable<string> References(JsonNode? node) => node switch
    {
        JsonObject members => members.SelectMany(
            member => member is { Key: "$ref", Value: JsonValue reference } ? [(string)reference!] : References(member.Value)),
        JsonArray items => items.SelectMany(References),
        _ => [],
    };

    private sealed record Route(string Method, string Path, RequiresAccess Access, Documentation? ForPeople);

    private sealed class Built(WebApplication app, Database database, string folder) : IAsyncDisposable
    {
        /// <summary>The endpoints of resources, but for HEAD, and for those that answer every other method.</summary>
        public IReadOnlyList<Route> Routes { get; } =
        [
            .. Endpoints(app).Where(endpoint => endpoint.Metadata.GetMetadata<RequiresAccess>() is { Resource.Length: > 0 })
                .SelectMany(endpoint => (endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods ?? [])
                    .Where(method => method != "HEAD")
                    .Select(method => new Route(
                        method, endpoint.RoutePattern.RawText!.TrimEnd('/'), endpoint.Metadata.GetMetadata<RequiresAccess>()!,
                        endpoint.Metadata.GetMetadata<Documentation>()))),
        ];

        /// <summary>Everything that is mapped.</summary>
        public IReadOnlyList<RouteEndpoint> All { get; } = [.. Endpoints(app)];

        public static async Task<Built> Start(string profile, string page = "off")
        {
            string folder = Directory.CreateTempSubdirectory("described-").FullName;
            WebApplicationBuilder builder = WebApplication.CreateBuilder(new WebApplicationOptions
            {
                Args =
                [
                    "--profile", profile, "--data", folder, "--activity", "on", "--ui", page, "--ConnectionStrings:Postgres",
                    "Host=nowhere", "--hostBuilder:reloadConfigOnChange=false",
                ],
                ContentRootPath = AppContext.BaseDirectory,
            });
            Settings settings = Settings.Read(builder.Configuration);
            Database database = await Database.Open(settings, NullLogger.Instance, CancellationToken.None);
            CredentialSources credentials = CredentialSources.Read(settings, builder.Configuration, NullLoggerFactory.Instance);
            var served = new Served(settings, database, credentials, ServerLimits.Read(builder.Configuration), null, null);
            return new Built(Web.Build(builder, served), database, folder);
        }

        public async Task<JsonNode> Get(string path) => JsonNode.Parse(await Bytes(path, "application/json"))!;

        /// <summary>What the endpoint of the path answers.</summary>
        public async Task<byte[]> Bytes(string path, string accept)
        {
            RouteEndpoint endpoint = Endpoints(app).Single(each => each.RoutePattern.RawText == path
                && each.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods is ["GET"]);
            using var body = new MemoryStream();
            await using AsyncServiceScope scope = app.Services.CreateAsyncScope();
            var http = new DefaultHttpContext { RequestServices = scope.ServiceProvider };
            (http.Request.Method, http.Request.Path, http.Response.Body) = ("GET", path, body);
            http.Request.Headers.Accept = accept;
            await endpoint.RequestDelegate!(http);
            return body.ToArray();
        }

        public async ValueTask DisposeAsync()
        {
            await app.DisposeAsync();
            await database.DisposeAsync();
            Directory.Delete(folder, recursive: true);
        }

        private static IEnumerable<RouteEndpoint> Endpoints(WebApplication app) =>
            ((IEndpointRouteBuilder)app).DataSources.SelectMany(source => source.Endpoints).OfType<RouteEndpoint>();
    }
}
