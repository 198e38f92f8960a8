using System.Buffers;
using System.Text.Json;

namespace EventStore.Domain.Json;

/// <summary>
/// Prints compact JSON in UTF-8. Each thread keeps one with its buffer, so that printing allocates the text and nothing else. Dispose gives
/// it back.
/// </summary>
public sealed class JsonPrinter : IBufferWriter<byte>, IDisposable
{
    private const int KeptBytesMax = 64 << 10;
    private const int SharedBytesMax = 16 << 20;

    private static readonly JsonWriterOptions Compact = new() { Encoder = PlainEscaping.Encoder, SkipValidation = true };

    // Larger buffers, one of each size for all threads: on its way to a text of 3 MB a buffer of one's own leaves 15 MB to the collector.
    private static readonly ArrayPool<byte> Shared = ArrayPool<byte>.Create(SharedBytesMax, maxArraysPerBucket: 1);

    [ThreadStatic]
    private static JsonPrinter? idle;

    private byte[] buffer = new byte[4096];
    private int length;

    private JsonPrinter() => Writer = new Utf8JsonWriter(this, Compact);

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

    /// <summary>Copies what was written from a place on into a new array.</summary>
    public byte[] ToUtf8(int from = 0)
    {
        Writer.Flush();
        return buffer[from..length];
    }

    /// <summary>Copies what was written.</summary>
    public void CopyTo(IBufferWriter<byte> to)
    {
        Writer.Flush();
        to.Write(buffer.AsSpan(0, length));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (buffer.Length > KeptBytesMax)
        {
            Shared.Return(buffer);
            buffer = new byte[4096];
        }

        length = 0;
        Writer.Reset();
        idle = this;
    }

    /// <inheritdoc/>
    void IBufferWriter<byte>.Advance(int count) => length += count;

    /// <inheritdoc/>
    Memory<byte> IBufferWriter<byte>.GetMemory(int sizeHint)
    {
        MakeRoomFor(sizeHint);
        return buffer.AsMemory(length);
    }

    /// <inheritdoc/>
    Span<byte> IBufferWriter<byte>.GetSpan(int sizeHint)
    {
        MakeRoomFor(sizeHint);
        return buffer.AsSpan(length);
    }

    private void MakeRoomFor(int bytes)
    {
        if (buffer.Length - length >= Math.Max(bytes, 1))
            return;
        int wanted = Math.Max(2 * buffer.Length, length + bytes);
        byte[] grown = wanted > KeptBytesMax ? Shared.Rent(wanted) : new byte[wanted];
        buffer.AsSpan(0, length).CopyTo(grown);
        if (buffer.Length > KeptBytesMax)
            Shared.Return(buffer);
        buffer = grown;
    }
}
