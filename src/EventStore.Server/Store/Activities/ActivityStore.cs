using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using EventStore.Domain.Json;
using EventStore.Server.Store.Format;
using JasperFx.Events.Projections;
using Marten;
using Npgsql;
using Weasel.Core;

namespace EventStore.Server.Store.Activities;

/// <summary>
/// Marten's store for the activity: that of <see cref="MartenSetup"/>, except that it reads only the counted parts of each event.
/// </summary>
internal static class ActivityStore
{
    /// <summary>The projection's row in <c>mt_event_progression</c>: up to which revision events are counted.</summary>
    public const string Shard = Name + ":All";

    private const string Name = "Activity";
    private const int PageLength = 5000;

    /// <summary>
    /// The members of events that hold whole values, with what is kept of each: a page has thousands of events, and these values are most
    /// of their bytes.
    /// </summary>
    private static readonly Dictionary<string, Func<JsonValue, JsonValue>?> Values = new()
    {
        ["patch"] = ActivityPage.PartOfPatch,
        ["replaced"] = null,
        ["manifest"] = ActivityPage.PartOfManifest,
        ["status"] = ActivityPage.PartOfStatus,
    };

    public static DocumentStore Open(NpgsqlDataSource database) => DocumentStore.For(options =>
    {
        options.Connection(database);
        MartenSetup.Configure(options);
        options.UseSystemTextJsonForSerialization(casing: Casing.CamelCase, configure: KeepParts);
        options.Events.MetadataConfig.CorrelationIdEnabled = false;
        options.Events.MetadataConfig.HeadersEnabled = false;
        options.Projections.Errors.SkipApplyErrors = false; // stop at what cannot be counted
        options.Projections.Errors.SkipSerializationErrors = false;
        options.Projections.Errors.SkipUnknownEvents = false;
        options.Projections.FastPollingTime = options.Projections.SlowPollingTime = TimeSpan.FromSeconds(1);
        options.Projections.Add(new ActivityProjection(), ProjectionLifecycle.Async, Name, asynchronous =>
        {
            asynchronous.BatchSize = PageLength;
            asynchronous.MaximumHopperSize = 2 * PageLength;
        });
    });

    /// <summary>Makes the serializer read only the counted parts of events.</summary>
    internal static void KeepParts(JsonSerializerOptions json)
    {
        EventCodec.Configure(json);
        var types = new DefaultJsonTypeInfoResolver();
        types.Modifiers.Add(type =>
        {
            foreach (JsonPropertyInfo member in type.Properties)
            {
                if (Values.TryGetValue(member.Name, out Func<JsonValue, JsonValue>? kept))
                {
                    member.CustomConverter = member.PropertyType == typeof(JsonObject)
                        ? new Part<JsonObject>(kept)
                        : new Part<JsonValue>(kept);
                }
            }
        });
        json.TypeInfoResolver = types;
    }

    private sealed class Part<T>(Func<JsonValue, JsonValue>? kept) : JsonConverter<T>
        where T : JsonValue
    {
        public override T? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            if (kept is null)
            {
                reader.Skip();
                return null;
            }

            using JsonDocument document = JsonDocument.ParseValue(ref reader);
            return (T)kept(JsonReading.Parse(System.Runtime.InteropServices.JsonMarshal.GetRawUtf8Value(document.RootElement)));
        }

        public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) =>
            throw new NotSupportedException("Here events are read only.");
    }
}
