using System.Text;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Jobs;

/// <summary>For what a reason must be given (<c>--require-reason</c>).</summary>
/// <param name="Acts">Some of <see cref="All"/>.</param>
internal sealed record RequiredReasons(IReadOnlySet<string> Acts)
{
    /// <summary>What a reason can be required for.</summary>
    public static IReadOnlyList<string> All { get; } = ["delete", "rollback", "restore"];
}

/// <summary>
/// Why a request is made, as it says itself: in the header <c>Audit-Reason</c> (percent-encoded where needed), else as <c>?reason=</c>,
/// else, for clients that can set neither, in an annotation of the object that is sent, which is taken out and not stored in the job.
/// </summary>
internal static class AuditReason
{
    /// <summary>The header.</summary>
    public const string Header = "Audit-Reason";

    /// <summary>The parameter, and the member of a body that is no job.</summary>
    public const string Parameter = "reason";

    /// <summary>The annotation.</summary>
    public const string Annotation = "eventstore.io/reason";

    /// <summary>The longest reason, in bytes of UTF-8.</summary>
    public const int BytesMax = 1024;

    private static readonly object Said = new();

    /// <summary>The reason; null where nothing was said.</summary>
    public static string? Of(HttpContext http) => OfRequest(http.Request) ?? http.Items[Said] as string;

    /// <summary>Why the reason is refused; null when there is none, or a good one.</summary>
    public static Status? Refusal(HttpContext http) => OfRequest(http.Request) is { } reason ? Refusal(reason) : null;

    /// <summary>Notes the reason that the body gives; it counts where the request itself gives none.</summary>
    /// <returns>Why it is refused, or null.</returns>
    public static Status? Say(HttpContext http, string? reason)
    {
        if (string.IsNullOrEmpty(reason))
            return null;
        http.Items[Said] = reason;
        return Refusal(reason);
    }

    /// <summary>Takes the reason out of an object or a merge patch that carries it as an annotation.</summary>
    /// <returns>The same without the annotation; or why the reason is refused.</returns>
    public static (JsonObject Json, Status? Refusal) Take(HttpContext http, JsonObject json)
    {
        if (json["metadata"] is not JsonObject metadata || metadata["annotations"] is not JsonObject annotations
            || annotations[Annotation] is not JsonText reason)
            return (json, null);
        JsonObject rest = annotations.Without(Annotation);
        metadata = rest.Count > 0 ? metadata.With("annotations", rest) : metadata.Without("annotations");
        return (json.With("metadata", metadata), Say(http, reason.Value));
    }

    /// <summary>The same for a JSON Patch.</summary>
    public static (JsonPatch Patch, Status? Refusal) Take(HttpContext http, JsonPatch patch)
    {
        (JsonPatch rest, JsonText? reason) = patch.WithoutAdded("/metadata/annotations/eventstore.io~1reason");
        return (rest, Say(http, reason?.Value));
    }

    /// <summary>A refusal where a reason is required for the act and none was given; else null.</summary>
    public static Status? Missing(HttpContext http, string act) =>
        http.RequestServices.GetRequiredService<RequiredReasons>().Acts.Contains(act) && Of(http) is null
            ? Status.ReasonMissing(act, http.Request.Path)
            : null;

    private static string? OfRequest(HttpRequest request)
    {
        string header = request.Headers[Header].ToString();
        if (header.Length > 0)
            return Uri.UnescapeDataString(header);
        return request.QueryString.HasValue && request.Query[Parameter] is [{ Length: > 0 } first, ..] ? first : null;
    }

    private static Status? Refusal(string reason)
    {
        FieldPath field = FieldPath.Of(Parameter);
        if (Encoding.UTF8.GetByteCount(reason) > BytesMax)
            return Status.BadRequest($"invalid {Header}: {FieldError.TooLong(field, BytesMax)}");
        return reason.Any(char.IsControl)
            ? Status.BadRequest(
                $"invalid {Header}: {FieldError.Invalid(field, reason, "must be one line of text without control characters")}")
            : null;
    }
}
