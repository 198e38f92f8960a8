using System.Buffers;
using System.IO.Pipelines;
using System.Net.WebSockets;
using EventStore.Server.Access;

namespace EventStore.Server.Kubernetes.Answers;

/// <summary>
/// A watch over a WebSocket, which browsers can read as it comes: each line of the watch is a text message (apiserver
/// <c>handlers/watch.go</c>, <c>HandleWS</c>). Messages of the client are read and dropped, except its close.
/// </summary>
internal sealed class WatchSocket(HttpContext http)
{
    private const int WaitingBytes = 64 * 1024;
    private static readonly TimeSpan ClosePatience = TimeSpan.FromSeconds(1);

    private readonly Pipe lines = new(new PipeOptions(
        pauseWriterThreshold: WaitingBytes, resumeWriterThreshold: WaitingBytes / 2, useSynchronizationContext: false));

    private WebSocket? socket;
    private Task sending = Task.CompletedTask;
    private Task receiving = Task.CompletedTask;
    private volatile bool hasEnded;

    /// <summary>Where the lines are written to; a flush waits for the client as one of the response itself would.</summary>
    public PipeWriter Lines => lines.Writer;

    /// <summary>Answers 101, once. The subprotocol is the first one offered that does not carry the token.</summary>
    public async Task Start()
    {
        if (socket is not null)
            return;
        string? protocol = http.WebSockets.WebSocketRequestedProtocols.FirstOrDefault(each => !SubprotocolToken.Is(each));
        socket = await http.WebSockets.AcceptWebSocketAsync(protocol);
        (sending, receiving) = (Send(socket), Receive(socket));
    }

    /// <summary>Sends what is left, and closes properly.</summary>
    public async Task End()
    {
        hasEnded = true;
        await lines.Writer.CompleteAsync();
        await sending;
        if (socket is { State: WebSocketState.Open or WebSocketState.CloseReceived })
        {
            await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, http.RequestAborted);
            await Task.WhenAny(receiving, Task.Delay(ClosePatience, http.RequestAborted));
        }
    }

    private async Task Send(WebSocket to)
    {
        try
        {
            for (bool more = true; more;)
            {
                ReadResult read = await lines.Reader.ReadAsync(http.RequestAborted);
                await SendLines(to, read.Buffer);
                lines.Reader.AdvanceTo(read.Buffer.End);
                more = !read.IsCompleted;
            }
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException or IOException)
        {
            http.Abort(); // the client left
        }

        await lines.Reader.CompleteAsync();
    }

    private async Task SendLines(WebSocket to, ReadOnlySequence<byte> text)
    {
        while (!text.IsEmpty)
        {
            SequencePosition? end = text.PositionOf((byte)'\n');
            foreach (ReadOnlyMemory<byte> piece in text.Slice(0, end ?? text.End))
                await to.SendAsync(piece, WebSocketMessageType.Text, endOfMessage: false, http.RequestAborted);
            if (end is not { } at)
                return;
            await to.SendAsync(ReadOnlyMemory<byte>.Empty, WebSocketMessageType.Text, endOfMessage: true, http.RequestAborted);
            text = text.Slice(text.GetPosition(1, at));
        }
    }

    private async Task Receive(WebSocket from)
    {
        byte[] dropped = new byte[1024];
        try
        {
            while ((await from.ReceiveAsync(dropped, http.RequestAborted)).MessageType != WebSocketMessageType.Close)
            {
                // A watch takes no messages from its client.
            }

            if (!hasEnded && from.State == WebSocketState.CloseReceived)
                await from.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, http.RequestAborted);
        }
        catch (Exception e) when (e is WebSocketException or OperationCanceledException or IOException)
        {
            // The client disconnected, or the watch is over.
        }

        if (!hasEnded)
            http.Abort();
    }
}
