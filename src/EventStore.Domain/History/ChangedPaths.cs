using EventStore.Domain.Jobs;

namespace EventStore.Domain.History;

/// <summary>
/// The fields an event is found by. The database keeps the same for every event it ever took (<c>changed_paths_1</c> in migrations/), so
/// this has to stay as it is.
/// </summary>
public static class ChangedPaths
{
    private static readonly string[] Groups = ["metadata.labels", "metadata.annotations"];

    /// <summary>
    /// The paths an event recorded. One label or annotation counts as <c>metadata.labels</c> or <c>metadata.annotations</c> too, so that
    /// all changes to any of them are found. A creation and a plain deletion change no single field.
    /// </summary>
    public static IReadOnlyCollection<string> Of(JobEvent happened)
    {
        IReadOnlyList<string> paths = Recorded(happened);
        return [.. paths.Concat(Groups.Where(group => paths.Any(path => IsBelow(path, group)))).Distinct()];
    }

    private static IReadOnlyList<string> Recorded(JobEvent happened) => happened switch
    {
        JobPatched patched => patched.Paths,
        JobReplaced replaced => replaced.Paths,
        JobRolledBack rolledBack => rolledBack.Paths,
        JobStatusUpdated updated => updated.Paths,
        JobDeletionRequested => ["metadata.deletionTimestamp"],
        JobDeleted deleted => deleted.Paths,
        _ => [],
    };

    private static bool IsBelow(string path, string group) =>
        path.Length > group.Length && path.StartsWith(group, StringComparison.Ordinal) && path[group.Length] is '.' or '[';
}
