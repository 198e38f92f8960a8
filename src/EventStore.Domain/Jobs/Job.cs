using System.Globalization;
using EventStore.Domain.Apply;
using EventStore.Domain.Json;

namespace EventStore.Domain.Jobs;

/// <summary>Where a job is addressed. Namespaces are implicit: any valid name may be used.</summary>
public readonly record struct JobKey(string Namespace, string Name)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Namespace}/{Name}";
}

/// <summary>One incarnation of a job as its events left it.</summary>
/// <param name="Key">The namespace and the name.</param>
/// <param name="Uid">The incarnation: a name that is deleted and used again gets another.</param>
/// <param name="Manifest">
/// The object as stored: everything but <c>metadata.resourceVersion</c>, which is <paramref name="Revision"/>, and
/// <c>metadata.selfLink</c>, which follows from the key.
/// </param>
/// <param name="Version">How many events the stream has: the place of the last one, from 1.</param>
/// <param name="Revision">The global number of the last event: <c>metadata.resourceVersion</c>.</param>
/// <param name="Deleted">Whether the last event deleted the job. Its row stays, for its history.</param>
public sealed record Job(JobKey Key, Guid Uid, JsonObject Manifest, long Version, long Revision, bool Deleted)
{
    /// <summary>Who owns which fields: <c>metadata.managedFields</c>, which is no part of <see cref="Manifest"/>.</summary>
    public FieldOwners Owners { get; init; } = FieldOwners.None;

    /// <summary>The object's metadata.</summary>
    public JsonObject Metadata => (JsonObject)Manifest["metadata"]!;

    /// <summary>The uid as text, as <c>metadata.uid</c> shows it.</summary>
    public string UidText => Uid.ToString();

    /// <summary>Whether a delete has been accepted and finalizers hold it.</summary>
    public bool Deleting => Metadata["deletionTimestamp"] is not null;

    /// <summary>The finalizers that must be taken off before the job goes.</summary>
    public IReadOnlyList<JsonValue> Finalizers => (Metadata["finalizers"] as JsonArray)?.Items ?? [];

    /// <summary>The job after one more event. <paramref name="job"/> is null before the first.</summary>
    /// <param name="job">The job before the event.</param>
    /// <param name="happened">The event.</param>
    /// <param name="revision">The event's global number.</param>
    public static Job Evolve(Job? job, JobEvent happened, long revision)
    {
        JsonObject after = (job, happened) switch
        {
            (null, JobCreated created) => created.Manifest,
            (null, JobRestored restored) => restored.Manifest,
            (not null, JobApplied { Subresource: not null } applied) => job.Manifest.WithOrWithout("status", applied.Patch["status"]),
            (not null, JobEdit edit) => Patch(job.Manifest, edit.Patch),
            (not null, JobStatusUpdated updated) => job.Manifest.WithOrWithout("status", updated.Status),
            (not null, JobDeletionRequested requested) => Delete(job.Manifest, requested),
            (not null, JobDeleted deleted) => deleted.Patch is null ? job.Manifest : Patch(job.Manifest, deleted.Patch),
            _ => throw new InvalidOperationException($"{happened.GetType().Name} cannot be event {(job?.Version ?? 0) + 1} of a stream"),
        };
        FieldOwners owners = OwnersAfter(job?.Owners ?? FieldOwners.None, happened);
        return job is null
            ? Born(after, revision) with { Owners = owners }
            : job with
            {
                Manifest = after,
                Version = job.Version + 1,
                Revision = revision,
                Deleted = happened is JobDeleted,
                Owners = owners,
            };
    }

    /// <summary>The job before its last event: what <see cref="Evolve"/> did is undone, by the values the event replaced.</summary>
    /// <param name="happened">The job's last event.</param>
    /// <param name="previousRevision">The revision of the event before it.</param>
    /// <returns>Null when the event is the first: before it there was no job.</returns>
    public Job? Revert(JobEvent happened, long previousRevision)
    {
        JsonObject? before = happened switch
        {
            JobCreated or JobRestored => null,
            JobApplied { Subresource: not null } applied => Manifest.WithOrWithout("status", applied.Replaced["status"]),
            JobEdit edit => Patch(Manifest, edit.Replaced, -1),
            JobStatusUpdated updated => Manifest.WithOrWithout("status", updated.Replaced),
            JobDeletionRequested requested => Undelete(Manifest, requested),
            JobDeleted deleted => deleted.Replaced is null ? Manifest : Patch(Manifest, deleted.Replaced, -1),
            _ => throw new InvalidOperationException($"{happened.GetType().Name} cannot be undone"),
        };
        return before is null ? null : this with
        {
            Manifest = before,
            Version = Version - 1,
            Revision = previousRevision,
            Deleted = false,
            Owners = happened.Owners is { } change ? Owners.With(change.Replaced) : Owners,
        };
    }

    private static JsonObject Patch(JsonObject manifest, JsonObject patch, int generations = 1)
    {
        var after = (JsonObject)MergePatch.Apply(manifest, patch);
        return Generation.RisesWith(patch.Names) ? Generation.Add(after, generations) : after;
    }

    private static FieldOwners OwnersAfter(FieldOwners before, JobEvent happened) => happened switch
    {
        { Owners: { } change } => before.With(change.Patch),
        JobCreated { Manager: { } manager } created => FieldOwners.OfCreated(created.Manifest, manager, CreationTime(created.Manifest)),
        JobRestored { Manager: { } manager } restored =>
            FieldOwners.OfCreated(restored.Manifest.Without("status"), manager, CreationTime(restored.Manifest)),
        _ => before,
    };

    private static long CreationTime(JsonObject manifest) => DateTimeOffset.Parse(
        ((JsonText)manifest["metadata"]!.Member("creationTimestamp")!).Value, CultureInfo.InvariantCulture).ToUnixTimeSeconds();

    private static JsonObject Delete(JsonObject manifest, JobDeletionRequested requested)
    {
        JsonObject metadata = ((JsonObject)manifest["metadata"]!)
            .With("deletionGracePeriodSeconds", 0)
            .With("deletionTimestamp", requested.DeletionTimestamp);
        if (requested.Finalizers is { } finalizers)
            metadata = metadata.With("finalizers", finalizers);
        return Generation.Add(manifest.With("metadata", metadata), 1);
    }

    private static JsonObject Undelete(JsonObject manifest, JobDeletionRequested requested)
    {
        JsonObject metadata = ((JsonObject)manifest["metadata"]!).Without("deletionGracePeriodSeconds").Without("deletionTimestamp");
        if (requested.Finalizers is not null)
            metadata = metadata.WithOrWithout("finalizers", requested.FinalizersReplaced);
        return Generation.Add(manifest.With("metadata", metadata), -1);
    }

    private static Job Born(JsonObject manifest, long revision)
    {
        var metadata = (JsonObject)manifest["metadata"]!;
        var key = new JobKey(((JsonText)metadata["namespace"]!).Value, ((JsonText)metadata["name"]!).Value);
        return new Job(key, Guid.Parse(((JsonText)metadata["uid"]!).Value), manifest, 1, revision, false);
    }
}
