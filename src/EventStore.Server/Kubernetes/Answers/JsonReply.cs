using System.Buffers;
using System.IO.Compression;
using System.Text;
using EventStore.Domain.Json;
using EventStore.Server.Kubernetes.Requests;
using Microsoft.Net.Http.Headers;

namespace EventStore.Server.Kubernetes.Answers;

/// <summary>
/// A body that is JSON already: the stored bytes of an object are sent as they are, or indented for a person. Headers as upstream
/// sends them: <c>no-cache, private</c>, <c>nosniff</c>, and gzip only beyond 128 KiB, because compressing a small answer costs
/// more than sending it.
/// </summary>
/// <param name="Code">The HTTP code.</param>
/// <param name="Body">Compact JSON in UTF-8.</param>
public sealed record JsonReply(int Code, ReadOnlySequence<byte> Body) : IResult
{
    /// <summary>A body in one piece.</summary>
    public JsonReply(int code, ReadOnlyMemory<byte> body)
        : this(code, new ReadOnlySequence<byte>(body))
    {
    }

    /// <summary>A body longer than this is compressed for a client that takes gzip.</summary>
    public const int GzipThreshold = 128 * 1024;

    /// <summary>Another Content-Type than <c>application/json</c>, as aggregated discovery needs it.</summary>
    public string ContentType { get; init; } = "application/json";

    /// <inheritdoc/>
    public Task ExecuteAsync(HttpContext httpContext)
    {
        bool yaml = ContentType == ContentNegotiation.JsonType && ContentNegotiation.WantsYaml(httpContext.Request.Headers.Accept);
        ReadOnlySequence<byte> body = yaml ? new(Encoding.UTF8.GetBytes(YamlText.Of(JsonReading.Parse(InOnePiece()))))
            : Pretty.IsWanted(httpContext.Request) ? new(Pretty.Indent(InOnePiece()))
            : Body;
        HttpResponse response = httpContext.Response;
        response.StatusCode = Code;
        response.ContentType = yaml ? ContentNegotiation.YamlType : ContentType;
        SetFixedHeaders(response.Headers);
        if (body.Length > GzipThreshold && TakesGzip(httpContext.Request))
            return WriteCompressed(httpContext, body);
        response.ContentLength = body.Length;
        return Write(body, response.Body, httpContext.RequestAborted);
    }

    /// <summary>The headers every JSON answer carries, for those who stream theirs.</summary>
    public static void SetFixedHeaders(IHeaderDictionary headers)
    {
        headers.CacheControl = "no-cache, private";
        headers.XContentTypeOptions = "nosniff";
    }

    /// <summary>Whether the client takes gzip: upstream looks for that very word, without a q-value.</summary>
    public static bool TakesGzip(HttpRequest request)
    {
        foreach (string? line in request.Headers.AcceptEncoding)
        {
            foreach (Range part in line.AsSpan().Split(','))
            {
                if (line.AsSpan(part).Trim() is "gzip")
                    return true;
            }
        }

        return false;
    }

    private ReadOnlySpan<byte> InOnePiece() => Body.IsSingleSegment ? Body.FirstSpan : Body.ToArray();

    private static async Task Write(ReadOnlySequence<byte> body, Stream to, CancellationToken stop)
    {
        foreach (ReadOnlyMemory<byte> piece in body)
            await to.WriteAsync(piece, stop);
    }

    private static async Task WriteCompressed(HttpContext context, ReadOnlySequence<byte> body)
    {
        context.Response.Headers.ContentEncoding = "gzip";
        context.Response.Headers.Append(HeaderNames.Vary, HeaderNames.AcceptEncoding);
        await using var gzip = new GZipStream(context.Response.Body, CompressionLevel.Fastest, leaveOpen: true);
        await Write(body, gzip, context.RequestAborted);
    }
}
