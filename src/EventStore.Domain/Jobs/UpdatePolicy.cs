using EventStore.Domain.History;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;

namespace EventStore.Domain.Jobs;

/// <summary>
/// Which fields of a job may change after it was created. The documented update and replace operations name five:
/// <c>metadata.labels</c>, <c>metadata.annotations</c>, <c>spec.activeDeadlineSeconds</c>, <c>spec.ttlSecondsAfterFinished</c> and
/// <c>spec.cleanPodPolicy</c>. Everything else stays as it was created; naming it with its present value is no change.
/// </summary>
public static class UpdatePolicy
{
    /// <summary>The updatable fields of <c>spec</c>. Null means absent: they are stored with a value or not at all.</summary>
    internal static readonly string[] SpecFields = JobValidation.PolicyFields;

    private static readonly string[] MetadataFields = ["annotations", "labels"];

    // What the server writes, or has checked before this rule: a change of it is put back in silence, as upstream does.
    private static readonly string[] ServerOwned = ["creationTimestamp", "generation", "managedFields", "namespace", "resourceVersion", "selfLink", "uid"];

    private static readonly string[] HeldWhileDeleting = ["deletionGracePeriodSeconds", "deletionTimestamp", "finalizers"];

    /// <summary>The five, as a person names them.</summary>
    public static IReadOnlyList<string> UpdatableFields { get; } =
        ["metadata.labels", "metadata.annotations", "spec.activeDeadlineSeconds", "spec.ttlSecondsAfterFinished", "spec.cleanPodPolicy"];

    /// <summary>
    /// The fields outside the five that the candidate would change, in order. Null, absent and an empty object count as equal, for
    /// Go clients send <c>creationTimestamp: null</c> in every template.
    /// </summary>
    public static IReadOnlyList<FieldPath> FixedFieldsChanged(Job job, JsonObject candidate) =>
        [.. Diff.ByMeaning(FixedPart(job.Manifest, job.Deleting), FixedPart(candidate, job.Deleting)).Select(change => change.Path)];

    /// <summary>The job's object with the updatable fields of the candidate, everything else in its stored form.</summary>
    public static JsonObject Merge(Job job, JsonObject candidate)
    {
        JsonObject metadata = job.Metadata;
        JsonObject wanted = ObjectMeta.Known((JsonObject)candidate["metadata"]!); // what is null or empty is not there
        foreach (string name in MetadataFields)
            metadata = Take(metadata, name, wanted[name]);
        if (job.Deleting)
            metadata = Take(metadata, "finalizers", wanted["finalizers"]);

        JsonObject next = ReferenceEquals(metadata, job.Metadata) ? job.Manifest : job.Manifest.With("metadata", metadata);
        if (candidate["spec"] is not JsonObject wantedSpec || job.Manifest["spec"] is not JsonObject spec)
            return next;
        JsonObject nextSpec = SpecFields.Aggregate(spec, (into, name) => Take(into, name, Present(wantedSpec[name])));
        return ReferenceEquals(nextSpec, spec) ? next : next.With("spec", nextSpec);
    }

    /// <summary>
    /// The job's object with the five as they stood in the past; the same object where nothing differs. Nothing else goes back, finalizers
    /// neither. A null, which no request can leave in one of them, counts as absent: no merge patch could set it.
    /// </summary>
    public static JsonObject Restore(Job job, Job past)
    {
        JsonObject metadata = MetadataFields.Aggregate(job.Metadata, (into, name) => Take(into, name, Present(past.Metadata[name])));
        JsonObject next = ReferenceEquals(metadata, job.Metadata) ? job.Manifest : job.Manifest.With("metadata", metadata);
        if (past.Manifest["spec"] is not JsonObject wanted || job.Manifest["spec"] is not JsonObject spec)
            return next;
        JsonObject nextSpec = SpecFields.Aggregate(spec, (into, name) => Take(into, name, Present(wanted[name])));
        return ReferenceEquals(nextSpec, spec) ? next : next.With("spec", nextSpec);
    }

    /// <summary>The finalizers the candidate would add, in order. While a job is being deleted, none may be.</summary>
    public static IReadOnlyList<string> FinalizersAdded(Job job, JsonObject candidate)
    {
        if (!job.Deleting || candidate["metadata"]?.Member("finalizers") is not JsonArray wanted)
            return [];
        return [.. wanted.Items.Except(job.Finalizers).Select(finalizer => ((JsonText)finalizer).Value).Order(StringComparer.Ordinal)];
    }

    private static JsonValue? Present(JsonValue? value) => value is JsonNull ? null : value;

    private static JsonObject Take(JsonObject into, string name, JsonValue? value) =>
        Equals(into[name], value) ? into : into.WithOrWithout(name, value);

    private static JsonObject FixedPart(JsonObject manifest, bool deleting)
    {
        JsonObject rest = manifest.Without("status");
        if (rest["metadata"] is JsonObject metadata)
            rest = rest.With("metadata", Where(metadata, member => IsFixed(member.Key, deleting) && !IsEmpty(member.Value)));
        return rest["spec"] is JsonObject spec ? rest.With("spec", Where(spec, member => !SpecFields.Contains(member.Key))) : rest;
    }

    private static bool IsFixed(string metadataField, bool deleting) =>
        !MetadataFields.Contains(metadataField) && !ServerOwned.Contains(metadataField) && !(deleting && HeldWhileDeleting.Contains(metadataField));

    private static JsonObject Where(JsonObject from, Func<KeyValuePair<string, JsonValue>, bool> kept) => JsonObject.Of(from.Members.ToArray().Where(kept));

    // Go's omitempty: an empty text, list or map in metadata is the same as none.
    private static bool IsEmpty(JsonValue value) => value.IsVoid || value is JsonArray { Items.Count: 0 } or JsonText { Value: "" };
}
