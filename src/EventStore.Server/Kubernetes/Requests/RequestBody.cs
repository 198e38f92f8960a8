using EventStore.Domain.Json;
using EventStore.Domain.Manifests;

namespace EventStore.Server.Kubernetes.Requests;

/// <summary>
/// A request's body as bytes, not yet understood. Reading and understanding are two steps because upstream looks at the query
/// options between them: a body too large is 413 before a bad option is 422, and that comes before bad JSON is 400.
/// </summary>
public static class RequestBody
{
    /// <summary>The most bytes a body may have: upstream's limit.</summary>
    public const int BytesMax = 3 * 1024 * 1024;

    private const int FirstBufferBytes = 4096;

    /// <summary>Reads the whole body; the second value is the refusal, if there is one.</summary>
    /// <param name="request">The request.</param>
    /// <param name="bytesMax">The most bytes it may have: 413 beyond.</param>
    /// <param name="valuesMax">The most JSON values and names it may have: 413 beyond. A value takes far more memory than the byte it
    /// is written with.</param>
    public static async ValueTask<(ReadOnlyMemory<byte> Bytes, Status? Refusal)> Read(
        HttpRequest request, int bytesMax, int valuesMax = int.MaxValue)
    {
        if (request.ContentLength > bytesMax)
            return (default, Status.TooLarge(bytesMax));
        if (RefuseEncoding(request) is { } encoded)
            return (default, encoded);
        BodyBudget? budget = request.HttpContext.RequestServices?.GetService<BodyBudget>();
        if (budget is not null && await budget.TakeForReading(request.HttpContext, request.ContentLength ?? bytesMax) is { } full)
            return (default, full);
        (ReadOnlyMemory<byte> bytes, Status? refusal) = await ReadAll(request, bytesMax);
        if (refusal is null && ContentNegotiation.IsYaml(request.Headers.ContentType) && !IsJsonConfiguration(request, bytes.Span))
        {
            (bytes, string? wrong, bool hasTooMany) = YamlBody.Read(bytes, valuesMax, typedNames: IsConfiguration(request));
            if (hasTooMany)
                return (default, Status.TooManyValues(valuesMax));
            if (wrong is not null)
                return (default, Status.BadRequest($"error converting YAML to JSON: {wrong}"));
        }

        int values = refusal is null ? BodyBudget.CountValues(bytes.Span, valuesMax) : 0;
        if (values > valuesMax)
            return (default, Status.TooManyValues(valuesMax));
        refusal ??= budget is null ? null : await budget.TakeForValues(request.HttpContext, bytes.Length, values);
        return refusal is null ? (bytes, null) : (default, refusal);
    }

    // Most applied configurations are JSON, which is read several times as fast as the YAML it is too.
    private static bool IsJsonConfiguration(HttpRequest request, ReadOnlySpan<byte> body) =>
        body.Length > 0 && body[0] == '{' && IsConfiguration(request) && JsonReading.TryParse(body, out _, out _);

    private static bool IsConfiguration(HttpRequest request) =>
        ContentNegotiation.PatchType(request.Headers.ContentType) == Profile.ApplyPatchType;

    /// <summary>415 for a body that is compressed: passed over, its bytes would be called bad JSON.</summary>
    private static Status? RefuseEncoding(HttpRequest request)
    {
        string encoding = request.Headers.ContentEncoding.ToString().Trim();
        return encoding.Length == 0 || encoding.Equals("identity", StringComparison.OrdinalIgnoreCase)
            ? null
            : Status.UnsupportedEncoding(encoding);
    }

    private static async ValueTask<(ReadOnlyMemory<byte> Bytes, Status? Refusal)> ReadAll(HttpRequest request, int bytesMax)
    {
        try
        {
            return await ReadStream(request, bytesMax);
        }
        catch (BadHttpRequestException e)
        {
            return (default, OfBadRequest(e, bytesMax));
        }
        catch (IOException)
        {
            // The connection broke: most likely nobody is left to read this.
            return (default, Status.BadRequest("the body of the request ended early"));
        }
    }

    /// <summary>
    /// The answer to what the web server itself found wrong with a request: a broken chunk, a body too large or too slow.
    /// </summary>
    public static Status OfBadRequest(BadHttpRequestException e, long bytesMax = BytesMax) => e.StatusCode switch
    {
        StatusCodes.Status413PayloadTooLarge => Status.TooLarge(bytesMax),
        StatusCodes.Status408RequestTimeout => Status.BodyTimeout(),
        _ => Status.BadRequest(e.Message),
    };

    private static async ValueTask<(ReadOnlyMemory<byte>, Status?)> ReadStream(HttpRequest request, int bytesMax)
    {
        byte[] buffer = new byte[request.ContentLength ?? FirstBufferBytes];
        int length = 0;
        while (true)
        {
            if (length == buffer.Length)
            {
                if (length == request.ContentLength)
                    return (buffer, null);
                Array.Resize(ref buffer, Math.Min(2 * length, bytesMax + 1));
            }

            int count = await request.Body.ReadAsync(buffer.AsMemory(length), request.HttpContext.RequestAborted);
            length += count;
            if (length > bytesMax)
                return (default, Status.TooLarge(bytesMax));
            if (count == 0)
                return (buffer.AsMemory(0, length), null);
        }
    }
}
