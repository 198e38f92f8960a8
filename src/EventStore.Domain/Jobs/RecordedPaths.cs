using EventStore.Domain.Manifests;

namespace EventStore.Domain.Jobs;

/// <summary>The changed paths that an event records. They only index it and may be cut; what changed is in its patch.</summary>
public static class RecordedPaths
{
    /// <summary>How many an event records at most; it may have changed more.</summary>
    public const int CountMax = 1000;

    /// <summary>The longest one, in characters.</summary>
    public const int LengthMax = 1000;

    internal static string[] Of(IReadOnlyList<Change> changes) =>
        [.. changes.Where(change => change.Path.Length <= LengthMax).Take(CountMax).Select(change => change.Path.ToString())];
}
