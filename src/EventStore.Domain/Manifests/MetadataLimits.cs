namespace EventStore.Domain.Manifests;

/// <summary>
/// How much metadata an object may have. A job that has more already, from before a limit was lowered, keeps it until it is changed.
/// </summary>
/// <param name="Labels">The most labels. Upstream has no such limit but that of the whole object.</param>
/// <param name="AnnotationBytes">How many bytes all keys and values of the annotations may have together; upstream's limit.</param>
/// <param name="StatusBytes">How many bytes the status may have, however many patches made it.</param>
public sealed record MetadataLimits(int Labels = 10_000, int AnnotationBytes = 256 * 1024, int StatusBytes = 3 * 1024 * 1024)
{
    /// <summary>What holds when nobody says otherwise.</summary>
    public static readonly MetadataLimits Default = new();
}
