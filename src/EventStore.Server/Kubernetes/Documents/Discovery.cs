using System.Security.Cryptography;
using System.Text;
using EventStore.Domain.Json;
using EventStore.Server.Access;
using EventStore.Server.Kubernetes.Requests;
using Microsoft.Extensions.Primitives;

namespace EventStore.Server.Kubernetes.Documents;

/// <summary>
/// Which groups, versions and resources there are (API-concepts, "API discovery"): what kubectl and every client library ask first.
/// The same is told in two forms: one document per group and version, and, for clients that ask for it, all in one
/// (<see cref="AggregatedDiscovery"/>). Each document is made once.
/// </summary>
public static class Discovery
{
    /// <summary>
    /// Maps the discovery documents. Whatever is listed has a resource: kubectl takes a version without one for an error.
    /// </summary>
    public static void MapDiscovery(this IEndpointRouteBuilder app, IReadOnlyList<ServedResource> served)
    {
        ServedResource[][] versions =
            [.. served.Where(each => !each.IsOneThing).GroupBy(each => each.Resource.GroupVersion).Select(version => version.ToArray())];
        ServedResource[][] named = [.. versions.Where(version => version[0].Resource.Group.Length > 0)];
        ServedResource[][] core = [.. versions.Except(named)];

        Map(app, "/api", new Document(CoreVersions(core)), AggregatedDiscovery.Of(core));
        Map(app, "/apis", new Document(Groups(named)), AggregatedDiscovery.Of(named));
        foreach (ServedResource[] version in versions)
            Map(app, Root(version[0].Resource), new Document(Resources(version)));
        foreach (ApiResource first in named.Select(version => version[0].Resource))
            Map(app, $"/apis/{first.Group}", new Document(Group(first).With("kind", "APIGroup").With("apiVersion", "v1")));
    }

    /// <summary>Maps <c>/version</c>, which is JSON and nothing else, as upstream (apiserver <c>routes.Version</c>).</summary>
    public static void MapVersion(this IEndpointRouteBuilder app)
    {
        var version = new Document(ServerVersion.Json);
        app.MapGroup("").WithMetadata(RequiresAccess.ByPath).MapRead("/version", (HttpRequest request) =>
            ContentNegotiation.TryChoose(request.Headers.Accept, Representations.Plain, out _, out Status? refusal)
                ? version : (IResult)refusal);
    }

    /// <summary>Where a group's version begins: <c>/apis/kubeflow.org/v1</c>, or <c>/api/v1</c>.</summary>
    internal static string Root(ApiResource resource) => (resource.Group.Length == 0 ? "/api/" : "/apis/") + resource.GroupVersion;

    internal static JsonArray Names(IEnumerable<string> names) => new([.. names.Select(name => (JsonValue)name)]);

    private static void Map(
        IEndpointRouteBuilder app, string path, Document plain, params IReadOnlyList<AggregatedDiscovery.Form> aggregated) =>
        app.MapGroup("").WithMetadata(RequiresAccess.ByPath)
            .MapRead(path, (HttpRequest request) => Choose(request.Headers.Accept, plain, aggregated));

    /// <summary>The first of the client's wishes that there is: either form, as JSON or as YAML.</summary>
    private static IResult Choose(StringValues accept, Document plain, IReadOnlyList<AggregatedDiscovery.Form> aggregated)
    {
        if (StringValues.IsNullOrEmpty(accept))
            return plain;
        foreach (AcceptClause clause in AcceptClause.Parse(accept))
        {
            bool isYaml = clause.MediaType == ContentNegotiation.YamlType;
            if (!isYaml && !clause.Covers(ContentNegotiation.JsonType))
                continue;
            Document? wanted = clause is { As: null, Group: null, Version: null }
                ? plain
                : aggregated.FirstOrDefault(form => form.IsAskedForBy(clause))?.Document;
            if (wanted is not null)
                return isYaml ? wanted.AsYaml : wanted;
        }

        return Status.NotAcceptable(ContentNegotiation.JsonType, ContentNegotiation.YamlType);
    }

    private static JsonObject CoreVersions(ServedResource[][] core) => JsonObject.Of(
        ("kind", "APIVersions"),
        ("serverAddressByClientCIDRs", new JsonArray([])),
        ("versions", Names(core.Select(version => version[0].Resource.Version))));

    private static JsonObject Groups(ServedResource[][] versions) => JsonObject.Of(
        ("apiVersion", "v1"),
        ("groups", new JsonArray([.. versions.Select(version => Group(version[0].Resource))])),
        ("kind", "APIGroupList"));

    private static JsonObject Group(ApiResource resource)
    {
        JsonObject version = JsonObject.Of(("groupVersion", resource.GroupVersion), ("version", resource.Version));
        return JsonObject.Of(("name", resource.Group), ("preferredVersion", version), ("versions", new JsonArray([version])));
    }

    private static JsonObject Resources(ServedResource[] version) => JsonObject.Of(
        ("apiVersion", "v1"),
        ("groupVersion", version[0].Resource.GroupVersion),
        ("kind", "APIResourceList"),
        ("resources", new JsonArray([.. version.Select(Resource)])));

    private static JsonObject Resource(ServedResource served)
    {
        JsonObject json = JsonObject.Of(
            ("kind", (served.Answers ?? served.Resource).Kind),
            ("name", served.IsWhole ? served.Resource.Plural : $"{served.Resource.Plural}/{served.Subresource}"),
            ("namespaced", JsonBoolean.Of(served.Namespaced)),
            ("singularName", served.IsWhole ? served.Resource.Singular : ""),
            ("verbs", Names(served.Verbs)));
        if (served.ShortNames.Count > 0)
            json = json.With("shortNames", Names(served.ShortNames));
        if (served.Answers is { } other)
            json = json.With("group", other.Group).With("version", other.Version);
        return served is { IsWhole: true, IsStored: true } ? json.With("storageVersionHash", StorageVersionHash(served.Resource)) : json;
    }

    /// <summary>
    /// A hash of the storage version, by which clients notice a migration (apiserver <c>discovery.StorageVersionHash</c>).
    /// </summary>
    private static string StorageVersionHash(ApiResource resource) => Convert.ToBase64String(
        SHA256.HashData(Encoding.UTF8.GetBytes($"{resource.Group}/{resource.Version}/{resource.Kind}")).AsSpan(0, 8));
}
