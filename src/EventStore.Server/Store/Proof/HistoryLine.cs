using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using EventStore.Domain.History;
using EventStore.Domain.Json;
using EventStore.Server.Store.Format;

namespace EventStore.Server.Store.Proof;

/// <summary>
/// The history as lines of JSON: everything a hash covers, with the hash and the one before it, so that the chain can be verified
/// from the file alone. <c>groups</c>, <c>impersonatedBy</c> and <c>data</c> stand there byte for byte as they were hashed,
/// <c>data</c> last. The last line is a checkpoint: a file without one was cut off.
/// </summary>
public static class HistoryLine
{
    private static readonly JsonWriterOptions Compact = new() { Encoder = PlainEscaping.Encoder, SkipValidation = true };

    /// <summary>Writes the line of an event, without a line break.</summary>
    public static void Write(Stream to, HistoryEvent happened)
    {
        using var json = new Utf8JsonWriter(to, Compact);
        Link link = happened.Link;
        json.WriteStartObject();
        json.WriteNumber("revision", link.Revision);
        json.WriteString("previousHash", Convert.ToHexStringLower(happened.Before));
        json.WriteString("hash", Convert.ToHexStringLower(happened.Hash));
        json.WriteString("uid", link.Uid);
        json.WriteNumber("version", link.Version);
        json.WriteString("type", link.Type);
        json.WriteString("time", happened.Time.ToString(Rfc3339.ExactFormat, CultureInfo.InvariantCulture));
        json.WriteString("user", link.User);
        json.WritePropertyName("groups");
        json.WriteRawValue(link.Groups ?? "null", skipInputValidation: true);
        json.WriteString("userAgent", link.UserAgent);
        json.WriteString("sourceAddress", link.SourceAddress);
        json.WriteString("requestId", link.RequestId);
        if (link.ImpersonatedBy is { } impersonator)
        {
            json.WritePropertyName("impersonatedBy");
            json.WriteRawValue(impersonator, skipInputValidation: true);
        }

        if (link.Reason is { } reason)
            json.WriteString("reason", reason);
        json.WriteString("id", happened.Id);
        json.WritePropertyName("data");
        json.WriteRawValue(link.Data.Span, skipInputValidation: true);
        json.WriteEndObject();
    }

    /// <summary>Writes the line of an epoch, without a line break.</summary>
    public static void Write(Stream to, HistoryEpoch begun)
    {
        using var json = new Utf8JsonWriter(to, Compact);
        Epoch epoch = begun.Epoch;
        json.WriteStartObject();
        json.WriteNumber("epoch", epoch.Number);
        json.WriteString("previousHash", Convert.ToHexStringLower(begun.Before));
        json.WriteString("hash", Convert.ToHexStringLower(begun.Hash));
        json.WriteNumber("afterRevision", epoch.Revision);
        json.WriteNumber("floor", epoch.Floor);
        json.WriteNumber("system", epoch.System);
        json.WriteNumber("timeline", epoch.Timeline);
        json.WriteNumber("database", epoch.Database);
        WriteOr("lostFrom", epoch.LostFrom);
        WriteOr("lostTo", epoch.LostTo);
        json.WriteString("time", epoch.Began.UtcDateTime.ToString(Rfc3339.ExactFormat, CultureInfo.InvariantCulture));
        json.WriteEndObject();

        void WriteOr(string name, long? value)
        {
            if (value is { } number)
                json.WriteNumber(name, number);
            else
                json.WriteNull(name);
        }
    }

    /// <summary>Writes the last line, without a line break.</summary>
    public static void Write(Stream to, Checkpoint end, long events)
    {
        using var json = new Utf8JsonWriter(to, Compact);
        json.WriteStartObject();
        json.WriteStartObject("checkpoint");
        json.WriteNumber("revision", end.Revision);
        json.WriteString("hash", end.Hash);
        json.WriteNumber("events", events);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    /// <summary>Reads the line of an event or an epoch; null for the last line.</summary>
    /// <exception cref="FormatException">It is neither.</exception>
    public static HistoryEntry? Read(string line)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(line, new JsonDocumentOptions { MaxDepth = EventCodec.Options.MaxDepth });
            return document.RootElement.TryGetProperty("checkpoint", out _) ? null
                : document.RootElement.TryGetProperty("epoch", out _) ? ReadEpoch(document.RootElement)
                : Read(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new FormatException($"it is not the line of an event: {e.Message.ReplaceLineEndings(" ")}");
        }
    }

    private static HistoryEpoch ReadEpoch(JsonElement line)
    {
        var epoch = new Epoch(
            Number("epoch"), Number("afterRevision"), Number("floor"), Number("system"), Number("timeline"), Number("database"),
            NumberOrNone("lostFrom"), NumberOrNone("lostTo"), ChainRows.Microseconds(Time(line)));
        return new HistoryEpoch(epoch, Hash(line, "previousHash"), Hash(line, "hash"));

        long Number(string name) => line.GetProperty(name).GetInt64();
        long? NumberOrNone(string name) => line.GetProperty(name) is { ValueKind: not JsonValueKind.Null } there ? there.GetInt64() : null;
    }

    private static DateTime Time(JsonElement line) => DateTime.ParseExact(
        line.GetProperty("time").GetString()!, Rfc3339.ExactFormat, CultureInfo.InvariantCulture,
        DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal);

    private static byte[] Hash(JsonElement line, string name) =>
        Convert.FromHexString(line.GetProperty(name).GetString() ?? string.Empty);

    private static HistoryEvent Read(JsonElement line)
    {
        DateTime time = Time(line);
        JsonElement groups = line.GetProperty("groups");
        var link = new Link(
            line.GetProperty("revision").GetInt64(), line.GetProperty("uid").GetGuid(), line.GetProperty("version").GetInt64(),
            Text("type")!, ChainRows.Microseconds(time), Text("user"),
            groups.ValueKind == JsonValueKind.Null ? null : groups.GetRawText(),
            Text("userAgent"), Text("sourceAddress"), Text("requestId"),
            JsonMarshal.GetRawUtf8Value(line.GetProperty("data")).ToArray())
        {
            ImpersonatedBy = line.TryGetProperty("impersonatedBy", out JsonElement by) ? by.GetRawText() : null,
            Reason = line.TryGetProperty("reason", out JsonElement why) ? why.GetString() : null,
        };
        return new HistoryEvent(
            link, line.GetProperty("id").GetGuid(), time, string.Empty, string.Empty, Hash(line, "previousHash"), Hash(line, "hash"));

        string? Text(string name) => line.GetProperty(name).GetString();
    }
}
