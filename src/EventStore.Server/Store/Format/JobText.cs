using System.Buffers;
using System.Globalization;
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
    private static readonly JsonWriterOptions Compact = new() { Encoder = PlainEscaping.Encoder, SkipValidation = true };

    private readonly byte[] utf8;
    private readonly int cut;

    private JobText(byte[] utf8, int cut)
    {
        this.utf8 = utf8;
        this.cut = cut;
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
        var buffer = new ArrayBufferWriter<byte>(2048);
        int cut = 0;
        using (var writer = new Utf8JsonWriter(buffer, Compact))
        {
            writer.WriteStartObject();
            foreach (KeyValuePair<string, JsonValue> member in job.Manifest.Members)
            {
                writer.WritePropertyName(member.Key);
                if (member.Key == "metadata")
                    cut = WriteMetadata(writer, job);
                else
                    member.Value.WriteTo(writer);
            }

            writer.WriteEndObject();
        }

        return new JobText(buffer.WrittenSpan.ToArray(), cut);
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

    /// <summary>Reads a printed job back.</summary>
    public static Job Read(ReadOnlySpan<byte> text, Guid uid, long version, long revision, bool deleted)
    {
        var manifest = (JsonObject)JsonReading.Parse(text);
        var metadata = (JsonObject)manifest["metadata"]!;
        var key = new JobKey(((JsonText)metadata["namespace"]!).Value, ((JsonText)metadata["name"]!).Value);
        FieldOwners owners = ManagedFields.Read(metadata["managedFields"]) ?? FieldOwners.None;
        metadata = metadata.Without("managedFields").Without("resourceVersion").Without("selfLink");
        return new Job(key, uid, manifest.With("metadata", metadata), version, revision, deleted) { Owners = owners };
    }

    /// <summary>Writes the metadata and answers where the revision belongs: between the quotes of an empty resourceVersion.</summary>
    private static int WriteMetadata(Utf8JsonWriter writer, Job job)
    {
        int cut = 0;
        JsonObject metadata = job.Metadata.With("resourceVersion", string.Empty).With("selfLink", SelfLink(job.Key));
        if (!job.Owners.IsNone)
            metadata = metadata.With("managedFields", ManagedFields.Of(job.Owners));
        writer.WriteStartObject();
        foreach (KeyValuePair<string, JsonValue> member in metadata.Members)
        {
            writer.WritePropertyName(member.Key);
            member.Value.WriteTo(writer);
            if (member.Key == "resourceVersion")
                cut = (int)(writer.BytesCommitted + writer.BytesPending) - 1;
        }

        writer.WriteEndObject();
        return cut;
    }

    private static string SelfLink(JobKey key) => $"/apis/kubeflow.org/v1/namespaces/{key.Namespace}/pytorchjobs/{key.Name}";
}
