using System.Globalization;
using System.Text.Json;
using EventStore.Domain.Apply;
using EventStore.Domain.Jobs;
using EventStore.Domain.Json;

namespace EventStore.Server.Store.Format;

/// <summary>
/// The JSON of a job in two halves, cut where the resourceVersion goes. PostgreSQL assigns the number while it appends, and joins
/// the halves into the row; the reply joins the same halves. So reply and row are the same bytes, serialized once, but for the owners of
/// fields, which a row has in a smaller form.
/// </summary>
public sealed class JobText
{
    private const byte BeforeOwners = (byte)'\n';

    private readonly byte[] utf8;
    private readonly int cut;
    private readonly Range owners;

    private JobText(byte[] utf8, int cut, Range owners)
    {
        this.utf8 = utf8;
        this.cut = cut;
        this.owners = owners;
    }

    /// <summary>How long the text is, the revision not counted.</summary>
    public int LengthBytes => utf8.Length;

    /// <summary>Everything before the digits of <c>metadata.resourceVersion</c>.</summary>
    public ReadOnlyMemory<byte> Head => utf8.AsMemory(0, cut);

    public ReadOnlyMemory<byte> Tail => utf8.AsMemory(cut);

    /// <summary>Prints the job: compact JSON, members in order, <c>managedFields</c>, <c>resourceVersion</c> and
    /// <c>selfLink</c> set.</summary>
    public static JobText Of(Job job)
    {
        using JsonPrinter printer = JsonPrinter.Take();
        (int cut, Range owners) = Write(printer, job, 0);
        return new JobText(printer.ToUtf8(), cut, owners);
    }

    /// <summary>How long the text of a job is, the revision not counted. The text is printed, and not copied.</summary>
    public static int LengthOf(Job job)
    {
        using JsonPrinter printer = JsonPrinter.Take();
        Write(printer, job, 0);
        return printer.WrittenBytes;
    }

    /// <summary>The whole text of a job as UTF-8 with its revision in its place, copied once.</summary>
    public static byte[] Utf8Of(Job job)
    {
        using JsonPrinter printer = JsonPrinter.Take();
        Write(printer, job, job.Revision);
        return printer.ToUtf8();
    }

    /// <summary>The whole text as UTF-8 with the revision in its place.</summary>
    public byte[] ToUtf8(long revision)
    {
        Span<byte> digits = stackalloc byte[20];
        int length = 0;
        if (revision > 0) // an object that is not stored, as of a dry run, has no revision
            revision.TryFormat(digits, out length, default, CultureInfo.InvariantCulture);
        var whole = new byte[utf8.Length + length];
        utf8.AsSpan(0, cut).CopyTo(whole);
        digits[..length].CopyTo(whole.AsSpan(cut));
        utf8.AsSpan(cut).CopyTo(whole.AsSpan(cut + length));
        return whole;
    }

    /// <summary>
    /// The text as the row has it: where an answer shows owners of fields, the row has none there, and behind the object a line feed and
    /// the owners in their compact form. A row beyond about 2,000 bytes is compressed and moved at every change of it.
    /// </summary>
    /// <param name="job">The job it was printed of.</param>
    public JobText AsStored(Job job)
    {
        if (job.Owners.IsNone)
            return this;
        (int at, int length) = owners.GetOffsetAndLength(utf8.Length);
        byte[] compact = job.Owners.Compact(job.Manifest).ToUtf8();
        byte[] stored = [.. utf8.AsSpan(0, at), .. utf8.AsSpan(at + length), BeforeOwners, .. compact];
        return new JobText(stored, cut - length, default);
    }

    /// <summary>The answer that shows the job of a row.</summary>
    /// <param name="row">The row's text.</param>
    /// <param name="revision">The job's resourceVersion.</param>
    public static ReadOnlyMemory<byte> Shown(ReadOnlyMemory<byte> row, long revision) => row.Span.Contains(BeforeOwners)
        ? Utf8Of(Read(row.Span, Guid.Empty, 0, revision, deleted: false))
        : row;

    /// <summary>The object of a printed job, as an answer or a row has it, without the owners a row has behind it.</summary>
    public static JsonObject Manifest(ReadOnlySpan<byte> text) =>
        (JsonObject)JsonReading.Parse(text.IndexOf(BeforeOwners) is var end and >= 0 ? text[..end] : text);

    /// <summary>The uid of a printed job, found without reading the rest of it; null when it has none.</summary>
    public static string? UidOf(ReadOnlySpan<byte> text)
    {
        var reader = new Utf8JsonReader(text);
        bool inMetadata = false;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            if (reader.TokenType != JsonTokenType.PropertyName)
                continue;
            bool wanted = reader.ValueTextEquals(inMetadata ? "uid"u8 : "metadata"u8);
            reader.Read();
            if (wanted && inMetadata)
                return reader.GetString();
            inMetadata |= wanted;
            if (!wanted)
                reader.Skip();
        }

        return null;
    }

    /// <summary>Reads a printed job back, as an answer or a row has it.</summary>
    public static Job Read(ReadOnlySpan<byte> text, Guid uid, long version, long revision, bool deleted)
    {
        int end = text.IndexOf(BeforeOwners);
        var manifest = (JsonObject)JsonReading.Parse(end < 0 ? text : text[..end]);
        var metadata = (JsonObject)manifest["metadata"]!;
        var key = new JobKey(((JsonText)metadata["namespace"]!).Value, ((JsonText)metadata["name"]!).Value);
        FieldOwners owners = ManagedFields.Read(metadata["managedFields"]) ?? FieldOwners.None;
        metadata = metadata.Without("managedFields").Without("resourceVersion").Without("selfLink");
        manifest = manifest.With("metadata", metadata);
        if (end >= 0)
            owners = FieldOwners.ReadCompact((JsonObject)JsonReading.Parse(text[(end + 1)..]), manifest);
        return new Job(key, uid, manifest, version, revision, deleted) { Owners = owners };
    }

    private static (int Cut, Range Owners) Write(JsonPrinter printer, Job job, long revision)
    {
        Utf8JsonWriter writer = printer.Writer;
        (int Cut, Range Owners) places = default;
        writer.WriteStartObject();
        foreach (KeyValuePair<string, JsonValue> member in job.Manifest.Members)
        {
            writer.WritePropertyName(member.Key);
            if (member.Key == "metadata")
                places = WriteMetadata(printer, job, revision);
            else if (member.Value is JsonObject part)
                part.WriteAndKeep(printer);
            else
                member.Value.WriteTo(writer);
        }

        writer.WriteEndObject();
        return places;
    }

    /// <summary>
    /// Writes the metadata and answers where the revision belongs, which is between the quotes of an empty resourceVersion, and where the
    /// owners of fields stand with the comma before them.
    /// </summary>
    private static (int Cut, Range Owners) WriteMetadata(JsonPrinter printer, Job job, long revision)
    {
        Utf8JsonWriter writer = printer.Writer;
        (int cut, int begin, int end) = (0, 0, 0);
        string number = revision > 0 ? revision.ToString(CultureInfo.InvariantCulture) : string.Empty;
        JsonObject metadata = job.Metadata.With("resourceVersion", number).With("selfLink", SelfLink(job.Key));
        if (!job.Owners.IsNone)
            metadata = metadata.With("managedFields", ManagedFields.Of(job.Owners));
        writer.WriteStartObject();
        foreach (KeyValuePair<string, JsonValue> member in metadata.Members)
        {
            if (member.Key == "managedFields")
                begin = printer.WrittenBytes;
            writer.WritePropertyName(member.Key);
            member.Value.WriteTo(writer);
            if (member.Key == "managedFields")
                end = printer.WrittenBytes;
            else if (member.Key == "resourceVersion")
                cut = printer.WrittenBytes - 1;
        }

        writer.WriteEndObject();
        return (cut, begin..end);
    }

    private static string SelfLink(JobKey key) => $"/apis/kubeflow.org/v1/namespaces/{key.Namespace}/pytorchjobs/{key.Name}";
}
