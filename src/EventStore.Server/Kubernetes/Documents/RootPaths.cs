using EventStore.Domain.Json;
using EventStore.Server.Access;
using EventStore.Server.Kubernetes.Answers;
using Microsoft.AspNetCore.Routing.Patterns;

namespace EventStore.Server.Kubernetes.Documents;

/// <summary><c>/</c>: the served paths, as upstream lists them. A browser is redirected to the page that shows them.</summary>
internal static class RootPaths
{
    /// <summary>Maps it. Resources are not in it: discovery lists those.</summary>
    /// <param name="app">The route table.</param>
    /// <param name="page">Where a browser is sent.</param>
    /// <param name="hidden">The prefix of paths that are left out of the list: those of pages.</param>
    public static void MapRoot(this IEndpointRouteBuilder app, string page, params string[] hidden) =>
        app.MapGroup("").WithMetadata(RequiresAccess.ByPath).ExcludeFromDescription().MapRead(
            "/", (HttpRequest request, EndpointDataSource endpoints) =>
            request.Headers.Accept.Any(line => line?.Contains("text/html", StringComparison.OrdinalIgnoreCase) == true)
                ? Results.Redirect(page)
                : (IResult)new JsonReply(
                    200, JsonObject.Of(("paths", Discovery.Names(Of(endpoints, [ApiDocument.Page + "/", .. hidden])))).ToUtf8()));

    private static IEnumerable<string> Of(EndpointDataSource endpoints, string[] hidden) => endpoints.Endpoints.OfType<RouteEndpoint>()
        .Where(endpoint => endpoint.Metadata.GetMetadata<RequiresAccess>() is { Resource.Length: 0 })
        .Select(endpoint => endpoint.RoutePattern)
        .Where(pattern => pattern.Parameters.All(parameter => parameter.IsOptional))
        .Select(pattern => string.Concat(pattern.PathSegments
            .Select(segment => segment.Parts[0]).OfType<RoutePatternLiteralPart>().Select(part => "/" + part.Content)))
        .Where(path => path.Length > 0 && !hidden.Any(start => path.StartsWith(start, StringComparison.Ordinal)))
        .Distinct().Order(StringComparer.Ordinal);
}
