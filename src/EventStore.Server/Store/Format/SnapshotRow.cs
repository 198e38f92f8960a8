namespace EventStore.Server.Store.Format;

/// <summary>A row of <c>job_snapshot</c>: a job as it once was.</summary>
/// <param name="Uid">The incarnation.</param>
/// <param name="Revision">The revision.</param>
/// <param name="Version">The version.</param>
/// <param name="Text">The object.</param>
/// <param name="Since">
/// The version behind which the events begin that <paramref name="Touched"/> tells of; null when it tells of none.
/// </param>
/// <param name="Touched">What they touched: JSON of paths and last revisions.</param>
internal sealed record SnapshotRow(Guid Uid, long Revision, long Version, string Text, long? Since, string? Touched)
{
    /// <summary>How far apart snapshots are, in events; a batch may end many events behind the place.</summary>
    public const int Every = 128;

    /// <summary>Whether a batch that takes a job from one version (0: there was none) to another leaves a snapshot of it.</summary>
    public static bool IsDue(long before, long after) => after / Every > before / Every;
}
