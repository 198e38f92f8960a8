namespace EventStore.Domain.Manifests;

/// <summary>Limits on metadata. A job that exceeds a limit since before it was lowered keeps its metadata until they are changed.</summary>
/// <param name="Labels">The most labels. Upstream has no such limit but that of the whole object.</param>
/// <param name="AnnotationBytes">How many bytes all keys and values of the annotations may have together; upstream's limit.</param>
/// <param name="StatusBytes">How many bytes the status may have, however many patches made it.</param>
public sealed record MetadataLimits(int Labels = 10_000, int AnnotationBytes = 256 * 1024, int StatusBytes = 3 * 1024 * 1024)
{
    /// <summary>What holds when nobody says otherwise.</summary>
    public static readonly MetadataLimits Default = new();
}
