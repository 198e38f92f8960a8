using System.Buffers;
using System.Text.Json;

namespace EventStore.Domain.Json;

/// <summary>
/// Prints compact JSON in UTF-8. Each thread keeps one with its buffer, so that printing allocates the text and nothing else. Dispose gives
/// it back.
/// </summary>
public sealed class JsonPrinter : IDisposable
{
    private const int KeptBytesMax = 64 << 10;

    private static readonly JsonWriterOptions Compact = new() { Encoder = PlainEscaping.Encoder, SkipValidation = true };

    [ThreadStatic]
    private static JsonPrinter? idle;

    private readonly ArrayBufferWriter<byte> buffer = new(4096);

    private JsonPrinter() => Writer = new Utf8JsonWriter(buffer, Compact);

    /// <summary>Writes the text.</summary>
    public Utf8JsonWriter Writer { get; }

    /// <summary>How many bytes were written by now.</summary>
    public int WrittenBytes => (int)(Writer.BytesCommitted + Writer.BytesPending);

    /// <summary>Takes the one of this thread, or makes one while that is in use.</summary>
    public static JsonPrinter Take()
    {
        JsonPrinter taken = idle ?? new JsonPrinter();
        idle = null;
        return taken;
    }

    /// <summary>Copies what was written into a new array.</summary>
    public byte[] ToUtf8()
    {
        Writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (buffer.Capacity > KeptBytesMax)
        {
            Writer.Dispose();
            return;
        }

        buffer.ResetWrittenCount();
        Writer.Reset();
        idle = this;
    }
}
