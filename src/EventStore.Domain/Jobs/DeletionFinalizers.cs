using EventStore.Domain.Json;

namespace EventStore.Domain.Jobs;

/// <summary>What becomes of the objects a deleted job owns.</summary>
public enum Dependents
{
    /// <summary>They are deleted after the job.</summary>
    Background,

    /// <summary>They are deleted before the job, which waits for them.</summary>
    Foreground,

    /// <summary>They stay.</summary>
    Orphan,
}

/// <summary>
/// The finalizers by which a job waits for the cluster's garbage collector: without them the collector finds the owner gone, and deletes
/// dependents that were to stay.
/// </summary>
internal static class DeletionFinalizers
{
    private const string Foreground = "foregroundDeletion";
    private const string Orphan = "orphan";

    /// <summary>
    /// The finalizers of a job once its deletion is asked for. What the request does not say, the finalizers that are there say.
    /// </summary>
    public static IReadOnlyList<JsonValue> For(Job job, Dependents? dependents)
    {
        string? wanted = dependents switch
        {
            Dependents.Orphan => Orphan,
            Dependents.Foreground => Foreground,
            Dependents.Background => null,
            _ => job.Finalizers.OfType<JsonText>().Select(name => name.Value).FirstOrDefault(name => name is Orphan or Foreground),
        };
        List<JsonValue> kept =
            [.. job.Finalizers.Where(name => name is not JsonText { Value: Orphan or Foreground } text || text.Value == wanted)];
        if (wanted is not null && !kept.Contains(wanted))
            kept.Add(wanted);
        return kept;
    }
}
