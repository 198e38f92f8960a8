using EventStore.Server.Kubernetes;

namespace EventStore.Server.Page;

/// <summary>What else the reader of a page may do, asked where the API asks it.</summary>
internal static class PageRights
{
    /// <summary>Whether the reader may do that to a resource.</summary>
    /// <param name="http">The request.</param>
    /// <param name="verb">What is to be done.</param>
    /// <param name="resource">To what.</param>
    /// <param name="namespace">Where; null at the cluster scope.</param>
    /// <param name="name">To which one; null for all.</param>
    /// <param name="subresource">To which part of it; empty for the whole.</param>
    public static ValueTask<bool> May(
        HttpContext http, string verb, ApiResource resource, string? @namespace, string? name = null, string subresource = "") =>
        http.May(verb, resource, @namespace, name, subresource);
}
