using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;

namespace EventStore.Domain.History;

/// <summary>What an event changed, value by value.</summary>
public static class Changes
{
    /// <summary>
    /// The changed values with their paths, before and after. A creation and a deletion change no single value: the first brings the
    /// whole object, the second takes it away.
    /// </summary>
    public static IReadOnlyList<Change> Of(JobEvent happened) => happened switch
    {
        JobApplied { Subresource: not null } applied => Diff.ByForm(applied.Replaced, applied.Patch),
        JobEdit edit => Between(edit.Replaced, edit.Patch),
        JobStatusUpdated updated => Diff.ByForm(Status(updated.Replaced), Status(updated.Status)),
        JobDeletionRequested requested =>
        [
            new Change(FieldPath.Of("metadata", "deletionTimestamp"), null, requested.DeletionTimestamp),
            .. requested.Finalizers is null
                ? (Change[])[]
                : [new Change(FieldPath.Of("metadata", "finalizers"), requested.FinalizersReplaced, requested.Finalizers)],
        ],
        JobDeleted { Patch: { } patch, Replaced: { } replaced } => Between(replaced, patch),
        _ => [],
    };

    // An event holds two merge patches, one each way: applied to nothing, each leaves the values that stood on its side.
    private static IReadOnlyList<Change> Between(JsonObject replaced, JsonObject patch) =>
        Diff.ByForm((JsonObject)MergePatch.Apply(null, replaced), (JsonObject)MergePatch.Apply(null, patch));

    private static JsonObject Status(JsonValue? status) => status is null ? JsonObject.Empty : JsonObject.Of(("status", status));
}
