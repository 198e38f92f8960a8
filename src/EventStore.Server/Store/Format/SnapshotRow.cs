namespace EventStore.Server.Store.Format;

/// <summary>A row of <c>job_snapshot</c>: a job as it once was.</summary>
/// <param name="Uid">The incarnation.</param>
/// <param name="Revision">The revision.</param>
/// <param name="Version">The version.</param>
/// <param name="Text">The object.</param>
/// <param name="Since">
/// The version behind which the events of <paramref name="Touched"/> begin; null if it covers none.
/// </param>
/// <param name="Touched">The paths that those events touched, each with the last revision that did: a JSON object.</param>
internal sealed record SnapshotRow(Guid Uid, long Revision, long Version, string Text, long? Since, string? Touched)
{
    /// <summary>The distance of snapshots, in events. It is larger where a batch has many events of one job.</summary>
    public const int Every = 128;

    /// <summary>Whether a batch that brings a job from one version (0 for none) to another writes a snapshot of it.</summary>
    public static bool IsDue(long before, long after) => after / Every > before / Every;
}
