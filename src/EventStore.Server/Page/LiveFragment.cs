using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using EventStore.Server.Kubernetes.Answers;
using Microsoft.Net.Http.Headers;

namespace EventStore.Server.Page;

/// <summary>The content of a page: its element <c>main</c>. A script that has the same already is answered 304.</summary>
/// <param name="Head">The revision at which it stands.</param>
/// <param name="Html">The element, in UTF-8.</param>
/// <param name="Compressed">The same by gzip.</param>
/// <param name="Tag">A hash of what it shows, as an ETag is written: without the ages, which the script keeps up to date.</param>
/// <param name="Code">The HTTP status code; that of a refusal where the page is one.</param>
internal sealed partial record LiveFragment(
    long Head, byte[] Html, byte[] Compressed, string Tag, int Code = StatusCodes.Status200OK) : IResult
{
    /// <summary>How many bytes it takes.</summary>
    public int Bytes => Html.Length + Compressed.Length;

    /// <summary>Compresses and hashes it.</summary>
    public static LiveFragment Of(long head, byte[] html, int code = StatusCodes.Status200OK)
    {
        using var buffer = new MemoryStream();
        using (var gzip = new GZipStream(buffer, CompressionLevel.Fastest))
            gzip.Write(html);
        byte[] shown = Encoding.UTF8.GetBytes(Passing().Replace(Encoding.UTF8.GetString(html), "$1"));
        return new LiveFragment(head, html, buffer.ToArray(), $"\"{Convert.ToHexString(SHA256.HashData(shown))}\"", code);
    }

    /// <inheritdoc/>
    public Task ExecuteAsync(HttpContext httpContext)
    {
        HttpResponse response = httpContext.Response;
        response.Headers.ETag = Tag;
        response.Headers.Vary = HeaderNames.AcceptEncoding;
        response.StatusCode = httpContext.Request.Headers.IfNoneMatch == Tag ? StatusCodes.Status304NotModified : Code;
        if (response.StatusCode == StatusCodes.Status304NotModified)
            return Task.CompletedTask;
        byte[] bytes = Html;
        if (JsonReply.TakesGzip(httpContext.Request))
            (bytes, response.Headers.ContentEncoding) = (Compressed, "gzip");
        response.ContentType = "text/html; charset=utf-8";
        response.ContentLength = bytes.Length;
        return response.Body.WriteAsync(bytes, httpContext.RequestAborted).AsTask();
    }

    [GeneratedRegex("from=[0-9]+|(<time[^>]*>)[^<]*")]
    private static partial Regex Passing();
}
