namespace EventStore.Server.Access;

/// <summary>
/// What an endpoint's caller must have the right to. The route table puts it into each endpoint's metadata
/// (<c>.WithMetadata(new RequiresAccess("kubeflow.org", "pytorchjobs"))</c>); an endpoint without one is closed to everybody.
/// </summary>
/// <param name="Group">The resource's group.</param>
/// <param name="Resource">Its plural; empty for a path that is no resource.</param>
/// <param name="Subresource"><c>status</c>, or empty: then it is the route's <c>{subresource}</c>, if the route has one.</param>
/// <param name="Verb">The verb; null for what the method, the path and <c>?watch</c> say.</param>
public sealed record RequiresAccess(string Group, string Resource, string Subresource = "", string? Verb = null)
{
    /// <summary>The endpoint is no resource: its path decides.</summary>
    public static readonly RequiresAccess ByPath = new("", "");

    /// <summary>The endpoint is open to everybody: it needs the right to read <c>/</c>, which everybody has.</summary>
    public static readonly RequiresAccess Open = ToPath("/", "get");

    /// <summary>
    /// The one name a list or a watch is narrowed to (<c>?fieldSelector=metadata.name=x</c>), or null. Such a list needs no more than the
    /// right to that name. Whoever answers the list must read the selector with the same function.
    /// </summary>
    public Func<HttpRequest, string?> SelectedName { get; init; } = _ => null;

    /// <summary>
    /// The namespace a query names where the route has none, or null. Whoever answers must read it with the same function.
    /// </summary>
    public Func<HttpRequest, string?> SelectedNamespace { get; init; } = _ => null;

    /// <summary>The path that is asked about in place of the request's own; null for that.</summary>
    public string? Path { get; private init; }

    /// <summary>The endpoint shows what another path shows, and needs the right to that one.</summary>
    public static RequiresAccess ToPath(string path, string? verb = null) => new("", "", Verb: verb) { Path = path };
}
