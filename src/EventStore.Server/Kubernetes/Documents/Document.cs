using System.Globalization;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using EventStore.Domain.Json;
using EventStore.Server.Kubernetes.Answers;
using EventStore.Server.Kubernetes.Requests;
using Microsoft.AspNetCore.Http.Headers;
using Microsoft.Net.Http.Headers;

namespace EventStore.Server.Kubernetes.Documents;

/// <summary>
/// A static document, printed and compressed once. Its ETag is a hash, so a client that has it is answered 304. The hash is
/// upstream's: SHA-512 in upper-case hex (apiserver <c>discovery/aggregated</c>, kube-openapi <c>handler3</c>).
/// </summary>
public sealed class Document : IResult
{
    private static readonly TimeSpan Immutable = TimeSpan.FromDays(365);

    private readonly byte[] body;
    private readonly byte[] compressed;
    private readonly EntityTagHeaderValue tag;
    private readonly Lazy<Document> yaml;

    /// <summary>Makes the document.</summary>
    /// <param name="body">Its bytes.</param>
    /// <param name="contentType">Their media type; parameters are compared by clients, so it goes out as it is.</param>
    /// <param name="hash">The hash it is asked for by; null for its own. Another form of a document goes by the first one's.</param>
    public Document(byte[] body, string contentType = ContentNegotiation.JsonType, string? hash = null)
    {
        (this.body, ContentType, compressed) = (body, contentType, Compress(body));
        string own = Convert.ToHexString(SHA512.HashData(body));
        Hash = hash ?? own;
        tag = new EntityTagHeaderValue($"\"{own}\"");
        yaml = new Lazy<Document>(() => new Document(
            Encoding.UTF8.GetBytes(YamlText.Of(JsonReading.Parse(body))),
            contentType.Replace(ContentNegotiation.JsonType, ContentNegotiation.YamlType, StringComparison.Ordinal), Hash));
    }

    /// <summary>Makes a JSON document.</summary>
    public Document(JsonValue body, string contentType = ContentNegotiation.JsonType)
        : this(body.ToUtf8(), contentType)
    {
    }

    /// <summary>Tells this document, in any of its forms, from every other.</summary>
    public string Hash { get; }

    public string ContentType { get; }

    /// <summary>A JSON document as YAML, made when somebody first asks for it. Its media type has the same parameters.</summary>
    public Document AsYaml => yaml.Value;

    /// <inheritdoc/>
    public Task ExecuteAsync(HttpContext httpContext)
    {
        HttpRequest request = httpContext.Request;
        HttpResponse response = httpContext.Response;
        JsonReply.SetFixedHeaders(response.Headers);
        response.Headers.ETag = tag.ToString();
        response.Headers.Vary = HeaderNames.Accept;
        if (request.Query["hash"] == Hash)
            KeepForEver(response.Headers);
        if (IsKnownTo(request))
        {
            response.StatusCode = StatusCodes.Status304NotModified;
            return Task.CompletedTask;
        }

        response.ContentType = ContentType;
        return response.Body.WriteAsync(BytesFor(request, response), httpContext.RequestAborted).AsTask();
    }

    private byte[] BytesFor(HttpRequest request, HttpResponse response)
    {
        bool pretty = ContentType.StartsWith(ContentNegotiation.JsonType, StringComparison.Ordinal) && Pretty.IsWanted(request);
        byte[] bytes = pretty ? Pretty.Indent(body) : body;
        if (!pretty && JsonReply.TakesGzip(request))
        {
            bytes = compressed;
            response.Headers.ContentEncoding = "gzip";
            response.Headers.Append(HeaderNames.Vary, HeaderNames.AcceptEncoding);
        }

        response.ContentLength = bytes.Length;
        return bytes;
    }

    private bool IsKnownTo(HttpRequest request)
    {
        if (request.Headers.IfNoneMatch.Count == 0)
            return false;
        IList<EntityTagHeaderValue> known = new RequestHeaders(request.Headers).IfNoneMatch;
        return known.Any(each => each.Equals(EntityTagHeaderValue.Any) || each.Compare(tag, useStrongComparison: false));
    }

    /// <summary>Who asks for a document by its hash gets this one or none: it need never ask again.</summary>
    private static void KeepForEver(IHeaderDictionary headers)
    {
        headers.CacheControl = "public, immutable";
        headers.Expires = (DateTimeOffset.UtcNow + Immutable).ToString("R", CultureInfo.InvariantCulture);
    }

    private static byte[] Compress(byte[] body)
    {
        using var buffer = new MemoryStream();
        using (var gzip = new GZipStream(buffer, CompressionLevel.SmallestSize))
            gzip.Write(body);
        return buffer.ToArray();
    }
}
