using System.Text;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;

namespace EventStore.Domain.Apply;

/// <summary>
/// From client-side apply to server-side apply, as upstream does it for the manager <c>kubectl</c>: a field whose value is still that of
/// the last client-side apply (in its annotation) causes no conflict. The annotation is kept up to date, so that one can go back.
/// </summary>
internal static class ClientSideApply
{
    private const string Manager = "kubectl";
    private const string Annotation = "kubectl.kubernetes.io/last-applied-configuration";

    /// <summary>An apply with those rules.</summary>
    /// <inheritdoc cref="FieldOwners.Apply"/>
    public static FieldOwners.Applied Apply(
        FieldOwners owners, FieldOwner by, JsonObject job, JsonObject configuration, bool force, long time)
    {
        FieldOwners.Applied applied = owners.Apply(by, job, configuration, force, time);
        if (by.Name != Manager)
            return applied;
        if (applied.Conflicts.Count > 0)
        {
            if (Unchanged(job) is not { } allowed)
                return applied;
            var paths = FieldSet.Paths(allowed).Select(TypedPlace.Show).ToHashSet(StringComparer.Ordinal);
            FieldConflict[] left = [.. applied.Conflicts.Where(conflict => !paths.Contains(conflict.Path))];
            if (left.Length > 0)
                return applied with { Conflicts = left };
            applied = owners.Apply(by, job, configuration, force: true, time);
        }

        return LastApplied(applied.Job) is null ? applied : applied with { Job = WithLastApplied(applied.Job, configuration) };
    }

    /// <summary>The fields that stand as they were applied last; null when nothing says what was.</summary>
    private static JsonObject? Unchanged(JsonObject job)
    {
        if (LastApplied(job) is not { } text
            || !JsonReading.TryParse(Encoding.UTF8.GetBytes(text), out JsonValue? read, out _) || read is not JsonObject last
            || last["apiVersion"] is not JsonText { Value: Schema.ApiVersion } || AppliedConfiguration.Wrong(last) is not null)
            return null;
        FieldComparison since = FieldComparison.Of(last, job);
        return FieldSet.Difference(TypedFields.Of(last), FieldSet.Union(since.Set, since.Removed));
    }

    private static JsonObject WithLastApplied(JsonObject job, JsonObject configuration)
    {
        if (configuration["metadata"] is JsonObject applied && applied["annotations"] is JsonObject texts)
            configuration = configuration.With("metadata", applied.With("annotations", texts.Without(Annotation)));
        var metadata = (JsonObject)job["metadata"]!;
        var annotations = (JsonObject)metadata["annotations"]!;
        return job.With("metadata", metadata.With("annotations", annotations.With(Annotation, configuration + "\n")));
    }

    private static string? LastApplied(JsonObject job) =>
        job["metadata"]?.Member("annotations")?.Member(Annotation) is JsonText { Value.Length: > 0 } text ? text.Value : null;
}
