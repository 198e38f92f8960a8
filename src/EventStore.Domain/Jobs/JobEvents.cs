using EventStore.Domain.Apply;
using EventStore.Domain.Json;

namespace EventStore.Domain.Jobs;

// WARNING. These records are stored for ever: their members are the stored format. A member may be added if old events can do
// without it; none may be renamed, removed or given another meaning. The stored names of the events are set once, in EventCodec.

/// <summary>What happened to a job.</summary>
public abstract record JobEvent
{
    private protected JobEvent()
    {
    }

    /// <summary>What it did to the owners of fields (<c>managedFields</c>); null when nothing, or when they are not counted.</summary>
    public OwnersChange? Owners { get; init; }
}

/// <summary>A job was created.</summary>
/// <param name="Manifest">The whole object as stored, with uid, creationTimestamp and generation 1.</param>
public sealed record JobCreated(JsonObject Manifest) : JobEvent
{
    /// <summary>
    /// The field manager that made it; null when owners are not counted. It owns every field, unless <see cref="JobEvent.Owners"/> says who
    /// owns what: a job created by server-side apply also has values nobody applied.
    /// </summary>
    public string? Manager { get; init; }
}

/// <summary>
/// A job was made anew as another, deleted or not, once stood: a new incarnation, which begins like a created one.
/// </summary>
/// <param name="Manifest">The whole object as stored, with a uid and a creationTimestamp of its own and generation 1.</param>
/// <param name="FromUid">The incarnation it is made after.</param>
/// <param name="Revision">The revision at which that one stood so.</param>
public sealed record JobRestored(JsonObject Manifest, Guid FromUid, long Revision) : JobEvent
{
    /// <summary>
    /// The field manager that restored it, which owns every field but the status; null when owners are not counted.
    /// </summary>
    public string? Manager { get; init; }
}

/// <summary>
/// Some fields of a job changed. All events of this kind hold the same of it, so that the changes can be read, and taken back, without
/// knowing what the request was.
/// </summary>
public abstract record JobEdit : JobEvent
{
    private protected JobEdit()
    {
    }

    /// <summary>The effective merge patch (RFC 7396): what really changed, nothing else.</summary>
    public abstract JsonObject Patch { get; init; }

    /// <summary>The merge patch that takes it back: the values that stood before.</summary>
    public abstract JsonObject Replaced { get; init; }

    /// <summary>The paths of the changed values.</summary>
    public abstract IReadOnlyList<string> Paths { get; init; }
}

/// <summary>A patch changed some of the updatable fields.</summary>
public sealed record JobPatched(JsonObject Patch, JsonObject Replaced, IReadOnlyList<string> Paths) : JobEdit
{
    /// <summary>
    /// The media type of the patch that was sent; null for a merge patch. What is stored is the effective merge patch all the same.
    /// </summary>
    public string? PatchType { get; init; }
}

/// <summary>A replacement (PUT) changed some of the updatable fields.</summary>
public sealed record JobReplaced(JsonObject Patch, JsonObject Replaced, IReadOnlyList<string> Paths) : JobEdit;

/// <summary>A rollback restored updatable fields from an earlier revision.</summary>
/// <param name="Patch">The effective merge patch.</param>
/// <param name="Replaced">The merge patch that takes it back.</param>
/// <param name="Paths">The paths of the changed values.</param>
/// <param name="Revision">The revision gone back to: that of the job's last event by then.</param>
public sealed record JobRolledBack(JsonObject Patch, JsonObject Replaced, IReadOnlyList<string> Paths, long Revision) : JobEdit;

/// <summary>
/// A configuration was applied (server-side apply), to the object or to its status; an empty patch says that it changed nothing but
/// owners.
/// </summary>
/// <param name="Patch">The effective merge patch.</param>
/// <param name="Replaced">The merge patch that takes it back.</param>
/// <param name="Paths">The paths of the changed values.</param>
/// <param name="Manager">The field manager that applied it.</param>
/// <param name="Force">Whether it was to take over what others owned.</param>
public sealed record JobApplied(JsonObject Patch, JsonObject Replaced, IReadOnlyList<string> Paths, string Manager, bool Force) : JobEdit
{
    /// <summary>
    /// <c>status</c> when it was applied to the status, else null. Then the status stands whole in both patches, as in a
    /// <see cref="JobStatusUpdated"/>, for it may hold nulls.
    /// </summary>
    public string? Subresource { get; init; }
}

/// <summary>
/// Somebody wrote the status. It is stored whole, before and after: operators write nulls (<c>conditions: null</c>), which no merge
/// patch can set.
/// </summary>
/// <param name="Status">The status from now on; null when it was taken away.</param>
/// <param name="Replaced">The status before; null when there was none.</param>
/// <param name="Paths">The paths of the changed values.</param>
public sealed record JobStatusUpdated(JsonValue? Status, JsonValue? Replaced, IReadOnlyList<string> Paths) : JobEvent;

/// <summary>A delete was accepted, and finalizers hold the job until they are taken off.</summary>
/// <param name="DeletionTimestamp"><c>metadata.deletionTimestamp</c>, RFC 3339 in seconds.</param>
public sealed record JobDeletionRequested(string DeletionTimestamp) : JobEvent
{
    /// <summary>The new finalizers, if the request changed them by saying what becomes of dependents; else null.</summary>
    public JsonValue? Finalizers { get; init; }

    /// <summary>The finalizers before, when the request changed them; null when there were none.</summary>
    public JsonValue? FinalizersReplaced { get; init; }
}

/// <summary>The job is gone.</summary>
/// <param name="Patch">When taking off the last finalizer deleted it: the effective merge patch that did, else null.</param>
/// <param name="Replaced">The merge patch that takes that back, else null.</param>
/// <param name="Paths">The paths of the values it changed.</param>
public sealed record JobDeleted(JsonObject? Patch, JsonObject? Replaced, IReadOnlyList<string> Paths) : JobEvent;

/// <summary>An event this release cannot read, as a reader of the history sees it. It is never stored and changes no job.</summary>
/// <param name="Name">The event's stored name.</param>
public sealed record JobEventUnknown(string Name) : JobEvent;
