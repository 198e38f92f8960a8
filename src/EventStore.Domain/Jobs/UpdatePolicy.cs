using EventStore.Domain.Json;
using EventStore.Domain.Manifests;

namespace EventStore.Domain.Jobs;

/// <summary>
/// Limits updates to a profile's updatable fields. Everything else stays as created; sending a field with its present value is no change.
/// </summary>
internal static class UpdatePolicy
{
    // Fields that the server sets, or that were checked before: changes to them are silently reverted, as upstream does.
    private static readonly string[] ServerOwned = ["creationTimestamp", "generation", "managedFields", "namespace", "resourceVersion",
        "selfLink", "uid"];

    private static readonly string[] SetByDeletion = ["deletionGracePeriodSeconds", "deletionTimestamp"];

    /// <summary>
    /// The fields outside the table that the candidate would change, in order. Null, absent and an empty object count as equal, for
    /// Go clients send <c>creationTimestamp: null</c> in every template.
    /// </summary>
    public static IReadOnlyList<FieldPath> FixedFieldsChanged(Job job, JsonObject candidate, UpdatableFields updatable) =>
    [
        .. Diff.ByMeaning(FixedPart(job.Manifest, job.Deleting, updatable), FixedPart(candidate, job.Deleting, updatable))
            .Select(change => change.Path)
    ];

    /// <summary>The job's object with the updatable fields of the candidate, everything else in its stored form.</summary>
    public static JsonObject Merge(Job job, JsonObject candidate, UpdatableFields updatable) => updatable.When(job.Deleting).Take(
        // what is null or empty is not there
        job.Manifest, candidate.With("metadata", ObjectMeta.Known((JsonObject)candidate["metadata"]!)));

    /// <summary>The finalizers the candidate would add, in order. While a job is being deleted, none may be.</summary>
    public static IReadOnlyList<string> FinalizersAdded(Job job, JsonObject candidate)
    {
        if (!job.Deleting || candidate["metadata"]?.Member("finalizers") is not JsonArray wanted)
            return [];
        return [.. wanted.Items.Except(job.Finalizers).Select(finalizer => ((JsonText)finalizer).Value).Order(StringComparer.Ordinal)];
    }

    private static JsonObject FixedPart(JsonObject manifest, bool deleting, UpdatableFields updatable)
    {
        JsonObject rest = updatable.When(deleting).Without(manifest.Without("status"));
        if (rest["metadata"] is not JsonObject metadata)
            return rest;
        return rest.With(
            "metadata", JsonObject.Of(metadata.Members.ToArray().Where(member => IsFixed(member.Key, deleting) && !IsEmpty(member.Value))));
    }

    private static bool IsFixed(string metadataField, bool deleting) =>
        !ServerOwned.Contains(metadataField) && !(deleting && SetByDeletion.Contains(metadataField));

    // Go's omitempty: an empty text, list or map in metadata is the same as none.
    private static bool IsEmpty(JsonValue value) => value.IsVoid || value is JsonArray { Items.Count: 0 } or JsonText { Value: "" };
}
