using System.Collections.Concurrent;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace EventStore.Server.Tests.Fixtures;

/// <summary>A span as it was sent (OTLP <c>trace.proto</c>, message Span); ids in hexadecimal.</summary>
internal sealed record Span(
    string Trace, string Id, string Parent, string Name, IReadOnlyDictionary<string, string> Tags, IReadOnlyList<string> Links);

/// <summary>What collects traces and metrics by OTLP over HTTP, and keeps them for the test to look at.</summary>
internal sealed class Collector : IAsyncDisposable
{

    private readonly WebApplication app;
    private readonly ConcurrentQueue<Span> spans = new();

    private Collector(WebApplication app) => this.app = app;

    /// <summary>The settings of a server that is to send here, soon after something happens.</summary>
    public IReadOnlyList<(string Name, string Value)> Settings =>
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", app.Urls.Single()), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_BSP_SCHEDULE_DELAY", "100"), ("OTEL_METRIC_EXPORT_INTERVAL", "200"),
    ];

    /// <summary>The bodies of metrics that came.</summary>
    public ConcurrentQueue<string> Metrics { get; } = new();

    public static async Task<Collector> Start()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        WebApplication app = builder.Build();
        var collector = new Collector(app);
        app.MapPost("/v1/traces", async (HttpContext http) => collector.KeepSpans(await Body(http)));
        app.MapPost("/v1/metrics", async (HttpContext http) => collector.Metrics.Enqueue(Encoding.Latin1.GetString(await Body(http))));
        await app.StartAsync();
        return collector;
    }

    /// <summary>Waits for the spans that fit, one at least.</summary>
    public async Task<Span[]> Spans(Func<Span, bool> which)
    {
        Span[] found = [];
        await Eventually.Holds(
            () => (found = [.. spans.Where(which)]).Length > 0, "such a span", () => string.Join(", ", spans.Select(span => span.Name)));
        return found;
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();

    private static async Task<byte[]> Body(HttpContext http)
    {
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body);
        return body.ToArray();
    }

    private void KeepSpans(byte[] request)
    {
        foreach (byte[] span in Of(request, 1).SelectMany(resource => Of(resource, 2)).SelectMany(scope => Of(scope, 2)))
        {
            spans.Enqueue(new Span(
                Hex(span, 1), Hex(span, 2), Hex(span, 4), Text(span, 5),
                Of(span, 9).ToDictionary(tag => Text(tag, 1), tag => Value(Of(tag, 2).Single())),
                [.. Of(span, 13).Select(link => Hex(link, 2))]));
        }
    }

    private static string Hex(byte[] message, int field) => Convert.ToHexStringLower(Of(message, field).SingleOrDefault() ?? []);

    private static string Text(byte[] message, int field) => Encoding.UTF8.GetString(Of(message, field).SingleOrDefault() ?? []);

    // AnyValue: 1 is a text, 3 an integer.
    private static string Value(byte[] value) => Fields(value).FirstOrDefault(field => field.Number is 1 or 3) switch
    {
        (3, var number, _) => $"{number}",
        (_, _, var text) => Encoding.UTF8.GetString(text ?? []),
    };

    private static IEnumerable<byte[]> Of(byte[] message, int number) =>
        Fields(message).Where(field => field.Number == number).Select(field => field.Bytes);

    private static IEnumerable<(int Number, long Value, byte[] Bytes)> Fields(byte[] message)
    {
        for (int at = 0; at < message.Length;)
        {
            long key = Varint(message, ref at);
            switch (key & 7)
            {
                case 0:
                    yield return ((int)(key >> 3), Varint(message, ref at), []);
                    break;
                case 2:
                    int length = (int)Varint(message, ref at);
                    yield return ((int)(key >> 3), 0, message[at..(at += length)]);
                    break;
                default:
                    at += (key & 7) == 1 ? 8 : 4;
                    break;
            }
        }
    }

    private static long Varint(byte[] message, ref int at)
    {
        long value = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte next = message[at++];
            value |= (long)(next & 0x7f) << shift;
            if (next < 0x80)
                return value;
        }
    }
}
