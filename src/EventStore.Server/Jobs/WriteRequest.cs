using EventStore.Domain.Manifests;
using EventStore.Server.Kubernetes;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Jobs;

/// <summary>
/// A write as it was sent, read in upstream's order: media types (415, 406), the size of the body (413), the query (400, 422), the
/// body itself (400, 422).
/// </summary>
/// <param name="Body">The patch or the object; null when the request is refused.</param>
/// <param name="BodyBytes">The size of the body.</param>
/// <param name="DryRun">Only answer; store nothing.</param>
/// <param name="Refusal">Why it is refused, or null.</param>
/// <param name="RefusedAfterLoading">Whether upstream would have found out only after it had loaded the object.</param>
internal sealed record WriteRequest(JsonObject? Body, int BodyBytes, bool DryRun, Status? Refusal, bool RefusedAfterLoading = false)
{
    /// <summary>Reads a merge patch.</summary>
    public static async Task<WriteRequest> ReadPatch(HttpContext http, string name)
    {
        if (ContentNegotiation.RefusePatch(http.Request.Headers.ContentType) is { } unsupported)
            return Refused(unsupported);
        (ReadOnlyMemory<byte> bytes, WriteOptions? options, Status? refusal) = await ReadBytes(http, WriteKind.Patch);
        if (refusal is not null)
            return Refused(refusal);
        if (!RequestBody.TryParsePatch(bytes.Span, JobAnswers.Resource, name, out JsonObject? patch, out refusal, out IReadOnlyList<FieldPath> duplicates,
                RequestLimits.Of(http).Nesting))
            return Refused(refusal) with { RefusedAfterLoading = true };

        // An unknown field in a patch is refused by the five-field rule, whatever fieldValidation says; what is left are duplicates.
        IReadOnlyList<string> texts = options!.FieldValidation == FieldValidation.Ignore ? [] : StrictDecoding.Texts([], duplicates);
        if (texts.Count > 0 && options.FieldValidation == FieldValidation.Strict)
            return Refused(StrictDecoding.RefusePatch(patch, texts)) with { RefusedAfterLoading = true };
        StrictDecoding.Warn(http.Response.Headers, texts);
        return new WriteRequest(patch, bytes.Length, options.DryRun, null);
    }

    /// <summary>Reads a whole object.</summary>
    public static async Task<WriteRequest> ReadObject(HttpContext http, WriteKind kind, string name)
    {
        if (ContentNegotiation.RefuseBody(http.Request.Headers.ContentType) is { } unsupported)
            return Refused(unsupported);
        (ReadOnlyMemory<byte> bytes, WriteOptions? options, Status? refusal) = await ReadBytes(http, kind);
        if (refusal is not null)
            return Refused(refusal);
        if (!RequestBody.TryParseObject(bytes.Span, JobAnswers.Resource, name, out JsonObject? manifest, out refusal, out IReadOnlyList<FieldPath> duplicates,
                RequestLimits.Of(http).Nesting))
            return Refused(refusal);

        IReadOnlyList<string> texts = options!.FieldValidation == FieldValidation.Ignore
            ? []
            : StrictDecoding.Texts(Schema.UnknownFields(manifest), duplicates);
        if (texts.Count > 0 && options.FieldValidation == FieldValidation.Strict)
            return Refused(StrictDecoding.RefuseObject(JobAnswers.Resource, texts));
        StrictDecoding.Warn(http.Response.Headers, texts);
        return new WriteRequest(manifest, bytes.Length, options.DryRun, null);
    }

    private static async Task<(ReadOnlyMemory<byte> Bytes, WriteOptions? Options, Status? Refusal)> ReadBytes(HttpContext http, WriteKind kind)
    {
        if (!ContentNegotiation.TryChoose(http.Request.Headers.Accept, Representations.Plain, out _, out Status? refusal))
            return (default, null, refusal);
        (ReadOnlyMemory<byte> bytes, refusal) = await RequestBody.Read(http.Request);
        if (refusal is not null)
            return (default, null, refusal);
        return WriteOptions.TryRead(http.Request, kind, out WriteOptions? options, out refusal) ? (bytes, options, null) : (default, null, refusal);
    }

    private static WriteRequest Refused(Status refusal) => new(null, 0, false, refusal);
}
