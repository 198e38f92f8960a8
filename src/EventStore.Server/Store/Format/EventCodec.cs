using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using EventStore.Domain.History;
using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using Npgsql;

namespace EventStore.Server.Store.Format;

/// <summary>
/// The codec of stored events, in both directions: name, class, data and headers. The lane and the import write with it, every reader of
/// the log reads with it, and Marten gets the same options, so they cannot drift apart. A new event is one line in <see cref="Names"/>.
/// </summary>
internal static class EventCodec
{
    /// <summary>The stored name of <see cref="JobCreated"/>; this and the next are those that SQL statements are written with.</summary>
    public const string Created = "job_created";

    /// <summary>The stored name of <see cref="JobRestored"/>.</summary>
    public const string Restored = "job_restored";

    /// <summary>The stored name of <see cref="JobReplaced"/>.</summary>
    public const string Replaced = "job_replaced";

    /// <summary>The stored name of <see cref="JobApplied"/>.</summary>
    public const string Applied = "job_applied";

    /// <summary>The stored name of <see cref="JobStatusUpdated"/>.</summary>
    public const string StatusUpdated = "job_status_updated";

    /// <summary>The stored name of <see cref="JobDeletionRequested"/>.</summary>
    public const string DeletionRequested = "job_deletion_requested";

    /// <summary>The stored name of <see cref="JobDeleted"/>.</summary>
    public const string Deleted = "job_deleted";

    private static readonly JsonWriterOptions Compact = new() { Encoder = PlainEscaping.Encoder };

    /// <summary>The stored name of each event (<c>mt_events.type</c>). They stay as they are even if a class is renamed.</summary>
    public static IReadOnlyDictionary<Type, string> Names { get; } = new Dictionary<Type, string>
    {
        [typeof(JobCreated)] = Created,
        [typeof(JobRestored)] = Restored,
        [typeof(JobPatched)] = "job_patched",
        [typeof(JobReplaced)] = Replaced,
        [typeof(JobRolledBack)] = "job_rolled_back",
        [typeof(JobApplied)] = Applied,
        [typeof(JobStatusUpdated)] = StatusUpdated,
        [typeof(JobDeletionRequested)] = DeletionRequested,
        [typeof(JobDeleted)] = Deleted,
    };

    private static readonly Dictionary<string, Type> Types = Names.ToDictionary(name => name.Value, name => name.Key);

    /// <summary>camelCase members, members without a value left out, manifests as they are.</summary>
    public static JsonSerializerOptions Options { get; } = Configure(new JsonSerializerOptions());

    /// <summary>Gives the options this format.</summary>
    public static JsonSerializerOptions Configure(JsonSerializerOptions options)
    {
        options.PropertyNamingPolicy = JsonNamingPolicy.CamelCase;
        options.MaxDepth = JsonReading.DepthMax + JsonReading.EnvelopeDepth; // the default of 64 is less than a request may have
        options.DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull;
        options.Encoder = PlainEscaping.Encoder;
        options.Converters.Add(new ManifestConverter());
        return options;
    }

    /// <summary>Whether this release knows an event of that stored name.</summary>
    public static bool Knows(string name) => Types.ContainsKey(name);

    /// <summary>
    /// Whether <c>mt_events.mt_dotnet_type</c> may have this value for an event of that stored name: null, since Marten finds the class by
    /// the name, or the class, which earlier releases wrote with each event.
    /// </summary>
    public static bool MayHaveClass(string name, string? stored) =>
        stored is null || !Types.TryGetValue(name, out Type? type) || stored == $"{type.FullName}, {type.Assembly.GetName().Name}";

    /// <summary>The event's stored name.</summary>
    public static string NameOf(JobEvent happened) => happened is JobEventUnknown unknown ? unknown.Name : Names[happened.GetType()];

    /// <summary>The event as JSON (<c>mt_events.data</c>).</summary>
    public static string Data(JobEvent happened) => JsonSerializer.Serialize(happened, happened.GetType(), Options);

    /// <summary>Reads an event from its stored name and data.</summary>
    /// <exception cref="FormatException">This release does not know the name.</exception>
    public static JobEvent Read(string name, string data) => Read(name, Encoding.UTF8.GetBytes(data));

    /// <summary>Reads an event from its stored name and data in UTF-8.</summary>
    /// <exception cref="FormatException">This release does not know the name.</exception>
    public static JobEvent Read(string name, ReadOnlySpan<byte> data)
    {
        if (!Types.TryGetValue(name, out Type? type))
            throw new FormatException($"the log holds an event named {name}, which this release does not know");
        return type == typeof(JobPatched) && ReadPlainPatch(data) is { } patched
            ? patched
            : (JobEvent)JsonSerializer.Deserialize(data, type, Options)!;
    }

    /// <summary>
    /// Who asked for an event, stored beside it (<c>mt_events.headers</c>):
    /// <c>{"groups":[…],"userAgent":"…","sourceAddress":"…"}</c>; <c>"impersonatedBy":{"name":"…","groups":[…]}</c> only where
    /// somebody impersonated the user, and <c>"reason":"…"</c> only where one was given.
    /// </summary>
    public static string Headers(Origin caller) => Headers(
        caller.UserAgent,
        caller.SourceAddress,
        writer => WriteTexts(writer, caller.Groups),
        caller.ImpersonatedBy is not { } by ? null : writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("name", by.User);
            writer.WritePropertyName("groups");
            WriteTexts(writer, by.Groups);
            writer.WriteEndObject();
        },
        caller.Reason);

    /// <summary>The same headers from the fields that a hash covers, in which groups and impersonator are JSON already.</summary>
    public static string Headers(Link link) => Headers(
        link.UserAgent,
        link.SourceAddress,
        writer => writer.WriteRawValue(link.Groups ?? "null"),
        link.ImpersonatedBy is not { } by ? null : writer => writer.WriteRawValue(by),
        link.Reason);

    /// <summary>Reads who asked for an event from three columns: <c>user_name</c>, <c>headers</c> as text, <c>correlation_id</c>.</summary>
    public static StoredOrigin ReadOrigin(NpgsqlDataReader reader, int column) => new(
        ReadText(reader, column),
        reader.IsDBNull(column + 1) ? [] : reader.GetFieldValue<byte[]>(column + 1),
        ReadText(reader, column + 2));

    /// <summary>Reads a text; empty where there is none.</summary>
    internal static string ReadText(NpgsqlDataReader reader, int column) =>
        reader.IsDBNull(column) ? string.Empty : reader.GetString(column);

    /// <summary>
    /// A fast path for nearly all events: reads a patch with no more than its three members. Null for anything else, malformed data
    /// included: the serializer then reads it, or says what is wrong.
    /// </summary>
    private static JobPatched? ReadPlainPatch(ReadOnlySpan<byte> data)
    {
        try
        {
            return ReadThreeMembers(data);
        }
        catch (InvalidOperationException)
        {
            return null; // half of a surrogate pair, in a file that is imported
        }
    }

    private static JobPatched? ReadThreeMembers(ReadOnlySpan<byte> data)
    {
        var reader = new Utf8JsonReader(data, new JsonReaderOptions { MaxDepth = Options.MaxDepth });
        (JsonObject? patch, JsonObject? replaced, List<string>? paths) = (null, null, null);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            return null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            (bool isPatch, bool isReplaced, bool isPaths) =
                (reader.ValueTextEquals("patch"u8), reader.ValueTextEquals("replaced"u8), reader.ValueTextEquals("paths"u8));
            JsonTokenType value = Next(ref reader);
            if (isPatch && value == JsonTokenType.StartObject)
                patch = (JsonObject)JsonReading.Parse(ref reader);
            else if (isReplaced && value == JsonTokenType.StartObject)
                replaced = (JsonObject)JsonReading.Parse(ref reader);
            else if (isPaths && value == JsonTokenType.StartArray)
                paths = ReadTexts(ref reader);
            else
                return null;
        }

        reader.Read(); // anything behind it throws here
        return patch is null || replaced is null || paths is null ? null : new JobPatched(patch, replaced, paths);
    }

    private static JsonTokenType Next(ref Utf8JsonReader reader) => reader.Read() ? reader.TokenType : JsonTokenType.None;

    private static List<string>? ReadTexts(ref Utf8JsonReader reader)
    {
        var texts = new List<string>();
        while (Next(ref reader) == JsonTokenType.String)
            texts.Add(reader.GetString()!);
        return reader.TokenType == JsonTokenType.EndArray ? texts : null;
    }

    private static void WriteTexts(Utf8JsonWriter writer, IEnumerable<string> texts)
    {
        writer.WriteStartArray();
        foreach (string text in texts)
            writer.WriteStringValue(text);
        writer.WriteEndArray();
    }

    private static string Headers(
        string? userAgent, string? sourceAddress, Action<Utf8JsonWriter> writeGroups, Action<Utf8JsonWriter>? writeImpersonator,
        string? reason)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, Compact))
        {
            writer.WriteStartObject();
            writer.WritePropertyName("groups");
            writeGroups(writer);
            writer.WriteString("userAgent", userAgent);
            writer.WriteString("sourceAddress", sourceAddress);
            if (writeImpersonator is not null)
            {
                writer.WritePropertyName("impersonatedBy");
                writeImpersonator(writer);
            }

            if (reason is not null)
                writer.WriteString("reason", reason);
            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }

    private sealed class ManifestConverter : JsonConverter<JsonValue>
    {
        public override bool CanConvert(Type typeToConvert) => typeof(JsonValue).IsAssignableFrom(typeToConvert);

        public override JsonValue Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            JsonReading.Parse(ref reader);

        public override void Write(Utf8JsonWriter writer, JsonValue value, JsonSerializerOptions options) => value.WriteTo(writer);
    }
}
