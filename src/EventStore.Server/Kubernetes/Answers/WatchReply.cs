using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using EventStore.Server.Kubernetes.Requests;

namespace EventStore.Server.Kubernetes.Answers;

/// <summary>
/// The answer to a watch: one JSON object a line, <c>{"type":"ADDED","object":{…}}</c>, sent as soon as there is nothing more to send
/// (API-concepts, "Efficient detection of changes").
/// </summary>
public sealed class WatchReply
{
    /// <summary>So many bytes are sent without waiting for more.</summary>
    private const int ChunkBytes = 64 * 1024;

    private readonly HttpContext http;
    private readonly PipeWriter body;
    private readonly WatchSocket? socket; // where the client asked for one

    /// <summary>Begins the answer: from here on it is a 200.</summary>
    public WatchReply(HttpContext http)
    {
        this.http = http;
        socket = http.WebSockets.IsWebSocketRequest ? new WatchSocket(http) : null;
        body = socket?.Lines ?? http.Response.BodyWriter;
        if (socket is not null)
            return;
        http.Response.ContentType = ContentNegotiation.JsonType;
        JsonReply.SetFixedHeaders(http.Response.Headers);
    }

    /// <summary>
    /// Adds a frame to the buffer, to be sent with the next flush. A large frame is sent in chunks, so that the buffer holds at
    /// most <see cref="ChunkBytes"/>.
    /// </summary>
    /// <param name="frame">The frame.</param>
    public async ValueTask Write(WatchFrame frame)
    {
        body.Write("{\"type\":\""u8);
        Encoding.ASCII.GetBytes(frame.Type, body);
        body.Write("\",\"object\":"u8);
        for (int at = 0; at < frame.Utf8.Length; at += ChunkBytes)
        {
            body.Write(frame.Utf8.Span.Slice(at, Math.Min(ChunkBytes, frame.Utf8.Length - at)));
            if (body.UnflushedBytes >= ChunkBytes)
                await Flush();
        }

        body.Write("}\n"u8);
    }

    /// <summary>The object of a bookmark: the watcher has seen everything up to this revision.</summary>
    /// <param name="resource">The kind of object watched.</param>
    /// <param name="revision">The revision.</param>
    /// <param name="endsInitialEvents">Whether it ends what there was when the watch began (<c>sendInitialEvents</c>).</param>
    public static byte[] Bookmark(ApiResource resource, long revision, bool endsInitialEvents)
    {
        string annotation = endsInitialEvents ? "\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}," : string.Empty;
        string version = string.Create(CultureInfo.InvariantCulture, $"\"resourceVersion\":\"{revision}\"");
        string metadata = $$$"""{{{{annotation}}}"creationTimestamp":null,{{{version}}}}""";
        return Encoding.UTF8.GetBytes(
            $$$"""{"apiVersion":"{{{resource.GroupVersion}}}","kind":"{{{resource.Kind}}}","metadata":{{{metadata}}}}""");
    }

    /// <summary>Sends the headers. From here on a failure breaks the connection off; before, it is an answer of its own.</summary>
    public Task Start(CancellationToken stop) => socket is null ? http.Response.StartAsync(stop) : socket.Start();

    /// <summary>Ends the answer properly, once everything is flushed.</summary>
    public Task End() => socket is null ? Task.CompletedTask : socket.End();

    /// <summary>
    /// Flushes the buffer and waits until the client has read (back-pressure). It takes no cancellation: Kestrel aborts a
    /// connection whose flush is cancelled. A client that is too slow is disconnected by <see cref="Abort"/>.
    /// </summary>
    public async Task Flush()
    {
        SentBytes += body.UnflushedBytes;
        await body.FlushAsync();
    }

    /// <summary>How much was sent, or is on its way.</summary>
    public long SentBytes { get; private set; }

    /// <summary>Aborts the connection: for a client that does not keep up an end that looks proper would be a lie.</summary>
    public void Abort() => http.Abort();
}

/// <summary>One frame of a watch.</summary>
/// <param name="Type"><c>ADDED</c>, <c>MODIFIED</c>, <c>DELETED</c>, <c>BOOKMARK</c> or <c>ERROR</c>.</param>
/// <param name="Utf8">The object, compact; good until the next frame is made.</param>
public sealed record WatchFrame(string Type, ReadOnlyMemory<byte> Utf8);
