using Microsoft.Extensions.Primitives;

namespace EventStore.Server.Kubernetes;

/// <summary>
/// The paths of watches from before <c>?watch=true</c>, which upstream still serves:
/// <c>/apis/G/V/watch/namespaces/NS/PLURAL[/NAME]</c>. Each is the collection's path with the parameter; with a name, narrowed to that
/// one object. It is rewritten before routing, so that rights, limits and the log see the watch that it is.
/// </summary>
internal static class OldWatchPaths
{
    private const string Watch = "watch";

    /// <summary>Rewrites the request if it is one.</summary>
    public static Task Rewrite(HttpContext http, RequestDelegate next)
    {
        if (http.Request.Path.Value is { } path && path.Contains("/watch/", StringComparison.Ordinal)
            && (HttpMethods.IsGet(http.Request.Method) || HttpMethods.IsHead(http.Request.Method)))
            Rewrite(http.Request, path.Split('/'));
        return next(http);
    }

    private static void Rewrite(HttpRequest request, string[] segments)
    {
        // "" api v1 watch … or "" apis group version watch …
        int at = segments is [_, "api", _, ..] ? 3 : 4;
        if (segments.Length <= at + 1 || segments[at] != Watch || segments[1] is not ("api" or "apis"))
            return;
        string[] rest = segments[(at + 1)..];
        int collection = rest is ["namespaces", _, _, ..] ? 3 : 1;
        if (rest.Length > collection + 1)
            return;
        QueryString query = QueryString.Create(Watch, "true");
        if (rest.Length > collection)
        {
            string asked = GoParsing.First(request.Query["fieldSelector"]) ?? "";
            query = query.Add("fieldSelector", $"metadata.name={Escaped(rest[collection])}{(asked.Length > 0 ? "," : "")}{asked}");
        }

        foreach ((string name, StringValues values) in request.Query)
        {
            if (name == Watch || (rest.Length > collection && name == "fieldSelector"))
                continue;
            foreach (string? value in values)
                query = query.Add(name, value ?? "");
        }

        request.Path = string.Join('/', segments[..at].Concat(rest[..collection]));
        request.QueryString = query;
    }

    private static string Escaped(string value) =>
        value.Replace("\\", "\\\\", StringComparison.Ordinal)
            .Replace(",", "\\,", StringComparison.Ordinal)
            .Replace("=", "\\=", StringComparison.Ordinal);
}
