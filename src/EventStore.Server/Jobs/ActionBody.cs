using System.Globalization;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using EventStore.Server.Kubernetes;
using EventStore.Server.Kubernetes.Requests;
using EventStore.Server.Resources;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Jobs;

/// <summary>
/// A POST that asks for an act and holds no job: a rollback, a restore. It may say its kind and apiVersion, and need not.
/// </summary>
/// <param name="Resource">Its kind.</param>
/// <param name="Json">The body; empty for none.</param>
/// <param name="Bytes">The size of the body.</param>
/// <param name="DryRun">Only answer; store nothing.</param>
/// <param name="View">In which form the job is to be answered.</param>
internal sealed record ActionBody(ApiResource Resource, JsonObject Json, int Bytes, bool DryRun, JobView View)
{
    /// <summary>Reads the body and the query, in the order of every write. A <c>reason</c> in it is that of the request.</summary>
    /// <param name="http">The request.</param>
    /// <param name="resource">What it is called.</param>
    /// <param name="shape">What it may hold.</param>
    /// <param name="clock">The clock, for ages in a table.</param>
    public static async Task<(ActionBody? Body, Status? Refusal)> Read(
        HttpContext http, ApiResource resource, ObjectShape shape, TimeProvider clock)
    {
        if (ContentNegotiation.RefuseBody(http.Request.Headers.ContentType) is { } unsupported)
            return (null, unsupported);
        (ReadOnlyMemory<byte> bytes, WriteOptions? options, JobView view, Status? refusal) =
            await WriteRequest.ReadBytes(http, WriteKind.Create, clock);
        if (refusal is not null)
            return (null, refusal);
        var duplicates = new List<FieldPath>();
        if (!JsonReading.TryParse(bytes.Span, out JsonValue? value, out JsonFault? fault, duplicates))
            return (null, Undecodable(resource, GoSyntax.Explain(bytes.Span) ?? fault!.Message));
        if (value is not JsonObject json)
            return (null, Undecodable(resource, $"json: cannot unmarshal {value!.Kind} into Go value of type {resource.Kind}"));

        FieldPath[] unknown = [.. json.Names.Where(member => shape[member] is null).Select(member => FieldPath.Root.Member(member))];
        IReadOnlyList<string> texts = options!.FieldValidation == FieldValidation.Ignore ? [] : StrictDecoding.Texts(unknown, duplicates);
        if (texts.Count > 0 && options.FieldValidation == FieldValidation.Strict)
            return (null, StrictDecoding.RefuseObject(resource, texts));
        StrictDecoding.Warn(http.Response.Headers, texts);
        var body = new ActionBody(resource, json, bytes.Length, options.DryRun, view);
        return body.Refusal(http) is { } wrong ? (null, wrong) : (body, null);
    }

    /// <summary>A revision, as a number or, as clients copy a resourceVersion, as a text.</summary>
    /// <returns>The revision, or null where there is none; or why it is refused.</returns>
    public (long? Revision, Status? Refusal) Revision(string name)
    {
        const string member = "revision";
        JsonValue? value = Json[member];
        if (value is null or JsonNull)
            return (null, null);
        bool read = value switch
        {
            JsonNumber number => number.TryGetInt64(out _),
            JsonText text => long.TryParse(text.Value, NumberStyles.None, CultureInfo.InvariantCulture, out _),
            _ => false,
        };
        if (!read)
            return (null, Mismatch(member, "int64"));
        long revision = long.Parse(value is JsonText digits ? digits.Value : ((JsonNumber)value).Text, CultureInfo.InvariantCulture);
        return revision > 0
            ? (revision, null)
            : (null, Status.Invalid(
                JobResource.Names, name, [FieldError.Invalid(FieldPath.Of(member), revision, "must be greater than 0")]));
    }

    /// <summary>A text, or null where there is none; or why it is refused.</summary>
    public (string? Text, Status? Refusal) Text(string member) => Json[member] switch
    {
        null or JsonNull => (null, null),
        JsonText text => (text.Value, null),
        _ => (null, Mismatch(member, "string")),
    };

    /// <summary>A flag, false where there is none; or why it is refused.</summary>
    public (bool Value, Status? Refusal) Flag(string member) => Json[member] switch
    {
        null or JsonNull => (false, null),
        JsonBoolean flag => (flag.Value, null),
        _ => (false, Mismatch(member, "bool")),
    };

    private Status? Refusal(HttpContext http)
    {
        foreach ((string member, string expected) in ((string, string)[])[("apiVersion", Resource.GroupVersion), ("kind", Resource.Kind)])
        {
            if (Json[member] is { } said && !said.Equals((JsonValue)expected))
                return Undecodable(Resource, $"{member} must be {FieldError.Quote(expected)}");
        }

        (string? reason, Status? refusal) = Text(AuditReason.Parameter);
        return refusal ?? AuditReason.Say(http, reason);
    }

    private Status Mismatch(string member, string type)
    {
        JsonValue value = Json[member]!;
        return Undecodable(Resource, $"json: cannot unmarshal {(value is JsonBoolean ? "bool" : value.Kind)} into Go struct field "
            + $"{Resource.Kind}.{member} of type {type}");
    }

    private static Status Undecodable(ApiResource resource, string why) =>
        Status.BadRequest($"{resource.Kind} in version {FieldError.Quote(resource.Version)} cannot be handled as a {resource.Kind}: {why}");
}
