namespace EventStore.Server.Access;

/// <summary>
/// What a request wants to do, in the terms of RBAC (apiserver <c>RequestInfo</c>): a verb on a resource, or on a path that is no resource.
/// </summary>
/// <param name="Verb">
/// <c>get</c>, <c>list</c>, <c>watch</c>, <c>create</c>, <c>update</c>, <c>patch</c>, <c>delete</c>, <c>deletecollection</c>; on a path
/// the method in lower case.
/// </param>
/// <param name="Group">The resource's group.</param>
/// <param name="Resource">Its plural; empty for a path.</param>
/// <param name="Subresource"><c>status</c>, or empty.</param>
/// <param name="Namespace">Null at the cluster scope.</param>
/// <param name="Name">Null for a collection, unless a list or a watch is narrowed to one name.</param>
public sealed record AccessRequest(string Verb, string Group, string Resource, string Subresource, string? Namespace, string? Name)
{
    /// <summary>The path, whether it is a resource's or not.</summary>
    public string Path { get; init; } = "";

    /// <summary>Whether it is about a resource.</summary>
    public bool IsResource => Resource.Length > 0;

    /// <summary>What the request wants of a resource, or of a path when <paramref name="required"/> names none.</summary>
    internal static AccessRequest Of(HttpRequest request, RequiresAccess? required)
    {
        string path = request.Path.Value ?? "";
        if (required is null or { Resource.Length: 0 })
            return new AccessRequest(
                required?.Verb ?? request.Method.ToLowerInvariant(), "", "", "", null, null)
            { Path = required?.Path ?? path };
        RouteValueDictionary route = request.RouteValues;
        string? name = route["name"] as string;
        // A namespace lies in itself, so that a right within it can be the right to see it.
        string? @namespace = route["namespace"] as string
            ?? required.SelectedNamespace(request)
            ?? (required is { Group: "", Resource: "namespaces" } ? name : null);
        string subresource = required.Subresource.Length > 0 ? required.Subresource : route["subresource"] as string ?? "";
        string verb = required.Verb ?? VerbOf(request, isCollection: name is null);
        if (verb is "list" or "watch")
            name = required.SelectedName(request);
        return new AccessRequest(verb, required.Group, required.Resource, subresource, @namespace, name) { Path = path };
    }

    private static string VerbOf(HttpRequest request, bool isCollection) => request.Method.ToUpperInvariant() switch
    {
        "GET" or "HEAD" when isCollection => IsWatch(request) ? "watch" : "list",
        "GET" or "HEAD" => "get",
        "POST" => "create",
        "PUT" => "update",
        "PATCH" => "patch",
        "DELETE" => isCollection ? "deletecollection" : "delete",
        var other => other.ToLowerInvariant(),
    };

    /// <summary>
    /// Parses a flag as upstream does: only <c>0</c> and <c>false</c> are false. A stricter reading here would authorize a watch as a list.
    /// </summary>
    private static bool IsWatch(HttpRequest request) =>
        request.QueryString.HasValue && request.Query["watch"] is [var watch, ..]
        && watch is not "0" && !string.Equals(watch, "false", StringComparison.OrdinalIgnoreCase);
}
