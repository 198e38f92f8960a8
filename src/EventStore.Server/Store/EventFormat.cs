using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using EventStore.Domain.Jobs;
using EventStore.Domain.Manifests;

namespace EventStore.Server.Store;

/// <summary>
/// The JSON in which events and current jobs are stored. One set of options serves both the lane, which writes them, and Marten,
/// which reads them back, so that the two cannot drift apart.
/// </summary>
internal static class EventFormat
{
    /// <summary>How deep within an event's own JSON a manifest or a part of one stands, with room to spare.</summary>
    private const int EnvelopeDepth = 8;

    private static readonly JsonWriterOptions Compact = new() { Encoder = PlainEscaping.Encoder };

    /// <summary>camelCase members, members without a value left out, manifests as they are.</summary>
    public static JsonSerializerOptions Options { get; } = Configure(new JsonSerializerOptions());

    /// <summary>Gives the options this format.</summary>
    public static JsonSerializerOptions Configure(JsonSerializerOptions options)
    {
        options.PropertyNamingPolicy = JsonNamingPolicy.CamelCase;
        options.MaxDepth = JsonReading.DepthMax + EnvelopeDepth; // its own default is 64, less than what a request may hold
        options.DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull;
        options.Encoder = PlainEscaping.Encoder;
        options.Converters.Add(new ManifestConverter());
        return options;
    }

    /// <summary>An event as it is stored.</summary>
    public static string Data(JobEvent happened) => JsonSerializer.Serialize(happened, happened.GetType(), Options);

    /// <summary>What is stored beside an event: <c>{"groups":[…],"userAgent":"…","sourceAddress":"…"}</c>.</summary>
    public static string Headers(Origin caller)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, Compact))
        {
            writer.WriteStartObject();
            writer.WriteStartArray("groups");
            foreach (string group in caller.Groups)
                writer.WriteStringValue(group);
            writer.WriteEndArray();
            writer.WriteString("userAgent", caller.UserAgent);
            writer.WriteString("sourceAddress", caller.SourceAddress);
            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }

    private sealed class ManifestConverter : JsonConverter<Json>
    {
        public override bool CanConvert(Type typeToConvert) => typeof(Json).IsAssignableFrom(typeToConvert);

        public override Json Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            using JsonDocument document = JsonDocument.ParseValue(ref reader);
            return JsonReading.Parse(System.Runtime.InteropServices.JsonMarshal.GetRawUtf8Value(document.RootElement));
        }

        public override void Write(Utf8JsonWriter writer, Json value, JsonSerializerOptions options) => value.WriteTo(writer);
    }
}
