using EventStore.Domain.Json;
using EventStore.Server.Kubernetes.Requests;

namespace EventStore.Server.Kubernetes.Documents;

/// <summary>
/// Discovery in one document (KEP-3352, <c>apidiscovery.k8s.io</c>): kubectl since 1.26 asks <c>/api</c> and <c>/apis</c> for it and
/// needs no other request. The reply's Content-Type must repeat the parameters asked for, or client-go takes it for the plain form.
/// </summary>
internal static class AggregatedDiscovery
{
    private const string Group = "apidiscovery.k8s.io";
    private const string Kind = "APIGroupDiscoveryList";

    /// <summary>The document in one of the versions of its kind.</summary>
    public sealed record Form(string Version, Document Document)
    {
        /// <summary>Whether the client asks for this form.</summary>
        public bool IsAskedForBy(AcceptClause clause) =>
            clause is { As: Kind, Group: AggregatedDiscovery.Group } && clause.Version == Version;
    }

    /// <summary>The document about these group-versions, in both versions there are.</summary>
    public static IReadOnlyList<Form> Of(IReadOnlyList<ServedResource[]> versions) => [Of(versions, "v2"), Of(versions, "v2beta1")];

    private static Form Of(IReadOnlyList<ServedResource[]> versions, string version) => new(version, new Document(
        JsonObject.Of(
            ("apiVersion", $"{Group}/{version}"),
            ("items", new JsonArray([.. versions.Select(Item)])),
            ("kind", Kind),
            ("metadata", JsonObject.Empty)),
        $"{ContentNegotiation.JsonType};g={Group};v={version};as={Kind}"));

    private static JsonObject Item(ServedResource[] version)
    {
        ApiResource first = version[0].Resource;
        return JsonObject.Of(
            ("metadata", first.Group.Length == 0 ? JsonObject.Empty : JsonObject.Of(("name", first.Group))),
            ("versions", new JsonArray([JsonObject.Of(
                ("freshness", "Current"),
                ("resources", new JsonArray([.. version.Where(served => served.IsWhole).Select(served => Resource(served, version))])),
                ("version", first.Version))])));
    }

    private static JsonObject Resource(ServedResource served, ServedResource[] version)
    {
        JsonObject json = JsonObject.Of(
            ("resource", served.Resource.Plural),
            ("responseKind", ResponseKind(served.Resource)),
            ("scope", served.Namespaced ? "Namespaced" : "Cluster"),
            ("singularResource", served.Resource.Singular),
            ("verbs", Discovery.Names(served.Verbs)));
        if (served.ShortNames.Count > 0)
            json = json.With("shortNames", Discovery.Names(served.ShortNames));
        JsonObject[] parts = [.. version.Where(each => !each.IsWhole && each.Resource == served.Resource).Select(Subresource)];
        return parts.Length == 0 ? json : json.With("subresources", new JsonArray(parts));
    }

    private static JsonObject Subresource(ServedResource served) => JsonObject.Of(
        ("responseKind", ResponseKind(served.Answers ?? served.Resource)),
        ("subresource", served.Subresource),
        ("verbs", Discovery.Names(served.Verbs)));

    private static JsonObject ResponseKind(ApiResource resource) =>
        JsonObject.Of(("group", resource.Group), ("kind", resource.Kind), ("version", resource.Version));
}
