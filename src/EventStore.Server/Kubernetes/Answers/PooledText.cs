using System.Buffers;
using System.IO.Pipelines;

namespace EventStore.Server.Kubernetes.Answers;

/// <summary>
/// A body that is whole before its first byte is sent, in pieces of pooled memory: it can still become an error, it needs no connection to
/// the database while a slow client reads, and its length is known. One array of a page's size would lie on the large object heap, and a
/// collection of everything would come every few hundred pages. Dispose gives the pieces back.
/// </summary>
public sealed class PooledText : IBufferWriter<byte>, IDisposable
{
    private const int PieceBytes = 64 << 10;

    private readonly Pipe pieces;

    private PooledText(MemoryPool<byte>? pool) =>
        pieces = new Pipe(new PipeOptions(pool, pauseWriterThreshold: 0, minimumSegmentSize: PieceBytes, useSynchronizationContext: false));

    /// <summary>How many bytes were written.</summary>
    public long Length => pieces.Writer.UnflushedBytes;

    /// <summary>An empty body, which is disposed of when the response has been sent or given up.</summary>
    /// <param name="response">The response it is for.</param>
    /// <param name="pool">Where the pieces come from, if not from the pool that everything shares.</param>
    public static PooledText For(HttpResponse response, MemoryPool<byte>? pool = null)
    {
        var text = new PooledText(pool);
        response.RegisterForDispose(text);
        return text;
    }

    /// <summary>Ends the body. What it answers is good until <see cref="Dispose"/>.</summary>
    public ReadOnlySequence<byte> End()
    {
        pieces.Writer.Complete();
        return pieces.Reader.TryRead(out ReadResult whole) ? whole.Buffer : default;
    }

    /// <inheritdoc/>
    public void Advance(int count) => pieces.Writer.Advance(count);

    /// <inheritdoc/>
    public Memory<byte> GetMemory(int sizeHint = 0) => pieces.Writer.GetMemory(sizeHint);

    /// <inheritdoc/>
    public Span<byte> GetSpan(int sizeHint = 0) => pieces.Writer.GetSpan(sizeHint);

    /// <inheritdoc/>
    public void Dispose()
    {
        pieces.Writer.Complete();
        pieces.Reader.Complete();
    }
}
