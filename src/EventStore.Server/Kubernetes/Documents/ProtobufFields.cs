using System.Buffers.Binary;
using System.Text;
using EventStore.Domain.Json;

namespace EventStore.Server.Kubernetes.Documents;

/// <summary>Encodes protobuf messages: each method gives the bytes of a field. Source: protobuf.dev, "Encoding".</summary>
internal static class ProtobufFields
{
    private const int Varint = 0, Fixed64 = 1, LengthDelimited = 2;

    /// <summary>A message of these fields.</summary>
    public static byte[] Message(params IEnumerable<byte[]> fields) => [.. fields.SelectMany(field => field)];

    /// <summary>A nested message, or any bytes.</summary>
    public static byte[] Field(int number, byte[] value) => [.. Tag(number, LengthDelimited), .. Number(value.Length), .. value];

    /// <summary>A text.</summary>
    public static byte[] Text(int number, string text) => Field(number, Encoding.UTF8.GetBytes(text));

    /// <summary>A JSON text, or each text of an array; no field for anything else.</summary>
    public static byte[] Texts(int number, JsonValue? json) => json switch
    {
        JsonText text => Text(number, text.Value),
        JsonArray texts => Message(texts.Items.Select(text => Texts(number, text))),
        _ => [],
    };

    /// <summary>A flag that is set; one that is not set is left out.</summary>
    public static byte[] Flag(int number) => [.. Tag(number, Varint), 1];

    /// <summary>A floating-point number.</summary>
    public static byte[] Double(int number, double value)
    {
        byte[] bytes = new byte[sizeof(double)];
        BinaryPrimitives.WriteDoubleLittleEndian(bytes, value);
        return [.. Tag(number, Fixed64), .. bytes];
    }

    private static IEnumerable<byte> Tag(int number, int wireType) => Number((number << 3) | wireType);

    private static IEnumerable<byte> Number(int value)
    {
        for (; value >= 0x80; value >>= 7)
            yield return (byte)(value | 0x80);
        yield return (byte)value;
    }
}
