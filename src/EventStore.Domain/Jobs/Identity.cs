using System.Globalization;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;

namespace EventStore.Domain.Jobs;

/// <summary>
/// The first checks of every write, in upstream's order: is it this kind of object, is it the job of the URL, is it this
/// incarnation, and is it based on the current revision.
/// </summary>
internal static class Identity
{
    /// <summary>A manifest to be created.</summary>
    public static Rejection? OfNewJob(CreateJob create) =>
        Readable(create.Manifest)
        ?? NamespaceMatches(create.Key, create.Manifest["metadata"])
        ?? (ResourceVersion(create.Manifest) is { } text && text.Length > 0 && text != "0"
            ? new Rejection.BadRequest("resourceVersion should not be set on objects to be created")
            : null)
        ?? Rejection.NoNewContent.In(create.Namespace, NameOf(create.Manifest["metadata"]));

    /// <summary>A manifest that is to replace a job, or only its status.</summary>
    public static Rejection? OfReplacement(Job? job, JobKey key, JsonObject manifest)
    {
        JsonValue? metadata = manifest["metadata"];
        if ((Readable(manifest) ?? NameMatches(key, metadata) ?? NamespaceMatches(key, metadata)) is { } refused)
            return refused;
        string uid = (metadata?.Member("uid") as JsonText)?.Value ?? string.Empty;
        if (uid.Length > 0 && uid != job?.UidText)
            return new Rejection.UidMismatch(uid, job?.UidText ?? string.Empty);
        if (job is null)
            return new Rejection.NotFound();
        return ResourceVersion(manifest) is { } text ? Current(job, text) : new Rejection.RevisionMissing();
    }

    /// <summary>
    /// The manifest of a replacement with omitted metadata restored, except updatable metadata: omitting that removes it. A Go
    /// operator that removed the last finalizer sends none at all (<c>omitempty</c>).
    /// </summary>
    public static JsonObject Complete(Job job, JsonObject manifest, UpdatableFields updatable)
    {
        FieldTree? changeable = updatable.When(job.Deleting)["metadata"];
        var metadata = (JsonObject)manifest["metadata"]!;
        foreach (KeyValuePair<string, JsonValue> member in job.Metadata.Members)
        {
            if (changeable?[member.Key] is null && (metadata[member.Key]?.IsVoid ?? true))
                metadata = metadata.With(member.Key, member.Value);
        }

        return manifest.With("metadata", metadata);
    }

    /// <summary>A configuration by which a job is to be created.</summary>
    public static Rejection? OfApplied(JobKey key, JsonObject configuration)
    {
        JsonValue? metadata = configuration["metadata"];
        return metadata?.Member("uid") is JsonText { Value.Length: > 0 } uid
            ? new Rejection.NoneToApplyTo(uid.Value)
            : NamespaceMatches(key, metadata) ?? NameMatches(key, metadata);
    }

    /// <summary>A job with a merge patch applied.</summary>
    /// <param name="job">The job as it stands.</param>
    /// <param name="resourceVersion">The revision the patch names as an optimistic lock; null for none.</param>
    /// <param name="candidate">The job's manifest with the patch applied.</param>
    public static Rejection? OfPatched(Job job, JsonValue? resourceVersion, JsonObject candidate)
    {
        JsonValue? metadata = candidate["metadata"];
        IReadOnlyList<FieldError> unreadable = ObjectMeta.TypeErrors(candidate);
        if (unreadable.Count > 0)
            return new Rejection.Invalid(unreadable);
        if ((IsOurKind(candidate) ?? NameMatches(job.Key, metadata) ?? NamespaceMatches(job.Key, metadata)) is { } refused)
            return refused;
        string uid = (metadata?.Member("uid") as JsonText)?.Value ?? string.Empty;
        if (uid.Length > 0 && uid != job.UidText)
            return new Rejection.Invalid(FieldError.Invalid(FieldPath.Of("metadata", "uid"), uid, "field is immutable"));
        return resourceVersion switch
        {
            null => null,
            JsonText text => Current(job, text.Value),
            _ => new Rejection.RevisionMissing(),
        };
    }

    /// <summary>A Scale that is to be set.</summary>
    public static Rejection? OfScale(Job job, JsonObject scale, string? resourceVersion)
    {
        JsonValue? metadata = scale["metadata"];
        if ((NameMatches(job.Key, metadata) ?? NamespaceMatches(job.Key, metadata)) is { } refused)
            return refused;
        string uid = (metadata?.Member("uid") as JsonText)?.Value ?? string.Empty;
        return uid.Length > 0 && uid != job.UidText ? new Rejection.UidMismatch(uid, job.UidText) : OfLock(job, resourceVersion);
    }

    /// <summary>A resourceVersion that is a lock; null where none was given.</summary>
    public static Rejection? OfLock(Job job, string? resourceVersion) => resourceVersion is null ? null : Current(job, resourceVersion);

    // The name, or what one is generated from (apiserver admission, extractResourceName).
    private static string NameOf(JsonValue? metadata) => ((string[])["name", "generateName"])
        .Select(member => (metadata?.Member(member) as JsonText)?.Value).FirstOrDefault(text => text is { Length: > 0 }) ?? "Unknown";

    private static Rejection? Readable(JsonObject manifest)
    {
        IReadOnlyList<FieldError> unreadable = ObjectMeta.TypeErrors(manifest);
        return unreadable.Count > 0
            ? new Rejection.BadRequest($"PyTorchJob in version \"v1\" cannot be handled as a PyTorchJob: {string.Join(", ", unreadable)}")
            : IsOurKind(manifest);
    }

    private static Rejection? IsOurKind(JsonObject manifest)
    {
        string apiVersion = (manifest["apiVersion"] as JsonText)?.Value ?? string.Empty;
        string kind = (manifest["kind"] as JsonText)?.Value ?? string.Empty;
        if (kind.Length == 0)
            return new Rejection.BadRequest("Object 'Kind' is missing");
        if (apiVersion != Schema.ApiVersion)
            return new Rejection.BadRequest(
                $"the API version in the data ({apiVersion}) does not match the expected API version ({Schema.ApiVersion})");
        return kind == Schema.Kind
            ? null
            : new Rejection.Invalid(FieldError.Invalid(FieldPath.Of("kind"), kind, $"must be {Schema.Kind}"));
    }

    private static Rejection.BadRequest? NameMatches(JobKey key, JsonValue? metadata)
    {
        string name = (metadata?.Member("name") as JsonText)?.Value ?? string.Empty;
        if (name.Length == 0)
            return new Rejection.BadRequest($"the name of the object ({key.Name} based on URL) was undeterminable: name must be provided");
        return name == key.Name
            ? null
            : new Rejection.BadRequest($"the name of the object ({name}) does not match the name on the URL ({key.Name})");
    }

    private static Rejection.BadRequest? NamespaceMatches(JobKey key, JsonValue? metadata) =>
        metadata?.Member("namespace") is JsonText { Value.Length: > 0 } text && text.Value != key.Namespace
            ? new Rejection.BadRequest("the namespace of the provided object does not match the namespace sent on the request")
            : null;

    private static string? ResourceVersion(JsonObject manifest) => (manifest["metadata"]?.Member("resourceVersion") as JsonText)?.Value;

    private static Rejection? Current(Job job, string resourceVersion)
    {
        if (resourceVersion.Length == 0)
            return new Rejection.RevisionMissing();
        if (!ulong.TryParse(resourceVersion, NumberStyles.None, CultureInfo.InvariantCulture, out ulong asked))
            return new Rejection.BadRequest(
                $"metadata.resourceVersion: Invalid value: {FieldError.Quote(resourceVersion)}: must be the decimal number of a revision");
        if (asked == 0)
            return new Rejection.RevisionMissing();
        return asked == (ulong)job.Revision ? null : new Rejection.Stale();
    }
}
