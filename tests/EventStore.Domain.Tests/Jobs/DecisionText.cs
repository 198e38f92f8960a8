using EventStore.Domain.Jobs;
using EventStore.Domain.Json;

namespace EventStore.Domain.Tests.Jobs;

/// <summary>A decision with everything it holds as text, for comparisons whose differences can be read.</summary>
internal static class DecisionText
{
    public static string Of(Decision decision) => decision switch
    {
        Decision.Accepted(var happened) => Of(happened),
        Decision.Refused(var why) => string.Join('\n', [why.GetType().Name, .. Details(why)]),
        _ => "nothing to do",
    };

    private static string Of(JobEvent happened) => happened switch
    {
        JobCreated created => $"created {created.Manifest}",
        JobRestored restored => $"restored {restored.Manifest} from {restored.FromUid} at {restored.Revision}",
        JobPatched patched => Change("patched", patched.Patch, patched.Replaced, patched.Paths),
        JobReplaced replaced => Change("replaced", replaced.Patch, replaced.Replaced, replaced.Paths),
        JobRolledBack back => Change($"rolled back to {back.Revision}", back.Patch, back.Replaced, back.Paths),
        JobApplied applied => Change(
            $"applied by {applied.Manager}{(applied.Force ? " with force" : "")}", applied.Patch, applied.Replaced, applied.Paths),
        JobStatusUpdated updated => Change("status", updated.Status, updated.Replaced, updated.Paths),
        JobDeletionRequested requested => $"deletion requested {requested.DeletionTimestamp}",
        JobDeleted deleted => Change("deleted", deleted.Patch, deleted.Replaced, deleted.Paths),
        _ => throw new ArgumentOutOfRangeException(nameof(happened)),
    };

    private static string Change(string what, JsonValue? now, JsonValue? before, IReadOnlyList<string> paths) =>
        $"{what}\n now    {now?.ToString() ?? "-"}\n before {before?.ToString() ?? "-"}\n at     {string.Join(' ', paths)}";

    private static IEnumerable<string> Details(Rejection why) => why switch
    {
        Rejection.BadRequest(var message) => [message],
        Rejection.Invalid(var errors) => errors.Select(error => error.ToString()),
        Rejection.FieldsFixed(var fields, _) => fields.Select(field => field.ToString()),
        Rejection.ApplyConflict(var fields) => fields.Select(field => $"{field.Cause}: {field.Path}"),
        Rejection.UidMismatch(var asked, var actual) => [asked, actual],
        Rejection.UidPrecondition(var asked, var actual) => [asked, actual],
        Rejection.RevisionPrecondition(var asked, var actual) => [asked, actual],
        _ => [],
    };
}
