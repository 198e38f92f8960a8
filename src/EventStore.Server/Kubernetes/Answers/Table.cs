using EventStore.Domain.Json;
using EventStore.Domain.Manifests;

namespace EventStore.Server.Kubernetes.Answers;

/// <summary>A column of a table.</summary>
/// <param name="Name">Its heading.</param>
/// <param name="Type"><c>string</c>, <c>integer</c> or <c>date</c>.</param>
/// <param name="Format"><c>name</c> for the object's name, else empty.</param>
/// <param name="Description">What it shows.</param>
/// <param name="Priority">0: always; 1: with <c>-o wide</c> only.</param>
public sealed record TableColumn(string Name, string Type, string Format, string Description, int Priority);

/// <summary>How much of the object a row carries (<c>?includeObject=</c>).</summary>
public enum IncludeObject
{
    /// <summary>Its metadata, as <c>PartialObjectMetadata</c>; the default.</summary>
    Metadata,

    /// <summary>Nothing.</summary>
    None,

    /// <summary>All of it.</summary>
    Whole,
}

/// <summary>
/// The <c>Table</c> of <c>meta.k8s.io</c>: what <c>kubectl get</c> prints (API-concepts, "Receiving resources as Tables").
/// </summary>
public static class Table
{
    /// <summary>Reads <c>?includeObject=</c>.</summary>
    public static bool TryReadInclude(HttpRequest request, out IncludeObject include, out Status? refusal)
    {
        string? asked = request.Query["includeObject"];
        (include, refusal) = asked switch
        {
            null or "" or "Metadata" => (IncludeObject.Metadata, (Status?)null),
            "None" => (IncludeObject.None, null),
            "Object" => (IncludeObject.Whole, null),
            _ => (IncludeObject.Metadata, Status.BadRequest("Unable to convert to Table as requested: "
                + FieldError.Invalid(FieldPath.Of("includeObject"), asked, "must be 'Metadata', 'Object', 'None', or empty"))),
        };
        return refusal is null;
    }

    /// <summary>The columns, as <c>columnDefinitions</c>.</summary>
    public static JsonArray Columns(params IEnumerable<TableColumn> columns) => new([.. columns.Select(column => JsonObject.Of(
        ("description", column.Description), ("format", column.Format), ("name", column.Name),
        ("priority", column.Priority), ("type", column.Type)))]);

    /// <summary>A row: its cells, and as much of the object as was asked for.</summary>
    public static JsonObject Row(IReadOnlyList<JsonValue> cells, JsonObject manifest, IncludeObject include, string version) =>
        include switch
        {
            IncludeObject.None => JsonObject.Of(("cells", new JsonArray(cells))),
            IncludeObject.Whole => JsonObject.Of(("cells", new JsonArray(cells)), ("object", manifest)),
            _ => JsonObject.Of(("cells", new JsonArray(cells)), ("object", PartialMetadata(manifest, version))),
        };

    /// <summary>The object less everything but its metadata.</summary>
    public static JsonObject PartialMetadata(JsonObject manifest, string version) => JsonObject.Of(
        ("apiVersion", $"meta.k8s.io/{version}"), ("kind", "PartialObjectMetadata"),
        ("metadata", manifest["metadata"] ?? JsonObject.Empty));
}
