using EventStore.Server.Access;

namespace EventStore.Server.Kubernetes;

/// <summary>What else a caller may do, beside what the request itself needs.</summary>
internal static class CallerRights
{
    /// <summary>Whether the caller may do that to a resource, by the rules or by the cluster that decides in their place.</summary>
    /// <param name="http">The request.</param>
    /// <param name="verb">What is to be done.</param>
    /// <param name="resource">To what.</param>
    /// <param name="namespace">Where; null at the cluster scope.</param>
    /// <param name="name">To which one; null for all.</param>
    /// <param name="subresource">To which part of it; empty for the whole.</param>
    public static ValueTask<bool> May(
        this HttpContext http, string verb, ApiResource resource, string? @namespace, string? name = null, string subresource = "") =>
        http.May(new AccessRequest(verb, resource.Group, resource.Plural, subresource, @namespace, name));

    /// <summary>Whether the caller may do something else, too, to what the request is about.</summary>
    public static ValueTask<bool> MayAlso(this HttpContext http, string verb) => http.May(RequestInfo.Of(http).Access with { Verb = verb });

    private static ValueTask<bool> May(this HttpContext http, AccessRequest asked) =>
        http.RequestServices.GetRequiredService<Authorization>().AllowsAsync(RequestInfo.Of(http).User, asked, http.RequestAborted);
}
