using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using EventStore.Server.Kubernetes.Requests;

namespace EventStore.Server.Kubernetes.Documents;

/// <summary>
/// The paths of a resource as OpenAPI 3.0 has them, one operation for each verb that is served. kubectl looks for the PATCH of a kind
/// and there for <c>fieldValidation</c> and <c>dryRun</c>: without them it would check manifests itself, and refuse a dry run.
/// </summary>
internal static class OpenApiPaths
{
    /// <summary>The paths, each with its operations.</summary>
    public static IEnumerable<KeyValuePair<string, IEnumerable<KeyValuePair<string, JsonValue>>>> Of(ServedResource served)
    {
        ApiResource resource = served.Resource;
        string root = Discovery.Root(resource);
        if (served.IsOneThing)
        {
            JsonObject read = Describe(
                "get", "get", served, [ApiParameters.Pretty], null, OpenApiSchemas.Reference(resource.Kind, resource));
            yield return new($"{root}/{resource.Plural}", [new("get", read.With("description", served.About))]);
            yield break;
        }

        string collection = served.Namespaced ? $"{root}/namespaces/{{namespace}}/{resource.Plural}" : $"{root}/{resource.Plural}";
        string item = $"{collection}/{{name}}{(served.IsWhole ? "" : "/" + served.Subresource)}";
        foreach (ServedAct act in served.Acts)
        {
            yield return new(
                act.OfCollection ? $"{collection}/{served.Subresource}" : item,
                [new(act.Method, Describe(act, served)), new("parameters", PathParameters(served, !act.OfCollection))]);
        }

        foreach (string verb in served.Acts.Count == 0 ? served.Verbs : [])
        {
            if (Operation(verb, served) is not var (method, onItem, operation))
                continue;
            yield return new(onItem ? item : collection, [new(method, operation), new("parameters", PathParameters(served, onItem))]);
            if (verb == "list" && served is { Namespaced: true, ListedAcrossNamespaces: true })
                yield return new(
                    $"{root}/{resource.Plural}", [new(method, operation.With("operationId", Id("list", served) + "ForAllNamespaces"))]);
        }
    }

    private static (string Method, bool OnItem, JsonObject Operation)? Operation(string verb, ServedResource served)
    {
        ApiResource resource = served.Resource;
        JsonObject whole = OpenApiSchemas.Reference(resource.Kind, resource);
        JsonObject list = OpenApiSchemas.Reference(resource.Kind + "List", resource);
        JsonObject deleteOptions = OpenApiSchemas.ReferenceToShared("DeleteOptions");
        JsonObject status = OpenApiSchemas.ReferenceToShared("Status");
        JsonObject patch = OpenApiSchemas.ReferenceToShared("Patch");
        return verb switch
        {
            "get" => ("get", true, Describe(verb, "get", served, ApiParameters.OfReads, null, whole)),
            "list" => ("get", false, Describe(verb, "list", served, [.. ApiParameters.OfLists, .. served.ListParameters], null, list)),
            "create" =>
                ("post", false,
                Describe(verb, "post", served, ApiParameters.OfWrites, Body(ContentNegotiation.JsonType, whole), whole, 201)),
            "update" =>
                ("put", true, Describe(verb, "put", served, ApiParameters.OfWrites, Body(ContentNegotiation.JsonType, whole), whole)),
            "patch" => ("patch", true, Describe(verb, "patch", served, OfPatches(served), Bodies(served.PatchTypes, patch), whole)),
            "delete" =>
                ("delete", true,
                Describe(verb, "delete", served, ApiParameters.OfDeletes, Body(ContentNegotiation.JsonType, deleteOptions), status)),
            "deletecollection" => ("delete", false,
                Describe(verb, "deletecollection", served, ApiParameters.OfCollectionDeletes,
                    Body(ContentNegotiation.JsonType, deleteOptions), list)),
            _ => null, // a watch is a list with a parameter
        };
    }

    private static IReadOnlyList<ApiParameter> OfPatches(ServedResource served) => served.PatchTypes.Contains(Profile.ApplyPatchType)
        ? [.. ApiParameters.OfWrites, ApiParameters.Force]
        : ApiParameters.OfWrites;

    private static JsonObject Describe(
        string verb, string action, ServedResource served, IReadOnlyList<ApiParameter> parameters,
        JsonObject? body, JsonObject answer, int code = 200) =>
        Describe(Id(verb, served), action, served.Resource, served.Resource, parameters, body, answer, code);

    private static JsonObject Describe(ServedAct act, ServedResource served)
    {
        ApiOperation about = act.About();
        ApiResource answered = act.Answered?.Resource ?? served.Resource;
        JsonObject? body = act.Method == "patch"
            ? Bodies(served.PatchTypes, OpenApiSchemas.ReferenceToShared("Patch"))
            : act.Sent is { Resource: var sent } ? Body(ContentNegotiation.JsonType, OpenApiSchemas.Reference(sent.Kind, sent)) : null;
        return Describe(
            about.Id, act.Method, served.Resource, act.Sent?.Resource ?? answered, [.. about.Parameters.Where(each => !each.InPath)], body,
            OpenApiSchemas.Reference(answered.Kind, answered), about.Answers.First(answer => answer.Code < 300).Code)
            .With("description", $"{about.Summary}.\n\n{about.Description}");
    }

    private static JsonObject Describe(
        string id, string action, ApiResource resource, ApiResource kind, IReadOnlyList<ApiParameter> parameters,
        JsonObject? body, JsonObject answer, int code) =>
        JsonObject.Of(
            ("operationId", id),
            // what everything takes comes last
            ("parameters", new JsonArray([.. parameters.OrderBy(parameter => parameter == ApiParameters.Pretty)
                .Select(parameter => Parameter("query", parameter.Name, TypeOf(parameter), parameter.Description))])),
            ("responses", JsonObject.Of(
                (code.ToString(System.Globalization.CultureInfo.InvariantCulture),
                    Body(ContentNegotiation.JsonType, answer).With("description", code == 201 ? "Created" : "OK")),
                ("default", Body(ContentNegotiation.JsonType, OpenApiSchemas.ReferenceToShared("Status")).With("description", "Refused")))),
            ("tags", Discovery.Names([resource.GroupVersion.Replace('/', '_')])),
            ("x-kubernetes-action", action),
            (OpenApiSchemas.GroupVersionKinds, OpenApiSchemas.Kind(kind, kind.Kind)))
        .WithOrWithout("requestBody", body);

    private static string Id(string verb, ServedResource served)
    {
        string part = served.IsWhole ? "" : char.ToUpperInvariant(served.Subresource[0]) + served.Subresource[1..];
        return $"{verb}{(served.Namespaced ? "Namespaced" : "")}{served.Resource.Kind}{part}";
    }

    private static JsonArray PathParameters(ServedResource served, bool onItem)
    {
        var parameters = new List<JsonValue>();
        if (onItem)
            parameters.Add(Parameter("path", "name", "string", $"The name of the {served.Resource.Kind}."));
        if (served.Namespaced)
            parameters.Add(Parameter("path", "namespace", "string", ApiParameters.Namespace.Description));
        return new JsonArray(parameters);
    }

    private static string TypeOf(ApiParameter parameter) => parameter.Shape switch
    {
        IntegerShape => "integer",
        FlagShape => "boolean",
        _ => "string",
    };

    private static JsonObject Parameter(string place, string name, string type, string about)
    {
        JsonObject parameter = JsonObject.Of(
            ("description", about), ("in", place), ("name", name), ("schema", JsonObject.Of(("type", type))));
        return place == "path" ? parameter.With("required", JsonBoolean.True) : parameter;
    }

    private static JsonObject Body(string mediaType, JsonObject schema) => Bodies([mediaType], schema);

    private static JsonObject Bodies(IEnumerable<string> mediaTypes, JsonObject schema) => JsonObject.Of(("content", JsonObject.Of(
        mediaTypes.Select(mediaType => KeyValuePair.Create<string, JsonValue>(mediaType, JsonObject.Of(("schema", schema)))))));
}
