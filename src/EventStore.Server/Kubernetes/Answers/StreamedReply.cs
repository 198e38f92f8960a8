using System.Buffers;
using System.IO.Compression;
using EventStore.Server.Kubernetes.Requests;
using Microsoft.Net.Http.Headers;

namespace EventStore.Server.Kubernetes.Answers;

/// <summary>
/// A body sent in pieces: the buffer is flushed when it is full. If the client takes gzip, compression starts once the body has
/// grown beyond <see cref="JsonReply.GzipThreshold"/>; until then nothing is sent, so that a short body is not compressed.
/// </summary>
#pragma warning disable CA1001 // Closing the gzip stream ends its body, and a body that was broken off must not look whole: End closes it.
internal sealed class StreamedReply
#pragma warning restore CA1001
{
    private const int FlushBytes = JsonReply.GzipThreshold / 2;
    private const int BufferBytes = 80 * 1024; // with one more job of the usual size it still stays off the large object heap

    private readonly HttpContext http;
    private readonly bool takesGzip;
    private ArrayBufferWriter<byte> text = new(BufferBytes);
    private ArrayBufferWriter<byte>? held;
    private GZipStream? gzip;

    /// <summary>Begins the answer; nothing is sent yet, so it can still become another.</summary>
    public StreamedReply(HttpContext http, string contentType = ContentNegotiation.JsonType)
    {
        (this.http, takesGzip) = (http, JsonReply.TakesGzip(http.Request));
        http.Response.ContentType = contentType;
        JsonReply.SetFixedHeaders(http.Response.Headers);
    }

    /// <summary>Where the body is written to.</summary>
    public IBufferWriter<byte> Text => text;

    /// <summary>How many bytes were written, before compression.</summary>
    public long Written { get; private set; }

    /// <summary>Sends what was written if it is much.</summary>
    public async ValueTask SendIfMuch()
    {
        if (text.WrittenCount < FlushBytes)
            return;
        if (takesGzip && gzip is null)
        {
            if (held is null && !IsLong)
            {
                (held, text) = (text, new ArrayBufferWriter<byte>(BufferBytes));
                return;
            }

            Compress();
        }

        await Send();
    }

    /// <summary>Sends the rest. A body that was never ended is seen to be cut off: its gzip has no end either.</summary>
    public async Task End()
    {
        if (takesGzip && gzip is null && IsLong)
            Compress();
        await Send();
        if (gzip is not null)
            await gzip.DisposeAsync();
    }

    /// <summary>Whether what is not sent yet is long: of a single large item, or of what was held with a rest.</summary>
    private bool IsLong => (held?.WrittenCount ?? 0) + text.WrittenCount > JsonReply.GzipThreshold;

    private void Compress()
    {
        http.Response.Headers.ContentEncoding = "gzip";
        http.Response.Headers.Append(HeaderNames.Vary, HeaderNames.AcceptEncoding);
        gzip = new GZipStream(http.Response.Body, CompressionLevel.Fastest, leaveOpen: true);
    }

    private async Task Send()
    {
        Stream body = gzip ?? http.Response.Body;
        if (held is not null)
            await body.WriteAsync(held.WrittenMemory, http.RequestAborted);
        await body.WriteAsync(text.WrittenMemory, http.RequestAborted);
        Written += (held?.WrittenCount ?? 0) + text.WrittenCount;
        held = null;
        text.ResetWrittenCount();
    }
}
