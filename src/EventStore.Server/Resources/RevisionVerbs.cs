using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Server.Store.Format;

namespace EventStore.Server.Resources;

/// <summary>What each event did, in one word. An event of a new kind is told by one more line here.</summary>
internal static class RevisionVerbs
{
    private static readonly Dictionary<Type, string> Verbs = new()
    {
        [typeof(JobCreated)] = "Created",
        [typeof(JobRestored)] = "Restored",
        [typeof(JobPatched)] = "Patched",
        [typeof(JobReplaced)] = "Replaced",
        [typeof(JobApplied)] = "Applied",
        [typeof(JobStatusUpdated)] = "StatusUpdated",
        [typeof(JobRolledBack)] = "RolledBack",
        [typeof(JobDeletionRequested)] = "DeletionRequested",
        [typeof(JobDeleted)] = "Deleted",
    };

    public static IReadOnlyCollection<string> All => Verbs.Values;

    /// <summary>What the event did.</summary>
    public static string Of(JobEvent happened) => happened is JobEventUnknown ? "Unknown" : Verbs[happened.GetType()];

    /// <summary>What the event of that stored name did.</summary>
    public static string OfEventName(string name) => Verbs.First(each => EventCodec.Names[each.Key] == name).Value;

    /// <summary>The stored name of the event a verb stands for; null for a word that is none.</summary>
    public static string? EventName(string verb) =>
        Verbs.FirstOrDefault(each => each.Value == verb).Key is { } type ? EventCodec.Names[type] : null;

    /// <summary>The merge patch as it was accepted, less what changed nothing; null for an event that came of none.</summary>
    public static JsonObject? Patch(JobEvent happened) => happened switch
    {
        JobApplied { Subresource: not null } => null,
        JobEdit edit => edit.Patch,
        JobDeleted deleted => deleted.Patch,
        _ => null,
    };
}
