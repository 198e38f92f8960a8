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
/// <param name="resource">Its kind.</param>
/// <param name="json">The body; empty for none.</param>
internal sealed class ActionBody(ApiResource resource, JsonObject json)
{
    private Status? refusal;

    /// <summary>Its members.</summary>
    public JsonFields Fields { get; } = new(json, resource.Kind);

    /// <summary>The size of the body.</summary>
    public required int Bytes { get; init; }

    /// <summary>Only answer; store nothing.</summary>
    public required bool DryRun { get; init; }

    /// <summary>In which form the job is to be answered.</summary>
    public required JobView View { get; init; }

    /// <summary>Why the first member that was read and is wrong is refused; null when none is.</summary>
    public Status? Refusal => refusal ??= Fields.Wrong is { } wrong ? Undecodable(resource, wrong) : null;

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
        var body = new ActionBody(resource, json) { Bytes = bytes.Length, DryRun = options.DryRun, View = view };
        return body.Check(http) is { } wrong ? (null, wrong) : (body, null);
    }

    /// <summary>A revision, as a number or, as clients copy a resourceVersion, as a text; null where there is none.</summary>
    public long? Revision(string name)
    {
        const string member = "revision";
        string? digits = (json[member] as JsonText)?.Value;
        bool isText = long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out long read);
        long? revision = isText ? read : Fields.Int64(member);
        if (revision <= 0)
            Refuse(name, FieldError.Invalid(FieldPath.Of(member), revision.Value, "must be greater than 0"));
        return revision;
    }

    /// <summary>Whether a member is there and null.</summary>
    public bool IsNull(string member) => json[member] is JsonNull;

    /// <summary>Refuses a value, unless one was refused before.</summary>
    public void Refuse(string name, FieldError error) => refusal = Refusal ?? Status.Invalid(JobResource.Names, name, [error]);

    private Status? Check(HttpContext http)
    {
        foreach ((string member, string expected) in ((string, string)[])[("apiVersion", resource.GroupVersion), ("kind", resource.Kind)])
        {
            if (json[member] is { } said && !said.Equals((JsonValue)expected))
                return Undecodable(resource, $"{member} must be {FieldError.Quote(expected)}");
        }

        string? reason = Fields.Text(AuditReason.Parameter);
        return Refusal ?? AuditReason.Say(http, reason);
    }

    private static Status Undecodable(ApiResource resource, string why) =>
        Status.BadRequest($"{resource.Kind} in version {FieldError.Quote(resource.Version)} cannot be handled as a {resource.Kind}: {why}");
}
