using System.Globalization;
using System.Text;
using System.Text.Json;
using EventStore.Domain.Apply;
using EventStore.Domain.Jobs;
using EventStore.Domain.Json;

namespace EventStore.Server.Store.Format;

/// <summary>
/// The JSON of a job in two halves, cut where the resourceVersion goes. PostgreSQL assigns the number while it appends, and joins
/// the halves into the row; the reply joins the same halves. So reply and row are the same bytes, serialized once.
/// </summary>
public sealed class JobText
{
    private const byte BeforeShortOwners = (byte)'\n';

    private readonly byte[] utf8;
    private readonly int cut;

    private JobText(byte[] utf8, int cut) => (this.utf8, this.cut) = (utf8, cut);

    /// <summary>The length of the text in bytes, without the revision.</summary>
    public int LengthBytes => utf8.Length;

    /// <summary>Everything before the digits of <c>metadata.resourceVersion</c>.</summary>
    public ReadOnlyMemory<byte> Head => utf8.AsMemory(0, cut);

    public ReadOnlyMemory<byte> Tail => utf8.AsMemory(cut);

    /// <summary>Prints the job: compact JSON, members in order, <c>managedFields</c>, <c>resourceVersion</c> and
    /// <c>selfLink</c> set.</summary>
    public static JobText Of(Job job)
    {
        using JsonPrinter printer = JsonPrinter.Take();
        int cut = Write(printer, job, 0);
        return new JobText(printer.ToUtf8(), cut);
    }

    /// <summary>The length of a job's text in bytes, without the revision. The text is printed, and not copied.</summary>
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

    /// <summary>The same as a string.</summary>
    public static string StringOf(Job job) => Encoding.UTF8.GetString(Utf8Of(job));

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
    /// The answer that shows the job of a row: the row's own text, unless it was written when rows had the owners of fields behind the
    /// object, after a line feed and in a shorter form (<see cref="ShortOwners"/>). Such a row is rewritten by the job's next change.
    /// </summary>
    /// <param name="row">The row's text.</param>
    /// <param name="revision">The job's resourceVersion.</param>
    public static ReadOnlyMemory<byte> Shown(ReadOnlyMemory<byte> row, long revision) => row.Span.Contains(BeforeShortOwners)
        ? Utf8Of(Read(row.Span, Guid.Empty, 0, revision, deleted: false))
        : row;

    /// <summary>Whether a text is the row of a job in the former layout, with owners behind the object. Any text may be given.</summary>
    /// <param name="row">The text.</param>
    /// <param name="job">The job.</param>
    public static bool IsFormerRow(string row, Job job)
    {
        ReadOnlySpan<byte> text = Encoding.UTF8.GetBytes(row);
        int end = text.IndexOf(BeforeShortOwners);
        return end >= 0
            && text[..end].SequenceEqual(Utf8Of(job with { Owners = FieldOwners.None }))
            && JsonReading.TryParse(
                text[(end + 1)..], out JsonValue? form, out _, nesting: JsonReading.DepthMax + JsonReading.EnvelopeDepth)
            && form is JsonObject owners && job.Owners.Equals(ShortOwners.Read(owners, job.Manifest));
    }

    /// <summary>The object of a printed job, as an answer or a row has it, without the owners a row has behind it.</summary>
    public static JsonObject Manifest(ReadOnlySpan<byte> text) =>
        (JsonObject)JsonReading.Parse(text.IndexOf(BeforeShortOwners) is var end and >= 0 ? text[..end] : text);

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
        int end = text.IndexOf(BeforeShortOwners);
        var manifest = (JsonObject)JsonReading.Parse(end < 0 ? text : text[..end]);
        var metadata = (JsonObject)manifest["metadata"]!;
        var key = new JobKey(((JsonText)metadata["namespace"]!).Value, ((JsonText)metadata["name"]!).Value);
        FieldOwners owners = ManagedFields.Read(metadata["managedFields"]) ?? FieldOwners.None;
        metadata = metadata.Without("managedFields").Without("resourceVersion").Without("selfLink");
        manifest = manifest.With("metadata", metadata);
        if (end >= 0)
            owners = ShortOwners.Read((JsonObject)JsonReading.Parse(text[(end + 1)..]), manifest)
                ?? throw new FormatException("the owners of fields behind a job are no such owners");
        return new Job(key, uid, manifest, version, revision, deleted) { Owners = owners };
    }

    private static int Write(JsonPrinter printer, Job job, long revision)
    {
        Utf8JsonWriter writer = printer.Writer;
        int cut = 0;
        writer.WriteStartObject();
        foreach (KeyValuePair<string, JsonValue> member in job.Manifest.Members)
        {
            writer.WritePropertyName(member.Key);
            if (member.Key == "metadata")
                cut = WriteMetadata(printer, job, revision);
            else if (member.Value is JsonObject part)
                part.WriteAndKeep(printer);
            else
                member.Value.WriteTo(writer);
        }

        writer.WriteEndObject();
        return cut;
    }

    /// <summary>
    /// Writes the metadata and returns where the revision belongs: between the quotes of an empty resourceVersion.
    /// </summary>
    private static int WriteMetadata(JsonPrinter printer, Job job, long revision)
    {
        Utf8JsonWriter writer = printer.Writer;
        int cut = 0;
        string number = revision > 0 ? revision.ToString(CultureInfo.InvariantCulture) : string.Empty;
        JsonObject metadata = job.Metadata.With("resourceVersion", number).With("selfLink", SelfLink(job.Key));
        if (!job.Owners.IsNone)
            metadata = metadata.With("managedFields", ManagedFields.Of(job.Owners));
        writer.WriteStartObject();
        foreach (KeyValuePair<string, JsonValue> member in metadata.Members)
        {
            writer.WritePropertyName(member.Key);
            member.Value.WriteTo(writer);
            if (member.Key == "resourceVersion")
                cut = printer.WrittenBytes - 1;
        }

        writer.WriteEndObject();
        return cut;
    }

    private static string SelfLink(JobKey key) => $"/apis/kubeflow.org/v1/namespaces/{key.Namespace}/pytorchjobs/{key.Name}";
}
