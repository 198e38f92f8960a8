using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using EventStore.Server.Kubernetes;
using EventStore.Server.Kubernetes.Requests;
using EventStore.Server.Resources;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Jobs;

/// <summary>A rollback as it was sent: <c>{"revision": N}</c>, and a <c>resourceVersion</c> where it is to be locked.</summary>
/// <param name="Revision">Where to go back to.</param>
/// <param name="ResourceVersion">The lock; null for none.</param>
/// <param name="BodyBytes">The size of the body.</param>
/// <param name="DryRun">Only answer; store nothing.</param>
/// <param name="Refusal">Why it is refused, or null.</param>
internal sealed record RollbackRequest(long Revision, string? ResourceVersion, int BodyBytes, bool DryRun, Status? Refusal)
{
    /// <summary>The kind of the body. It may say its kind and apiVersion, and need not.</summary>
    public static readonly ApiResource Resource = new("audit.eventstore.io", "v1", "pytorchjobs", "pytorchjob", "PyTorchJobRollback");

    /// <summary>What a body looks like.</summary>
    public static readonly ObjectShape Shape = new(
        ("apiVersion", new TextShape(), Resource.GroupVersion),
        ("kind", new TextShape(), Resource.Kind),
        ("resourceVersion", new TextShape(), "An optimistic lock: the revision the job must have now."),
        ("revision", new IntegerShape(1), "The revision to go back to; a number no event of the job has means the last one before it."));

    /// <summary>In which form the job is to be answered; null when the request is refused.</summary>
    public JobView? View { get; init; }

    /// <summary>Reads a rollback.</summary>
    /// <param name="http">The request.</param>
    /// <param name="name">The job's name.</param>
    /// <param name="clock">The clock, for ages in a table.</param>
    public static async Task<RollbackRequest> Read(HttpContext http, string name, TimeProvider clock)
    {
        if (ContentNegotiation.RefuseBody(http.Request.Headers.ContentType) is { } unsupported)
            return Refused(unsupported);
        (ReadOnlyMemory<byte> bytes, WriteOptions? options, JobView view, Status? refusal) = await WriteRequest.ReadBytes(http,
            WriteKind.Create, clock);
        if (refusal is not null)
            return Refused(refusal);
        var duplicates = new List<FieldPath>();
        if (!JsonReading.TryParse(bytes.Span, out JsonValue? value, out JsonFault? fault, duplicates))
            return Refused(Undecodable(GoSyntax.Explain(bytes.Span) ?? fault!.Message));
        if (value is not JsonObject body)
            return Refused(Undecodable($"json: cannot unmarshal {value!.Kind} into Go value of type {Resource.Kind}"));

        FieldPath[] unknown = [.. body.Names.Where(member => Shape[member] is null).Select(member => FieldPath.Root.Member(member))];
        IReadOnlyList<string> texts = options!.FieldValidation == FieldValidation.Ignore ? [] : StrictDecoding.Texts(unknown, duplicates);
        if (texts.Count > 0 && options.FieldValidation == FieldValidation.Strict)
            return Refused(StrictDecoding.RefuseObject(Resource, texts));
        StrictDecoding.Warn(http.Response.Headers, texts);
        return Of(body, name) with { BodyBytes = bytes.Length, DryRun = options.DryRun, View = view };
    }

    private static RollbackRequest Of(JsonObject body, string name)
    {
        foreach ((string member, string expected) in ((string, string)[])[("apiVersion", Resource.GroupVersion), ("kind", Resource.Kind)])
        {
            if (body[member] is { } said && !said.Equals((JsonValue)expected))
                return Refused(Undecodable($"{member} must be {FieldError.Quote(expected)}"));
        }

        if (body["revision"] is null or JsonNull)
            return Refused(Status.Invalid(JobResource.Names, name, [FieldError.Required(FieldPath.Of("revision"))]));
        if (body["revision"] is not JsonNumber number || !number.TryGetInt64(out long revision))
            return Refused(Mismatch("revision", body["revision"]!, "int64"));
        if (body["resourceVersion"] is not (null or JsonNull or JsonText))
            return Refused(Mismatch("resourceVersion", body["resourceVersion"]!, "string"));
        if (revision <= 0)
            return Refused(Status.Invalid(JobResource.Names, name,
                [FieldError.Invalid(FieldPath.Of("revision"), revision, "must be greater than 0")]));
        string? resourceVersion = body["resourceVersion"] switch
        {
            null => null,
            JsonText text => text.Value,
            _ => string.Empty, // null, which is no revision here as little as in a patch
        };
        return new RollbackRequest(revision, resourceVersion, 0, false, null);
    }

    private static Status Mismatch(string member, JsonValue value, string type) =>
        Undecodable($"json: cannot unmarshal {(value is JsonBoolean ? "bool" : value.Kind)} into Go struct field "
            + $"{Resource.Kind}.{member} of type {type}");

    private static Status Undecodable(string why) =>
        Status.BadRequest($"{Resource.Kind} in version {FieldError.Quote(Resource.Version)} cannot be handled as a {Resource.Kind}: {why}");

    private static RollbackRequest Refused(Status refusal) => new(0, null, 0, false, refusal);
}
