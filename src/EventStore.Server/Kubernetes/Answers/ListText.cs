using System.Buffers;
using System.Text;
using EventStore.Domain.Json;
using EventStore.Server.Kubernetes.Requests;

namespace EventStore.Server.Kubernetes.Answers;

/// <summary>How a list is written item by item: compact, indented for a person, or as YAML.</summary>
internal sealed class ListText
{
    private readonly bool pretty;
    private readonly bool yaml;

    private ListText(bool pretty, bool yaml) => (this.pretty, this.yaml) = (pretty, yaml);

    /// <summary>The media type of it.</summary>
    public string ContentType => yaml ? ContentNegotiation.YamlType : ContentNegotiation.JsonType;

    /// <summary>As the client wants it.</summary>
    public static ListText For(HttpRequest request)
    {
        bool yaml = ContentNegotiation.WantsYaml(request.Headers.Accept);
        return new ListText(!yaml && Pretty.IsWanted(request), yaml);
    }

    /// <summary>Writes what stands before the first item.</summary>
    /// <param name="frame">The text before the first item and behind the last, compact; the metadata may still be others.</param>
    /// <param name="to">Where to.</param>
    public void Begin((string Begin, string End) frame, IBufferWriter<byte> to)
    {
        if (yaml)
            return; // in YAML the list's other members may follow the items
        Encoding.UTF8.GetBytes(pretty ? Pretty.IndentAround(frame.Begin, frame.End).Begin : frame.Begin, to);
    }

    /// <summary>Writes an item.</summary>
    /// <param name="item">The item, compact.</param>
    /// <param name="isFirst">Whether it is the first.</param>
    /// <param name="name">What the list of items is called.</param>
    /// <param name="to">Where to.</param>
    public void Item(ReadOnlySpan<byte> item, bool isFirst, string name, IBufferWriter<byte> to)
    {
        if (yaml)
        {
            if (isFirst)
                Encoding.UTF8.GetBytes(name + ":\n", to);
            Encoding.UTF8.GetBytes(YamlText.Item(JsonReading.Parse(item)), to);
            return;
        }

        to.Write(isFirst ? default : ","u8);
        to.Write(pretty ? "\n    "u8 : default);
        to.Write(pretty ? Pretty.Indent(item, depth: 2) : item);
    }

    /// <summary>Writes what stands behind the last item.</summary>
    /// <param name="frame">The text before the first item and behind the last, compact.</param>
    /// <param name="any">Whether there were items.</param>
    /// <param name="to">Where to.</param>
    public void End((string Begin, string End) frame, bool any, IBufferWriter<byte> to)
    {
        if (yaml)
        {
            var around = (JsonObject)JsonReading.Parse(Encoding.UTF8.GetBytes(frame.Begin + frame.End));
            Encoding.UTF8.GetBytes(YamlText.Of(any ? around.Without(around["rows"] is null ? "items" : "rows") : around), to);
            return;
        }

        string end = pretty ? Pretty.IndentAround(frame.Begin, frame.End).End : frame.End;
        Encoding.UTF8.GetBytes(any ? end : end.TrimStart(), to);
    }
}
