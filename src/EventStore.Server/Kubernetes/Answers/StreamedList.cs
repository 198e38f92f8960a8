using EventStore.Domain.Json;

namespace EventStore.Server.Kubernetes.Answers;

/// <summary>A list that is sent while its items are read, in the form and encoding the client wants.</summary>
internal sealed class StreamedList
{
    private readonly ObjectView view;
    private readonly ListText text;
    private readonly StreamedReply reply;

    /// <summary>Begins the answer; nothing is sent before there is much of it.</summary>
    public StreamedList(HttpContext http, ObjectView view)
    {
        (this.view, text) = (view, ListText.For(http.Request));
        reply = new StreamedReply(http, text.ContentType);
        text.Begin(view.Frame(JsonObject.Empty), reply.Text);
    }

    /// <summary>How many items it has.</summary>
    public long Count { get; private set; }

    /// <summary>Adds an item.</summary>
    /// <param name="item">The item in the view's form, compact.</param>
    public ValueTask Add(ReadOnlyMemory<byte> item)
    {
        text.Item(item.Span, isFirst: Count++ == 0, view.ItemsName, reply.Text);
        return reply.SendIfMuch();
    }

    /// <summary>Sends the rest. A list that was never ended is seen to be cut off.</summary>
    /// <param name="metadata">The list's metadata.</param>
    /// <returns>The length of the answer in bytes, before compression.</returns>
    public async Task<long> End(JsonObject metadata)
    {
        text.End(view.Frame(metadata), Count > 0, reply.Text);
        await reply.End();
        return reply.Written;
    }
}
