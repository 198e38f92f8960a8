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
/// Finalizers that make a job wait for the cluster's garbage collector. Without them the collector would find the owner gone and
/// delete dependents that should stay.
/// </summary>
internal static class DeletionFinalizers
{
    private const string Foreground = "foregroundDeletion";
    private const string Orphan = "orphan";

    /// <summary>
    /// The finalizers of a job once its deletion is requested. If the request names no policy, the finalizers it already has decide.
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
