using System.Security.Cryptography;
using System.Text;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using EventStore.Server.Access;
using EventStore.Server.Kubernetes.Answers;
using EventStore.Server.Kubernetes.Requests;
using EventStore.Server.Kubernetes.Selectors;

namespace EventStore.Server.Kubernetes.Documents;

/// <summary>
/// <c>customresourcedefinitions</c> of <c>apiextensions.k8s.io/v1</c>, read-only: the served resources described as custom resource
/// definitions. Lens, Headlamp and similar tools find custom kinds only by these. They never change while the server runs, so their
/// revision is constant, and a watch sends them and then stays idle.
/// </summary>
internal static class ResourceDefinitions
{
    private const string Path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    private const string Created = "1970-01-01T00:00:00Z"; // as old as the build in /version
    private const long Revision = 1;

    private static readonly ApiResource Resource =
        new("apiextensions.k8s.io", "v1", "customresourcedefinitions", "customresourcedefinition", "CustomResourceDefinition");

    private static readonly ObjectKind Kind = new(Resource, Table.Columns(
        new("Name", "string", "name", "The plural of the resource and its group.", 0),
        new("Created At", "date", "", "When it was created.", 0)));

    /// <summary>What discovery says of them.</summary>
    public static ServedResource Served { get; } = new(Resource, "", ["crd", "crds"], ["get", "list", "watch"])
    {
        Namespaced = false,
        About = "What resources there are, as definitions that can be read and not written.",
        Shape = new ObjectShape(
            ("apiVersion", new TextShape(), Resource.GroupVersion),
            ("kind", new TextShape(), Resource.Kind),
            ("metadata", Schema.ObjectMeta, "What every object has."),
            ("spec", new AnyShape(), "The resource's names and schema."),
            ("status", new AnyShape(), "That it is served.")),
    };

    /// <summary>Maps the definitions of those resources that have namespaces, a group and a shape.</summary>
    public static void MapDefinitions(this IEndpointRouteBuilder app, IReadOnlyList<ServedResource> served)
    {
        JsonObject[] definitions = [.. served
            .Where(each => each is { IsWhole: true, Namespaced: true, Shape: not null, Resource.Group.Length: > 0 })
            .Select(each => Of(
                each, [.. served.Where(part => !part.IsWhole && part.Shape is not null && part.Resource == each.Resource)]))];
        RouteGroupBuilder group = app.MapGroup(Path);
        group.MapRead("", (HttpContext http) => List(http, definitions));
        group.MapRead("/{name}", (HttpContext http, string name) => Get(http, definitions, name));
        Fallback.MapOtherMethods(group, "", Resource);
        Fallback.MapOtherMethods(group, "/{name}", Resource);
        group.WithMetadata(new RequiresAccess(Resource.Group, Resource.Plural) { SelectedName = FieldSelector.SelectedName })
            .ExcludeFromDescription();
    }

    private static IResult Get(HttpContext http, JsonObject[] definitions, string name)
    {
        if (!ObjectView.TryRead(http, Kind, isList: false, out ObjectView view, out Status? refusal)
            || !GetOptions.TryRead(http.Request, out _, out refusal))
            return refusal!;
        return definitions.FirstOrDefault(each => NameOf(each) == name) is { } found
            ? new JsonReply(200, view.Alone(Revision, found.ToUtf8(), Cells))
            : Status.NotFound(Resource, name);
    }

    private static async Task<IResult> List(HttpContext http, JsonObject[] definitions)
    {
        bool isWatch = RequestInfo.Of(http).Class == RequestClass.Watch;
        if (!ObjectView.TryRead(http, Kind, isList: !isWatch, out ObjectView view, out Status? refusal)
            || !ListOptions.TryRead(http.Request.Query, ["metadata.name"], out ListOptions? options, out refusal))
            return refusal!;
        IEnumerable<JsonObject> selected = definitions.Where(each =>
            options.Fields.Matches(_ => NameOf(each)) && options.Labels.Matches(each["metadata"]!.Member("labels") as JsonObject));
        if (options.Watch)
            return await Watch(http, options, view, selected);
        JsonObject metadata = JsonObject.Of(("resourceVersion", $"{Revision}"));
        return new JsonReply(200, view.Whole(selected.Select(each => view.Item(each.ToUtf8(), Cells)), metadata));
    }

    private static async Task<IResult> Watch(HttpContext http, ListOptions options, ObjectView view, IEnumerable<JsonObject> selected)
    {
        var stopping = http.RequestServices.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
        using var end = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, stopping);
        end.CancelAfter(TimeSpan.FromSeconds(Math.Clamp(options.TimeoutSeconds ?? 1800, 1, 7 * 24 * 3600)));
        var stream = new WatchReply(http);
        await stream.Start(end.Token);
        if (options.SendInitialEvents ?? (options.ResourceVersion is null or 0))
        {
            foreach (JsonObject each in selected)
                await stream.Write(new WatchFrame("ADDED", view.Alone(Revision, each.ToUtf8(), Cells)));
            if (options is { SendInitialEvents: true, AllowWatchBookmarks: true })
                await stream.Write(new WatchFrame("BOOKMARK", view.Bookmark(Revision, endsInitialEvents: true)));
        }

        await stream.Flush();
        await Task.Delay(Timeout.Infinite, end.Token).ContinueWith(
            _ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        await stream.End();
        return Results.Empty;
    }

    private static JsonValue[] Cells(JsonObject definition) => [NameOf(definition), Created];

    private static string NameOf(JsonObject definition) => (definition["metadata"]?.Member("name") as JsonText)?.Value ?? "";

    private static JsonObject Of(ServedResource served, ServedResource[] parts)
    {
        ApiResource resource = served.Resource;
        JsonObject names = JsonObject.Of(
            ("kind", resource.Kind), ("listKind", resource.Kind + "List"), ("plural", resource.Plural), ("singular", resource.Singular));
        names = served.ShortNames.Count == 0 ? names : names.With("shortNames", Discovery.Names(served.ShortNames));
        JsonObject version = JsonObject.Of(
            ("additionalPrinterColumns", new JsonArray([.. served.PrinterColumns.Select(column => JsonObject.Of(
                ("jsonPath", column.JsonPath), ("name", column.Name), ("type", column.Type)))])),
            ("name", resource.Version),
            ("schema", JsonObject.Of(("openAPIV3Schema", OpenApiSchemas.OfDefinition(served)))),
            ("served", JsonBoolean.True),
            ("storage", JsonBoolean.True),
            ("subresources", JsonObject.Of(parts.Select(part => new KeyValuePair<string, JsonValue>(part.Subresource, JsonObject.Empty)))));
        return JsonObject.Of(
            ("apiVersion", Resource.GroupVersion),
            ("kind", Resource.Kind),
            ("metadata", JsonObject.Of(
                ("creationTimestamp", Created), ("generation", 1), ("name", resource.GroupResource), ("resourceVersion", $"{Revision}"),
                ("uid", new Guid(SHA256.HashData(Encoding.UTF8.GetBytes(resource.GroupResource)).AsSpan(0, 16)).ToString()))),
            ("spec", JsonObject.Of(
                ("conversion", JsonObject.Of(("strategy", "None"))), ("group", resource.Group), ("names", names), ("scope", "Namespaced"),
                ("versions", new JsonArray([version])))),
            ("status", JsonObject.Of(
                ("acceptedNames", names),
                ("conditions",
                    new JsonArray([Condition("NamesAccepted", "NoConflicts"), Condition("Established", "InitialNamesAccepted")])),
                ("storedVersions", Discovery.Names([resource.Version])))));
    }

    private static JsonObject Condition(string type, string reason) => JsonObject.Of(
        ("lastTransitionTime", Created), ("message", ""), ("reason", reason), ("status", "True"), ("type", type));
}
