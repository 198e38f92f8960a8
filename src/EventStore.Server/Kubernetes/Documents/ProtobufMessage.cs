using System.Diagnostics.CodeAnalysis;
using System.Text;
using EventStore.Domain.Json;

namespace EventStore.Server.Kubernetes.Documents;

/// <summary>A field of a message that is worth reading: a text, or a message of its own.</summary>
/// <param name="Number">Its number in the .proto file.</param>
/// <param name="Name">Its name in JSON.</param>
/// <param name="Message">What it holds; null for a text.</param>
internal sealed record ProtobufField(int Number, string Name, ProtobufMessage? Message = null);

/// <summary>
/// Decodes a protobuf message into JSON, as far as the reviews need it: strings and nested messages. Unknown fields are
/// skipped; of a repeated field the last value counts. The nesting is bounded by the table of fields, not by the sender.
/// Source: protobuf.dev, "Encoding".
/// </summary>
internal sealed class ProtobufMessage(params IReadOnlyList<ProtobufField> fields)
{
    private const int Varint = 0, Fixed64 = 1, LengthDelimited = 2, Fixed32 = 5;
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Reads the message; false when the bytes are none.</summary>
    public bool TryRead(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out JsonObject? message)
    {
        message = null;
        var members = new List<KeyValuePair<string, JsonValue>>();
        while (!bytes.IsEmpty)
        {
            if (!TryReadVarint(ref bytes, out ulong tag) || !TryTake(ref bytes, (int)(tag & 7), out ReadOnlySpan<byte> value))
                return false;
            if (fields.FirstOrDefault(field => (ulong)field.Number == tag >> 3) is not { } field)
                continue;
            if ((tag & 7) != LengthDelimited || !TryDecode(field, value, out JsonValue? decoded))
                return false;
            members.Add(new(field.Name, decoded));
        }

        message = JsonObject.Of(members);
        return true;
    }

    /// <summary>Finds the bytes of one field: for a message whose other fields say how to read it.</summary>
    public static bool TryFind(ReadOnlySpan<byte> bytes, int number, out ReadOnlySpan<byte> found)
    {
        found = default;
        while (!bytes.IsEmpty)
        {
            if (!TryReadVarint(ref bytes, out ulong tag) || !TryTake(ref bytes, (int)(tag & 7), out ReadOnlySpan<byte> value))
                return false;
            if (tag == (((ulong)number << 3) | LengthDelimited))
                found = value;
        }

        return true;
    }

    private static bool TryDecode(ProtobufField field, ReadOnlySpan<byte> value, [NotNullWhen(true)] out JsonValue? decoded)
    {
        decoded = null;
        if (field.Message is { } message)
        {
            bool read = message.TryRead(value, out JsonObject? below);
            decoded = below;
            return read;
        }

        try
        {
            string text = Utf8.GetString(value);
            decoded = text;
            return !text.Contains('\0', StringComparison.Ordinal); // no name has one, and JSON's own reading refuses it too
        }
        catch (DecoderFallbackException)
        {
            return false;
        }
    }

    /// <summary>Takes a field's value off the front.</summary>
    private static bool TryTake(scoped ref ReadOnlySpan<byte> bytes, int wireType, out ReadOnlySpan<byte> value)
    {
        value = default;
        ulong length = wireType switch { Fixed64 => 8, Fixed32 => 4, _ => 0 };
        switch (wireType)
        {
            case Varint:
                return TryReadVarint(ref bytes, out _);
            case LengthDelimited when !TryReadVarint(ref bytes, out length):
                return false;
            case Fixed64 or Fixed32 or LengthDelimited when length <= (ulong)bytes.Length:
                value = bytes[..(int)length];
                bytes = bytes[(int)length..];
                return true;
            default:
                return false; // groups went out of use before Kubernetes began
        }
    }

    private static bool TryReadVarint(scoped ref ReadOnlySpan<byte> bytes, out ulong value)
    {
        value = 0;
        for (int shift = 0; shift < 64 && !bytes.IsEmpty; shift += 7)
        {
            byte next = bytes[0];
            bytes = bytes[1..];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
                return true;
        }

        return false;
    }
}
