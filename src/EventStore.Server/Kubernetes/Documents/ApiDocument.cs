using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using EventStore.Server.Access;
using EventStore.Server.Kubernetes.Answers;
using EventStore.Server.Kubernetes.Requests;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using Scalar.AspNetCore;

namespace EventStore.Server.Kubernetes.Documents;

/// <summary>
/// The OpenAPI document for people, at <c>/openapi/v1.json</c>, and a page at <c>/docs</c> that shows it. It describes the
/// endpoints that carry a <see cref="Documentation"/>. Both are open to everybody. The page loads nothing from other servers: it
/// would fail without internet access, and would tell others who reads it.
/// </summary>
internal static class ApiDocument
{
    /// <summary>Where the document is.</summary>
    public const string Path = "/openapi/v1.json";

    /// <summary>Where the page is.</summary>
    public const string Page = "/docs";

    private const string Name = "v1";
    private const string BearerToken = "bearerToken";
    private const string AuthToken = "authToken";

    // The page's scripts and styles are the package's own, served from here; the one inline script that starts it has a nonce.
    // Styles its script makes itself, without one.
    private const string PagePolicy = "default-src 'self'; script-src 'self' 'nonce-NONCE'; style-src 'self' 'unsafe-inline'; "
        + "img-src 'self' data:; font-src 'self' data:; worker-src 'self' blob:; base-uri 'none'; form-action 'self'; "
        + "frame-ancestors 'none'; object-src 'none'";

    /// <summary>Adds what makes the document.</summary>
    /// <param name="services">The services.</param>
    /// <param name="info">What it says of itself.</param>
    /// <param name="schemas">The schemas its operations name, besides <see cref="Status"/> and <see cref="DeleteOptions"/>.</param>
    public static void AddApiDocument(
        this IServiceCollection services, Func<OpenApiInfo> info, Func<IEnumerable<KeyValuePair<string, OpenApiSchema>>> schemas)
    {
        services.AddOpenApi(Name, options =>
        {
            options.ShouldInclude = endpoint => endpoint.ActionDescriptor.EndpointMetadata.OfType<Documentation>().Any();
            options.AddOperationTransformer((operation, context, _) =>
            {
                Describe(
                    operation, context.Description.ActionDescriptor.EndpointMetadata.OfType<Documentation>().Single()(), context.Document!);
                return Task.CompletedTask;
            });
            options.AddDocumentTransformer((document, _, _) =>
            {
                Complete(document, info(), schemas());
                return Task.CompletedTask;
            });
        });
        services.AddSingleton<Printed>();
    }

    /// <summary>Puts the endpoint into the document.</summary>
    public static void Documented(this RouteHandlerBuilder endpoint, Documentation documentation) => endpoint.WithMetadata(documentation);

    /// <summary>Maps the document and the page.</summary>
    public static void MapApiDocument(this IEndpointRouteBuilder app)
    {
        app.MapGroup(string.Empty).WithMetadata(RequiresAccess.ByPath)
            .MapRead(Path, async (Printed document) => new JsonReply(200, await document.Utf8()));
        IEndpointConventionBuilder page = app.MapScalarApiReference(Page, ShowPage).WithMetadata(RequiresAccess.ByPath);
        page.Add(AddPagePolicy);
        page.Add(AddHead);
    }

    private static void ShowPage(ScalarOptions page)
    {
        page.Title = "PyTorchJob event store";
        page.DynamicBaseServerUrl = true;                      // the examples name the address the page came from
        page.DefaultFonts = false;                             // else from fonts.scalar.com
        page.Telemetry = false;                                // else the "send" button is counted by scalar.com
        page.HideClientButton = true;                          // a link to client.scalar.com
        page.ShowDeveloperTools = DeveloperToolsVisibility.Never; // links to scalar.com
        page.Agent = new ScalarAgentOptions { Disabled = true };  // a chat at scalar.com
        page.Mcp = new ScalarMcpOptions { Disabled = true };
        page.DefaultHttpClient = new(ScalarTarget.Shell, ScalarClient.Curl);
        page.AddPreferredSecuritySchemes(BearerToken);
        page.WithNonce();
    }

    /// <summary>HEAD is answered wherever GET is.</summary>
    private static void AddHead(EndpointBuilder endpoint)
    {
        if (endpoint.Metadata.OfType<HttpMethodMetadata>().LastOrDefault() is not { HttpMethods: ["GET"] } get)
            return;
        endpoint.Metadata.Remove(get);
        endpoint.Metadata.Add(new HttpMethodMetadata([HttpMethods.Get, HttpMethods.Head]));
    }

    /// <summary>Holds the browser to what <see cref="ShowPage"/> asks of the page.</summary>
    private static void AddPagePolicy(EndpointBuilder endpoint)
    {
        if (endpoint.RequestDelegate is not { } show)
            return;
        endpoint.RequestDelegate = http =>
        {
            http.Response.OnStarting(() =>
            {
                // made while the page is written
                string nonce = http.Items[ScalarOptions.NonceHttpContextItemKey] as string ?? string.Empty;
                http.Response.Headers.ContentSecurityPolicy = PagePolicy.Replace("NONCE", nonce, StringComparison.Ordinal);
                return Task.CompletedTask;
            });
            http.Response.Headers.XContentTypeOptions = "nosniff";
            http.Response.Headers["Referrer-Policy"] = "no-referrer";
            return show(http);
        };
    }

    private static void Describe(OpenApiOperation operation, ApiOperation described, OpenApiDocument document)
    {
        operation.OperationId = described.Id;
        operation.Summary = described.Summary;
        operation.Description = described.Description;
        operation.Tags = new HashSet<OpenApiTagReference> { new(described.Tag, document) };
        IEnumerable<IOpenApiParameter> fromRoute = operation.Parameters ?? [];
        string[] inPath = [.. fromRoute.Where(parameter => parameter.In == ParameterLocation.Path).Select(parameter => parameter.Name!)];
        operation.Parameters =
            [.. described.Parameters.Where(parameter => !parameter.InPath || inPath.Contains(parameter.Name)).Select(Parameter)];
        operation.RequestBody = described.Body is { } body ? Body(body, document) : null;
        operation.Responses = [];
        foreach (ApiAnswer answer in described.Answers)
            operation.Responses.Add(answer.Code.ToString(CultureInfo.InvariantCulture), Answer(answer, document));
    }

    private static IOpenApiParameter Parameter(ApiParameter parameter) => new OpenApiParameter
    {
        Name = parameter.Name,
        In = parameter.InPath ? ParameterLocation.Path : ParameterLocation.Query,
        Required = parameter.InPath,
        Description = parameter.Description,
        Schema = ApiSchema.Of(parameter.Shape),
    };

    private static OpenApiRequestBody Body(ApiBody body, OpenApiDocument document) => new()
    {
        Required = !body.Optional,
        Content = new Dictionary<string, OpenApiMediaType>
        {
            [body.MediaType] = new()
            {
                Schema = new OpenApiSchemaReference(body.Schema, document),
                Examples = body.Examples.ToDictionary(
                    example => example.Shows,
                    IOpenApiExample (example) => new OpenApiExample { Summary = example.Shows, Value = example.Value.DeepClone() }),
            },
        },
    };

    private static OpenApiResponse Answer(ApiAnswer answer, OpenApiDocument document) => new()
    {
        Description = answer.Description,
        Headers = answer.RetryAfter
            ? new Dictionary<string, IOpenApiHeader>
            {
                ["Retry-After"] = new OpenApiHeader
                {
                    Description = "Seconds to wait.",
                    Schema = new OpenApiSchema { Type = JsonSchemaType.Integer }
                },
            }
            : null,
        Content = new Dictionary<string, OpenApiMediaType>
        {
            [ContentNegotiation.JsonType] = new()
            {
                Schema = new OpenApiSchemaReference(answer.Schema, document),
                Example = answer.Example.DeepClone()
            },
        },
    };

    private static void Complete(OpenApiDocument document, OpenApiInfo info, IEnumerable<KeyValuePair<string, OpenApiSchema>> schemas)
    {
        document.Info = info;
        document.Servers = [new OpenApiServer { Url = "/" }]; // the one that served the document
        document.Tags = document.Paths.Values.SelectMany(path => path.Operations!.Values).SelectMany(operation => operation.Tags!)
            .Select(tag => new OpenApiTag { Name = tag.Reference.Id }).DistinctBy(tag => tag.Name).ToHashSet();
        OpenApiSchema status = ApiSchema.Of(OpenApiSchemas.Status);
        status.Description = "What is answered when there is no object to answer with: every refusal, and a deletion.";
        document.AddComponent(nameof(Status), status);
        document.AddComponent(nameof(DeleteOptions), ApiSchema.Of(OpenApiSchemas.DeleteOptions));
        foreach ((string name, OpenApiSchema schema) in schemas)
            document.AddComponent(name, schema);
        document.AddComponent<IOpenApiSecurityScheme>(BearerToken, new OpenApiSecurityScheme
        {
            Type = SecuritySchemeType.Http,
            Scheme = "bearer",
            Description = "`Authorization: Bearer TOKEN`, as every Kubernetes client sends it.",
        });
        document.AddComponent<IOpenApiSecurityScheme>(AuthToken, new OpenApiSecurityScheme
        {
            Type = SecuritySchemeType.ApiKey,
            In = ParameterLocation.Header,
            Name = "X-Auth-Token",
            Description = "The cloud service's header. It counts when there is no Authorization header.",
        });
        document.Security = [Needs(BearerToken, document), Needs(AuthToken, document)];
    }

    private static OpenApiSecurityRequirement Needs(string scheme, OpenApiDocument document) =>
        new() { [new OpenApiSecuritySchemeReference(scheme, document)] = [] };

    /// <summary>The document as it goes out, made when somebody first asks for it.</summary>
    private sealed class Printed([FromKeyedServices(Name)] IOpenApiDocumentProvider provider)
    {
        private static readonly JsonSerializerOptions Compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

        private readonly Lazy<Task<byte[]>> utf8 = new(() => Print(provider));

        public Task<byte[]> Utf8() => utf8.Value;

        private static async Task<byte[]> Print(IOpenApiDocumentProvider provider)
        {
            OpenApiDocument document = await provider.GetOpenApiDocumentAsync();
            string json = await document.SerializeAsJsonAsync(OpenApiSpecVersion.OpenApi3_1);
            return Encoding.UTF8.GetBytes(JsonNode.Parse(json)!.ToJsonString(Compact));
        }
    }
}
