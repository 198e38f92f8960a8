using System.Text.Encodings.Web;
using System.Text.Json;
using EventStore.Server.Access;

namespace EventStore.Server.Kubernetes;

/// <summary>A resource as discovery shows it.</summary>
/// <param name="Resource">The resource.</param>
/// <param name="Subresource"><c>status</c>, or empty.</param>
/// <param name="ShortNames">What kubectl takes for its name.</param>
/// <param name="Verbs">What can be done to it.</param>
public sealed record ServedResource(ApiResource Resource, string Subresource, IReadOnlyList<string> ShortNames, IReadOnlyList<string> Verbs);

/// <summary>
/// Which groups, versions and resources there are (API-concepts, "API discovery"): what kubectl and every client library ask first.
/// Each document is made once.
/// </summary>
public static class Discovery
{
    /// <summary>What is told of the server's age to clients that ask; the API behaves like this release's.</summary>
    private const string KubernetesVersion = "v1.34.0";

    // The default encoder is made for HTML and writes the plus of a version as \u002B.
    private static readonly JsonWriterOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly ApiResource Namespaces = new("", "v1", "namespaces", "namespace", "Namespace");

    /// <summary>Maps the discovery documents, and the namespaces, which are there as soon as somebody names them.</summary>
    public static void MapDiscovery(this IEndpointRouteBuilder routes, params IReadOnlyList<ServedResource>[] groups)
    {
        RouteGroupBuilder app = routes.MapGroup(string.Empty).WithMetadata(RequiresAccess.ByPath);
        Map(app, "/version", WriteVersion);
        Map(app, "/api", WriteCore);
        Map(app, "/api/v1", json => WriteResources(json, "v1", [new ServedResource(Namespaces, "", [], ["get"])], namespaced: false));
        Map(app, "/apis", json => WriteGroups(json, groups));
        foreach (IReadOnlyList<ServedResource> group in groups)
        {
            ApiResource first = group[0].Resource;
            Map(app, $"/apis/{first.Group}", json => WriteGroup(json, first, standsAlone: true));
            Map(app, $"/apis/{first.GroupVersion}", json => WriteResources(json, first.GroupVersion, group, namespaced: true));
        }

        app.MapRead("/api/v1/namespaces/{name}", (string name) => new JsonReply(200, Print(json => WriteNamespace(json, name))));
    }

    private static void Map(IEndpointRouteBuilder app, string path, Action<Utf8JsonWriter> write)
    {
        var reply = new JsonReply(200, Print(write));
        app.MapRead(path, () => reply);
    }

    private static byte[] Print(Action<Utf8JsonWriter> write)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, Relaxed))
        {
            json.WriteStartObject();
            write(json);
            json.WriteEndObject();
        }

        return buffer.ToArray();
    }

    private static void WriteVersion(Utf8JsonWriter json)
    {
        json.WriteString("major", "1");
        json.WriteString("minor", "34");
        json.WriteString("gitVersion", KubernetesVersion + "+eventstore." + typeof(Discovery).Assembly.GetName().Version!.ToString(3));
        json.WriteString("gitTreeState", "clean");
        json.WriteString("compiler", "dotnet");
        json.WriteString("platform", System.Runtime.InteropServices.RuntimeInformation.RuntimeIdentifier.Replace('-', '/'));
    }

    private static void WriteCore(Utf8JsonWriter json)
    {
        json.WriteString("kind", "APIVersions");
        WriteStrings(json, "versions", ["v1"]);
        json.WriteStartArray("serverAddressByClientCIDRs");
        json.WriteEndArray();
    }

    private static void WriteGroups(Utf8JsonWriter json, IReadOnlyList<ServedResource>[] groups)
    {
        json.WriteString("kind", "APIGroupList");
        json.WriteString("apiVersion", "v1");
        json.WriteStartArray("groups");
        foreach (IReadOnlyList<ServedResource> group in groups)
        {
            json.WriteStartObject();
            WriteGroup(json, group[0].Resource, standsAlone: false);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteGroup(Utf8JsonWriter json, ApiResource resource, bool standsAlone)
    {
        if (standsAlone)
        {
            json.WriteString("kind", "APIGroup");
            json.WriteString("apiVersion", "v1");
        }

        json.WriteString("name", resource.Group);
        json.WriteStartArray("versions");
        json.WriteStartObject();
        WriteVersionNames(json, resource);
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteStartObject("preferredVersion");
        WriteVersionNames(json, resource);
        json.WriteEndObject();
    }

    private static void WriteVersionNames(Utf8JsonWriter json, ApiResource resource)
    {
        json.WriteString("groupVersion", resource.GroupVersion);
        json.WriteString("version", resource.Version);
    }

    private static void WriteResources(Utf8JsonWriter json, string groupVersion, IReadOnlyList<ServedResource> resources, bool namespaced)
    {
        json.WriteString("kind", "APIResourceList");
        json.WriteString("apiVersion", "v1");
        json.WriteString("groupVersion", groupVersion);
        json.WriteStartArray("resources");
        foreach (ServedResource served in resources)
        {
            bool whole = served.Subresource.Length == 0;
            json.WriteStartObject();
            json.WriteString("name", whole ? served.Resource.Plural : $"{served.Resource.Plural}/{served.Subresource}");
            json.WriteString("singularName", whole ? served.Resource.Singular : "");
            json.WriteBoolean("namespaced", namespaced);
            json.WriteString("kind", served.Resource.Kind);
            WriteStrings(json, "verbs", served.Verbs);
            if (served.ShortNames.Count > 0)
                WriteStrings(json, "shortNames", served.ShortNames);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteNamespace(Utf8JsonWriter json, string name)
    {
        json.WriteString("apiVersion", "v1");
        json.WriteString("kind", "Namespace");
        json.WriteStartObject("metadata");
        json.WriteString("name", name);
        json.WriteEndObject();
        json.WriteStartObject("status");
        json.WriteString("phase", "Active");
        json.WriteEndObject();
    }

    private static void WriteStrings(Utf8JsonWriter json, string name, IReadOnlyList<string> values)
    {
        json.WriteStartArray(name);
        foreach (string value in values)
            json.WriteStringValue(value);
        json.WriteEndArray();
    }
}
