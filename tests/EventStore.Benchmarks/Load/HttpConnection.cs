using System.Buffers.Text;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace EventStore.Benchmarks.Load;

/// <summary>
/// One keep-alive connection that speaks just enough HTTP/1.1: a request goes out in one write, and of the answer the status, the
/// length and, up to the buffer's size, the body are read. HttpClient costs several times the CPU, which on a machine shared with the
/// server would be taken from what is measured.
/// </summary>
internal sealed class HttpConnection(EndPoint server) : IDisposable
{
    private readonly byte[] body = new byte[64 * 1024];
    private byte[] buffer = new byte[64 * 1024];
    private Socket? socket;
    private int start;
    private int end;
    private int bodyLength;
    private long chunkRemaining;
    private bool chunkOpen;

    public int Status { get; private set; }

    /// <summary>The size of the whole body.</summary>
    public long BodyBytes { get; private set; }

    /// <summary>The body's last bytes, as many as are kept: all of it unless it is large.</summary>
    public ReadOnlySpan<byte> Body => body.AsSpan(0, bodyLength);

    /// <summary>Sends a request and reads the whole answer.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask Exchange(ReadOnlyMemory<byte> request)
    {
        long? length = await Begin(request);
        if (length is null)
        {
            while (true)
            {
                ReadOnlyMemory<byte> piece = await NextPiece();
                if (piece.IsEmpty)
                    return;
                Keep(piece.Span);
            }
        }

        for (long remaining = length.Value; remaining > 0;)
        {
            if (start == end)
                await Receive();
            int taken = (int)Math.Min(remaining, end - start);
            Keep(buffer.AsSpan(start, taken));
            start += taken;
            remaining -= taken;
        }
    }

    /// <summary>Sends a request and reads the answer's head; null when the body comes in chunks, else its length.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<long?> Begin(ReadOnlyMemory<byte> request)
    {
        if (socket is null)
            await Connect();
        (bodyLength, BodyBytes, chunkOpen, chunkRemaining) = (0, 0, false, 0);
        await socket!.SendAsync(request);
        int head;
        while ((head = buffer.AsSpan(start, end - start).IndexOf("\r\n\r\n"u8)) < 0)
            await Receive();
        long? length = ReadHead(buffer.AsSpan(start, head + 2));
        start += head + 4;
        return length;
    }

    /// <summary>The next bytes of a body that comes in chunks; nothing at its end. They are valid until the next call.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<ReadOnlyMemory<byte>> NextPiece()
    {
        while (chunkRemaining == 0)
        {
            int line;
            if (chunkOpen)
                await Skip(2); // the line break behind the chunk before
            while ((line = buffer.AsSpan(start, end - start).IndexOf("\r\n"u8)) < 0)
                await Receive();
            if (!Utf8Parser.TryParse(buffer.AsSpan(start, line), out chunkRemaining, out _, 'x'))
                throw new IOException("a chunk without a length");
            start += line + 2;
            chunkOpen = true;
            if (chunkRemaining == 0)
            {
                await Skip(2);
                return default;
            }
        }

        if (start == end)
            await Receive();
        int taken = (int)Math.Min(chunkRemaining, end - start);
        var piece = new ReadOnlyMemory<byte>(buffer, start, taken);
        start += taken;
        chunkRemaining -= taken;
        return piece;
    }

    /// <summary>Breaks the connection off; the next request opens another.</summary>
    public void Close()
    {
        socket?.Dispose();
        socket = null;
        (start, end) = (0, 0);
    }

    public void Dispose() => Close();

    private async Task Connect()
    {
        socket = new Socket(server.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(server);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask Receive()
    {
        if (start == end)
            (start, end) = (0, 0);
        if (end == buffer.Length)
        {
            if (start == 0)
                Array.Resize(ref buffer, buffer.Length * 2);
            buffer.AsSpan(start, end - start).CopyTo(buffer);
            (start, end) = (0, end - start);
        }

        int received = await socket!.ReceiveAsync(buffer.AsMemory(end));
        if (received == 0)
            throw new IOException("the server closed the connection");
        end += received;
    }

    private async ValueTask Skip(int count)
    {
        while (end - start < count)
            await Receive();
        start += count;
    }

    private long? ReadHead(ReadOnlySpan<byte> head)
    {
        Status = ((head[9] - '0') * 100) + ((head[10] - '0') * 10) + head[11] - '0';
        int at = head.IndexOf("\r\nContent-Length: "u8);
        if (at >= 0 && Utf8Parser.TryParse(head[(at + 18)..], out long length, out _))
            return length;
        return head.IndexOf("\r\nTransfer-Encoding: chunked"u8) >= 0 ? null : throw new IOException("an answer without a length");
    }

    private void Keep(ReadOnlySpan<byte> piece)
    {
        BodyBytes += piece.Length;
        if (piece.Length > body.Length)
            piece = piece[^body.Length..];
        if (bodyLength + piece.Length > body.Length)
            bodyLength = 0;
        piece.CopyTo(body.AsSpan(bodyLength));
        bodyLength += piece.Length;
    }
}
