using EventStore.Domain.Json;
using EventStore.Domain.Manifests;

namespace EventStore.Domain.Jobs;

/// <summary>
/// Rollback: restores the updatable fields (those with <see cref="UpdatableField.RolledBack"/>) from an earlier revision of the same
/// incarnation, by a new event. The events since stay in the history, and fields that other parties own (status, finalizers) stay as they
/// are.
/// </summary>
public static class Rollback
{
    /// <summary>
    /// The differences that remain between the past and the job after the rollback, without the generation, which always increases.
    /// </summary>
    /// <param name="past">The job as it stood.</param>
    /// <param name="after">The job after the rollback.</param>
    public static IReadOnlyList<FieldPath> NotRestored(Job past, Job after) =>
        [.. Diff.ByForm(WithoutGeneration(past), WithoutGeneration(after)).Select(change => change.Path)];

    /// <summary>The error of a revision at which no job of the name lived.</summary>
    public static FieldError NoneAt(long revision) => Invalid(revision, "there was no such job at that revision");

    /// <summary>The error of a revision at which another job of the name lived.</summary>
    /// <param name="revision">The revision.</param>
    /// <param name="lived">The uid of that job.</param>
    /// <param name="lives">The uid of the job that lives now; null where it does not matter.</param>
    public static FieldError AnotherAt(long revision, string lived, string? lives) => Invalid(
        revision,
        $"another job of that name lived at that revision: its uid was {lived}{(lives is null ? "" : $", this one's is {lives}")}");

    /// <summary>
    /// The job's object with the fields a rollback restores as they stood in the past; the same object where nothing differs. A null, which
    /// no request can leave in one of them, counts as absent: no merge patch could set it.
    /// </summary>
    internal static JsonObject Restore(Job job, Job past, UpdatableFields updatable) =>
        updatable.RolledBack.Take(job.Manifest, past.Manifest);

    /// <summary>Why the job cannot go back to that revision; null when it can.</summary>
    internal static Rejection? Refusal(Job job, RollBackJob back) =>
        back.Past is null ? new Rejection.Invalid(NoneAt(back.Revision))
        : back.Past.Uid != job.Uid ? new Rejection.Invalid(AnotherAt(back.Revision, back.Past.UidText, job.UidText))
        : null;

    private static FieldError Invalid(long revision, string detail) =>
        FieldError.Invalid(FieldPath.Of("revision"), revision, detail);

    private static JsonObject WithoutGeneration(Job job) => job.Manifest.With("metadata", job.Metadata.Without("generation"));
}
