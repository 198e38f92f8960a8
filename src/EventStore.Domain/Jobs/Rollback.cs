using EventStore.Domain.History;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;

namespace EventStore.Domain.Jobs;

/// <summary>
/// Rollback: restores the updatable fields from an earlier revision of the same incarnation, by a new event. The events since stay
/// in the history, and fields that other parties own (status, finalizers) stay as they are.
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

    /// <summary>Why the job cannot go back to that revision; null when it can.</summary>
    internal static Rejection? Refusal(Job job, RollBackJob back)
    {
        if (back.Past is null)
            return Invalid(back, "there was no such job at that revision");
        string uids = $"its uid was {back.Past.UidText}, this one's is {job.UidText}";
        return back.Past.Uid == job.Uid ? null : Invalid(back, $"another job of that name lived at that revision: {uids}");
    }

    private static Rejection.Invalid Invalid(RollBackJob back, string detail) =>
        new(FieldError.Invalid(FieldPath.Of("revision"), back.Revision, detail));

    private static JsonObject WithoutGeneration(Job job) => job.Manifest.With("metadata", job.Metadata.Without("generation"));
}
