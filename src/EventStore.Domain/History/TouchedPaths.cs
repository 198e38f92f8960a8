using EventStore.Domain.Jobs;

namespace EventStore.Domain.History;

/// <summary>
/// The paths an event may have set, from which the last setter of a value is found. They are more than those an event is indexed by
/// (<see cref="ChangedPaths"/>): the generation and the marks of a deletion are among them. The database keeps for each snapshot the paths
/// touched since the one before (<c>touched_paths_1</c> of migrations/V0016); this is the same rule in C#, for verify and for events behind
/// the last snapshot.
/// </summary>
public static class TouchedPaths
{
    /// <summary>Marks a change of the status that recorded as many paths as there may be.</summary>
    public const string MoreOfStatus = ":status";

    /// <summary>Marks another change that recorded as many paths as there may be. No path begins with a colon.</summary>
    public const string MoreOfRest = ":rest";

    /// <summary>The paths, some perhaps twice. The first event of a job sets everything and names nothing.</summary>
    public static IEnumerable<string> Of(JobEvent happened) => happened switch
    {
        JobApplied applied when applied.Patch["status"] is not null => OfStatus(applied.Paths),
        JobEdit edit => Of(edit.Paths, edit.Patch.Names),
        JobDeleted deleted => Of(deleted.Paths, deleted.Patch?.Names ?? []),
        JobStatusUpdated updated => OfStatus(updated.Paths),
        JobDeletionRequested requested =>
        [
            "metadata.deletionTimestamp", "metadata.deletionGracePeriodSeconds", Generation.Path,
            .. requested.Finalizers is null ? (string[])[] : ["metadata.finalizers"],
        ],
        _ => [],
    };

    private static IEnumerable<string> Of(IReadOnlyList<string> paths, IEnumerable<string> patched)
    {
        IEnumerable<string> touched = Generation.RisesWith(patched) ? paths.Append(Generation.Path) : paths;
        return paths.Count >= RecordedPaths.CountMax ? touched.Append(MoreOfRest) : touched;
    }

    private static IEnumerable<string> OfStatus(IReadOnlyList<string> paths) =>
        paths.Count >= RecordedPaths.CountMax ? paths.Append(MoreOfStatus) : paths;
}
