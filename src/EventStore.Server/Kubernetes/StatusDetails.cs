using System.Text.Json;

namespace EventStore.Server.Kubernetes;

/// <summary>One of the reasons for a refusal, mostly one wrong field.</summary>
public sealed record StatusCause(string Reason, string Message, string Field);

/// <summary>What a <see cref="Status"/> is about. Members that are empty are left out of the JSON.</summary>
public sealed record StatusDetails(string Name = "", string Group = "", string Kind = "", string Uid = "", int RetryAfterSeconds = 0)
{
    /// <summary>The reasons in order.</summary>
    public IReadOnlyList<StatusCause> Causes { get; init; } = [];

    /// <summary>Writes the object with its members in upstream's order.</summary>
    public void WriteTo(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        WriteUnlessEmpty(writer, "name"u8, Name);
        WriteUnlessEmpty(writer, "group"u8, Group);
        WriteUnlessEmpty(writer, "kind"u8, Kind);
        WriteUnlessEmpty(writer, "uid"u8, Uid);
        if (Causes.Count > 0)
            WriteCauses(writer);
        if (RetryAfterSeconds > 0)
            writer.WriteNumber("retryAfterSeconds"u8, RetryAfterSeconds);
        writer.WriteEndObject();
    }

    internal static void WriteUnlessEmpty(Utf8JsonWriter writer, ReadOnlySpan<byte> name, string value)
    {
        if (value.Length > 0)
            writer.WriteString(name, value);
    }

    private void WriteCauses(Utf8JsonWriter writer)
    {
        writer.WriteStartArray("causes"u8);
        foreach (StatusCause cause in Causes)
        {
            writer.WriteStartObject();
            WriteUnlessEmpty(writer, "reason"u8, cause.Reason);
            WriteUnlessEmpty(writer, "message"u8, cause.Message);
            WriteUnlessEmpty(writer, "field"u8, cause.Field);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }
}
