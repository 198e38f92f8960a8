using EventStore.Server.Access;
using Microsoft.AspNetCore.Routing.Patterns;

namespace EventStore.Server.Kubernetes;

/// <summary>Where Kubernetes' idea of routes is not ASP.NET's.</summary>
internal static class Routes
{
    /// <summary>Maps GET, and HEAD with it, which is GET without the body (apiserver <c>RequestInfo</c> has one verb for both).</summary>
    /// <returns>The GET, which is the one to document.</returns>
    public static RouteHandlerBuilder MapRead(this IEndpointRouteBuilder app, string pattern, Delegate handler)
    {
        app.MapMethods(pattern, [HttpMethods.Head], handler);
        return app.MapGet(pattern, handler);
    }

    /// <summary>The same, for a path that needs a right of its own: GET and HEAD need the same one.</summary>
    public static void MapRead(this IEndpointRouteBuilder app, string pattern, Delegate handler, RequiresAccess required)
    {
        RouteGroupBuilder both = app.MapGroup(string.Empty);
        both.MapRead(pattern, handler);
        both.WithMetadata(required);
    }

    /// <summary>
    /// Paths are case-sensitive. Routing matches <c>/APIS/…/PyTorchJobs</c> too; for Kubernetes, and for proxies and access rules
    /// that look at paths, it is another path, at which there is nothing.
    /// </summary>
    public static Task RequireExactCase(HttpContext http, RequestDelegate next)
    {
        if (http.GetEndpoint() is RouteEndpoint route && !IsInExactCase(route.RoutePattern.PathSegments, http.Request.Path.Value))
            http.SetEndpoint(null);
        return next(http);
    }

    private static bool IsInExactCase(IReadOnlyList<RoutePatternPathSegment> pattern, ReadOnlySpan<char> path)
    {
        MemoryExtensions.SpanSplitEnumerator<char> segments = path.Split('/');
        segments.MoveNext(); // before the first slash there is nothing
        foreach (RoutePatternPathSegment segment in pattern)
        {
            bool differs = segments.MoveNext() && segment is { IsSimple: true, Parts: [RoutePatternLiteralPart literal] }
                && !path[segments.Current].SequenceEqual(literal.Content);
            if (differs)
                return false;
        }

        return true;
    }
}
