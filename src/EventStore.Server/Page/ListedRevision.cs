using EventStore.Domain.Jobs;
using EventStore.Server.Resources;
using EventStore.Server.Store.Format;

namespace EventStore.Server.Page;

/// <summary>A changed field as a page shows it.</summary>
/// <param name="Path">The field.</param>
/// <param name="Before">Its value before; null when there was none.</param>
/// <param name="After">Its value after; null when there is none.</param>
public sealed record FieldChange(string Path, string? Before, string? After);

/// <summary>Changed fields, as many as a page shows.</summary>
/// <param name="Shown">Those.</param>
/// <param name="More">How many more there are.</param>
public sealed record ShownChanges(IReadOnlyList<FieldChange> Shown, int More);

/// <summary>A revision as a page lists it: no more of it is kept, however large its event is.</summary>
public sealed record ListedRevision(
    long Number, JobKey Key, long? Previous, DateTimeOffset Time, string User, string? ImpersonatedBy, string Verb, bool IsEnd,
    ShownChanges Changes)
{
    /// <summary>Why it was done; null where nothing was said.</summary>
    public string? Reason { get; init; }

    /// <summary>Takes from a revision what is shown.</summary>
    /// <param name="revision">The revision.</param>
    /// <param name="changes">What it changed, as much of it as the page shows.</param>
    public static ListedRevision Of(Revision revision, ShownChanges changes) => new(
        revision.Number, revision.Key, revision.Previous, revision.Time, revision.Origin.User, revision.Origin.ImpersonatedBy?.User,
        RevisionVerbs.Of(revision.Event), revision.Event is JobDeleted, changes)
    {
        Reason = revision.Origin.Reason is { Length: > 0 } reason ? Visible.Of(reason) : null,
    };
}
