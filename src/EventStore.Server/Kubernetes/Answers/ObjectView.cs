using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using EventStore.Domain.Json;
using EventStore.Server.Access;
using EventStore.Server.Kubernetes.Requests;

namespace EventStore.Server.Kubernetes.Answers;

/// <summary>
/// The representation a client asked for: whole objects, the rows of a <c>Table</c> (what <c>kubectl get</c> prints), or metadata only.
/// </summary>
/// <param name="Kind">What a table of these objects has in its columns.</param>
/// <param name="Chosen">The form.</param>
/// <param name="Include">How much of each object a row of a table carries.</param>
public sealed record ObjectView(ObjectKind Kind, Negotiated Chosen, IncludeObject Include)
{
    /// <summary>Whether objects are shown as they are.</summary>
    public bool IsPlain => Chosen.Form == Representations.Plain;

    /// <summary>Reads what the client wants: 406 for a form there is not, 400 for a wrong <c>includeObject</c>.</summary>
    public static bool TryRead(HttpContext http, ObjectKind kind, bool isList, out ObjectView view, out Status? refusal)
    {
        view = new ObjectView(kind, Negotiated.Plain, IncludeObject.Metadata);
        // A stream of YAML documents has no frames that clients know: upstream offers none either.
        Representations yaml = RequestInfo.Of(http).Class == RequestClass.Watch ? Representations.None : Representations.Yaml;
        Representations offered = Representations.Plain | Representations.Table | yaml | (
            isList ? Representations.MetadataList : Representations.Metadata);
        if (!ContentNegotiation.TryChoose(http.Request.Headers.Accept, offered, out Negotiated chosen, out refusal))
            return false;
        if (chosen.Form == Representations.Plain)
            return true;
        if (!Table.TryReadInclude(http.Request, out IncludeObject include, out refusal))
            return false;
        view = new ObjectView(kind, chosen, include);
        return true;
    }

    /// <summary>One object in this form, standing alone: the answer to a GET, the object of a watch's frame.</summary>
    /// <param name="revision">Its revision.</param>
    /// <param name="utf8">The object, compact.</param>
    /// <param name="cells">Its cells, if they are needed.</param>
    public ReadOnlyMemory<byte> Alone(long revision, ReadOnlyMemory<byte> utf8, Func<JsonObject, JsonValue[]> cells)
    {
        if (Chosen.Form != Representations.Table)
            return Item(utf8, cells);
        (string begin, string end) = Frame(JsonObject.Of(("resourceVersion", revision.ToString(CultureInfo.InvariantCulture))));
        return (byte[])[.. Encoding.UTF8.GetBytes(begin), .. Item(utf8, cells).Span, .. Encoding.UTF8.GetBytes(end)];
    }

    /// <summary>One object as an item of a list: itself, a row, or its metadata.</summary>
    public ReadOnlyMemory<byte> Item(ReadOnlyMemory<byte> utf8, Func<JsonObject, JsonValue[]> cells) =>
        IsPlain ? utf8 : Item((JsonObject)JsonReading.Parse(utf8.Span), cells);

    /// <summary>The same of an object that is not printed yet.</summary>
    public byte[] Item(JsonObject manifest, Func<JsonObject, JsonValue[]> cells)
    {
        using JsonPrinter printer = JsonPrinter.Take();
        WriteItem(
            printer.Writer, () => cells(manifest), manifest.WriteTo, (manifest["metadata"] ?? JsonObject.Empty).WriteTo);
        return printer.ToUtf8();
    }

    /// <summary>Writes one object as an item of a list, without a tree of it.</summary>
    /// <param name="to">Where to.</param>
    /// <param name="cells">Its cells, if they are needed.</param>
    /// <param name="whole">Writes the object.</param>
    /// <param name="metadata">Writes its metadata.</param>
    public void WriteItem(
        Utf8JsonWriter to, Func<JsonValue[]> cells, Action<Utf8JsonWriter> whole, Action<Utf8JsonWriter> metadata)
    {
        if (IsPlain)
            whole(to);
        else if (Chosen.Form == Representations.Table)
            Table.WriteRow(to, cells(), Include, Chosen.Version, whole, metadata);
        else
            Table.WritePartialMetadata(to, Chosen.Version, metadata);
    }

    /// <summary>A bookmark in this form: a row has cells even where there is nothing to say.</summary>
    public ReadOnlyMemory<byte> Bookmark(long revision, bool endsInitialEvents) => Alone(
        revision, WatchReply.Bookmark(Kind.Resource, revision, endsInitialEvents), _ =>
            [.. Enumerable.Repeat<JsonValue>(JsonNull.Value, Kind.Columns.Items.Count)]);

    /// <summary>A whole list in one piece, of items in this form.</summary>
    public ReadOnlyMemory<byte> Whole(IEnumerable<ReadOnlyMemory<byte>> items, JsonObject metadata)
    {
        var text = new ArrayBufferWriter<byte>();
        (string begin, string end) = Frame(metadata);
        Encoding.UTF8.GetBytes(begin, text);
        bool isFirst = true;
        foreach (ReadOnlyMemory<byte> item in items)
        {
            text.Write(isFirst ? default : ","u8);
            text.Write(item.Span);
            isFirst = false;
        }

        Encoding.UTF8.GetBytes(end, text);
        return text.WrittenMemory;
    }

    /// <summary>What the list of items is called.</summary>
    public string ItemsName => Chosen.Form == Representations.Table ? "rows" : "items";

    /// <summary>What stands around the items of a list: the text before the first, and the text behind the last.</summary>
    /// <param name="metadata">The list's metadata: resourceVersion, continue, …</param>
    public (string Begin, string End) Frame(JsonObject metadata) => Chosen.Form switch
    {
        Representations.Plain =>
            ($$"""{"apiVersion":"{{Kind.Resource.GroupVersion}}","items":[""",
            $$"""],"kind":"{{Kind.Resource.Kind}}List","metadata":{{metadata}}}"""),
        Representations.Table =>
            ($$"""{"apiVersion":"meta.k8s.io/{{Chosen.Version}}","columnDefinitions":{{Kind.Columns}},"kind":"Table","rows":[""",
            $$"""],"metadata":{{metadata}}}"""),
        _ =>
            ($$"""{"apiVersion":"meta.k8s.io/{{Chosen.Version}}","items":[""",
            $$"""],"kind":"PartialObjectMetadataList","metadata":{{metadata}}}"""),
    };
}

/// <summary>A kind of object and how a table shows it.</summary>
/// <param name="Resource">The resource.</param>
/// <param name="Columns">The columns of its table.</param>
public sealed record ObjectKind(ApiResource Resource, JsonArray Columns);
