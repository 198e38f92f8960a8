using EventStore.Domain.Json;
using EventStore.Server.Access;
using EventStore.Server.Kubernetes.Answers;
using Microsoft.AspNetCore.Routing.Patterns;

namespace EventStore.Server.Kubernetes.Documents;

/// <summary><c>/</c>: the paths there are, as upstream lists them; who comes with a browser is sent to the page that shows them.</summary>
internal static class RootPaths
{
    /// <summary>Maps it. Resources are not in it: discovery lists those.</summary>
    public static void MapRoot(this IEndpointRouteBuilder app) =>
        app.MapGroup("").WithMetadata(RequiresAccess.ByPath).ExcludeFromDescription().MapRead(
            "/", (HttpRequest request, EndpointDataSource endpoints) =>
            request.Headers.Accept.Any(line => line?.Contains("text/html", StringComparison.OrdinalIgnoreCase) == true)
                ? Results.Redirect(ApiDocument.Page)
                : (IResult)new JsonReply(200, JsonObject.Of(("paths", Discovery.Names(Of(endpoints)))).ToUtf8()));

    private static IEnumerable<string> Of(EndpointDataSource endpoints) => endpoints.Endpoints.OfType<RouteEndpoint>()
        .Where(endpoint => endpoint.Metadata.GetMetadata<RequiresAccess>() is { Resource.Length: 0 })
        .Select(endpoint => endpoint.RoutePattern)
        .Where(pattern => pattern.Parameters.All(parameter => parameter.IsOptional))
        .Select(pattern => string.Concat(pattern.PathSegments
            .Select(segment => segment.Parts[0]).OfType<RoutePatternLiteralPart>().Select(part => "/" + part.Content)))
        .Where(path => path != "/" && !path.StartsWith(ApiDocument.Page + "/", StringComparison.Ordinal)) // the page's own files
        .Distinct().Order(StringComparer.Ordinal);
}
