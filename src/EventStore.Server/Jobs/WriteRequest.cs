using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using EventStore.Server.Kubernetes.Requests;
using EventStore.Server.Limits;
using EventStore.Server.Resources;
using EventStore.Server.Store.Reads;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Jobs;

/// <summary>
/// A write as it was sent, read in upstream's order: media types (415, 406), the size of the body (413), the query (400, 422), the
/// body itself (400, 422).
/// </summary>
/// <param name="Body">The merge patch or the object; null for another patch and when the request is refused.</param>
/// <param name="BodyBytes">The size of the body.</param>
/// <param name="DryRun">Only answer; store nothing.</param>
/// <param name="Refusal">Why it is refused, or null.</param>
/// <param name="RefusedAfterLoading">Whether upstream would have found out only after it had loaded the object.</param>
internal sealed record WriteRequest(JsonObject? Body, int BodyBytes, bool DryRun, Status? Refusal, bool RefusedAfterLoading = false)
{
    /// <summary>In which form the job is to be answered; null when the request is refused.</summary>
    public JobView? View { get; init; }

    /// <summary>The patch, when it is one.</summary>
    public SentPatch? Patch { get; init; }

    /// <summary>Whether the body is an applied configuration (server-side apply).</summary>
    public bool IsApply { get; init; }

    /// <summary>Whether an apply takes over what others own.</summary>
    public bool Force { get; init; }

    /// <summary>
    /// Why it is refused, or null. Upstream looks for the object before it reads a patch: a bad patch of a missing job is 404.
    /// </summary>
    public async Task<Status?> RefusalOr404(JobReads reads, JobKey key, CancellationToken stop) =>
        RefusedAfterLoading && await reads.Get(key, stop) is null ? JobAnswers.NotFound(key) : Refusal;

    /// <summary>Reads a patch.</summary>
    /// <param name="http">The request.</param>
    /// <param name="name">The job's name.</param>
    /// <param name="clock">Tells the time ages are counted to.</param>
    /// <param name="taken">The types of patches that are taken.</param>
    /// <param name="isOfJob">Whether it patches the job itself and not its scale.</param>
    public static async Task<WriteRequest> ReadPatch(
        HttpContext http, string name, TimeProvider clock, IReadOnlyList<string> taken, bool isOfJob = true)
    {
        if (ContentNegotiation.RefusePatch(http.Request.Headers.ContentType, taken) is { } unsupported)
            return Refused(unsupported);
        bool isApply = ContentNegotiation.PatchType(http.Request.Headers.ContentType) == Profile.ApplyPatchType;
        (ReadOnlyMemory<byte> bytes, WriteOptions? options, JobView view, Status? refusal) = await ReadBytes(
            http, isApply ? WriteKind.Apply : WriteKind.Patch, clock);
        if (refusal is not null)
            return Refused(refusal);
        if (isApply)
            return Configuration(http, bytes, options!, view, name);
        if (ContentNegotiation.PatchType(http.Request.Headers.ContentType) == Profile.JsonPatchType)
        {
            if (BodyJson.TryParseOperations(
                bytes.Span, JobResource.Names, name, out JsonPatch? operations, out refusal, RequestLimits.Of(http).Nesting))
                (operations, refusal) = AuditReason.Take(http, operations);
            return refusal is null
                ? new WriteRequest(null, bytes.Length, options!.DryRun, null) { View = view, Patch = new SentPatch.Operations(operations!) }
                : Refused(refusal) with { RefusedAfterLoading = true };
        }

        if (!BodyJson.TryParsePatch(
            bytes.Span, JobResource.Names, name, out JsonObject? patch, out refusal,
            out IReadOnlyList<FieldPath> duplicates, RequestLimits.Of(http).Nesting))
            return Refused(refusal) with { RefusedAfterLoading = true };

        IReadOnlyList<FieldPath> unknown = isOfJob ? http.Profile().UnknownInPatch(patch) : [];
        IReadOnlyList<string> texts = options!.FieldValidation == FieldValidation.Ignore ? [] : StrictDecoding.Texts(unknown, duplicates);
        if (texts.Count > 0 && options.FieldValidation == FieldValidation.Strict)
            return Refused(StrictDecoding.RefusePatch(patch, texts)) with { RefusedAfterLoading = true };
        (patch, refusal) = AuditReason.Take(http, patch);
        if (refusal is not null)
            return Refused(refusal);
        StrictDecoding.Warn(http.Response.Headers, texts);
        return new WriteRequest(patch, bytes.Length, options.DryRun, null) { View = view, Patch = patch };
    }

    private static WriteRequest Configuration(HttpContext http, ReadOnlyMemory<byte> bytes, WriteOptions options, JobView view, string name)
    {
        if (!BodyJson.TryParseConfiguration(
            bytes.Span, JobResource.Names, name, out JsonObject? configuration, out Status? refusal,
            out IReadOnlyList<FieldPath> duplicates, RequestLimits.Of(http).Nesting))
            return Refused(refusal);
        IReadOnlyList<string> texts = options.FieldValidation == FieldValidation.Ignore ? [] : StrictDecoding.Texts([], duplicates);
        if (texts.Count > 0 && options.FieldValidation == FieldValidation.Strict)
            return Refused(StrictDecoding.RefuseConfiguration(texts));
        StrictDecoding.Warn(http.Response.Headers, texts);
        return new WriteRequest(configuration, bytes.Length, options.DryRun, null) { View = view, IsApply = true, Force = options.Force };
    }

    /// <summary>Reads a whole object.</summary>
    public static async Task<WriteRequest> ReadObject(HttpContext http, WriteKind kind, string name, TimeProvider clock)
    {
        if (ContentNegotiation.RefuseBody(http.Request.Headers.ContentType) is { } unsupported)
            return Refused(unsupported);
        (ReadOnlyMemory<byte> bytes, WriteOptions? options, JobView view, Status? refusal) = await ReadBytes(http, kind, clock);
        if (refusal is not null)
            return Refused(refusal);
        if (!BodyJson.TryParseObject(
            bytes.Span, JobResource.Names, name, out JsonObject? manifest, out refusal,
            out IReadOnlyList<FieldPath> duplicates, RequestLimits.Of(http).Nesting))
            return Refused(refusal);

        IReadOnlyList<string> texts = options!.FieldValidation == FieldValidation.Ignore
            ? []
            : StrictDecoding.Texts(http.Profile().UnknownFields(manifest), duplicates);
        if (texts.Count > 0 && options.FieldValidation == FieldValidation.Strict)
            return Refused(StrictDecoding.RefuseObject(JobResource.Names, texts));
        (manifest, refusal) = AuditReason.Take(http, manifest);
        if (refusal is not null)
            return Refused(refusal);
        StrictDecoding.Warn(http.Response.Headers, texts);
        return new WriteRequest(manifest, bytes.Length, options.DryRun, null) { View = view };
    }

    /// <summary>Reads what comes first of every write: the form the answer is to have, the body as bytes, and the query.</summary>
    public static async Task<(ReadOnlyMemory<byte> Bytes, WriteOptions? Options, JobView View, Status? Refusal)> ReadBytes(
        HttpContext http, WriteKind kind, TimeProvider clock)
    {
        if (!JobView.TryRead(http, isList: false, clock, out JobView view, out Status? refusal))
            return (default, null, view, refusal);
        if (AuditReason.Refusal(http) is { } wrong)
            return (default, null, view, wrong);
        RequestLimits limits = RequestLimits.Of(http);
        (ReadOnlyMemory<byte> bytes, refusal) = kind == WriteKind.Update
            ? await RequestBody.Read(http.Request, limits.PutBytes, 2 * limits.BodyValues)
            : await RequestBody.Read(http.Request, limits.BodyBytes, limits.BodyValues);
        if (refusal is not null)
            return (default, null, view, refusal);
        return WriteOptions.TryRead(http.Request, kind, out WriteOptions? options, out refusal)
            ? (bytes, options, view, null)
            : (default, null, view, refusal);
    }

    private static WriteRequest Refused(Status refusal) => new(null, 0, false, refusal);
}
