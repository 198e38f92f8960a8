using System.Text.Json;
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

    /// <summary>Writes a row: its cells, and as much of the object as was asked for.</summary>
    /// <param name="to">Where to.</param>
    /// <param name="cells">The cells.</param>
    /// <param name="include">How much was asked for.</param>
    /// <param name="version">The version of the table.</param>
    /// <param name="whole">Writes the object.</param>
    /// <param name="metadata">Writes its metadata.</param>
    public static void WriteRow(
        Utf8JsonWriter to, IReadOnlyList<JsonValue> cells, IncludeObject include, string version, Action<Utf8JsonWriter> whole,
        Action<Utf8JsonWriter> metadata)
    {
        to.WriteStartObject();
        to.WriteStartArray("cells"u8);
        foreach (JsonValue cell in cells)
            cell.WriteTo(to);
        to.WriteEndArray();
        if (include != IncludeObject.None)
        {
            to.WritePropertyName("object"u8);
            if (include == IncludeObject.Whole)
                whole(to);
            else
                WritePartialMetadata(to, version, metadata);
        }

        to.WriteEndObject();
    }

    /// <summary>Writes an object less everything but its metadata.</summary>
    public static void WritePartialMetadata(Utf8JsonWriter to, string version, Action<Utf8JsonWriter> metadata)
    {
        to.WriteStartObject();
        to.WriteString("apiVersion"u8, $"meta.k8s.io/{version}");
        to.WriteString("kind"u8, "PartialObjectMetadata"u8);
        to.WritePropertyName("metadata"u8);
        metadata(to);
        to.WriteEndObject();
    }
}
