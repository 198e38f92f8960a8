using System.Diagnostics;
using System.Globalization;
using EventStore.Domain.Apply;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;

namespace EventStore.Domain.Jobs;

/// <summary>
/// All rules about jobs, in the order in which a request meets them. Deciding is a pure function of job and command, so it can be
/// repeated after a conflict with another writer.
/// </summary>
public static partial class JobDecider
{
    /// <summary>What comes of the command.</summary>
    /// <param name="job">The living job of that name, or null when there is none.</param>
    /// <param name="command">What is asked.</param>
    public static Decision Decide(Job? job, JobCommand command) => (job, command) switch
    {
        (_, CreateJob create) => Create(job, create),
        (_, RestoreJob restore) => Restoration.Decide(job, restore),
        // One that is being deleted may be changed: taking off the last finalizer is how it goes.
        ({ Deleting: false } changed, { Namespace: NamespaceState.Absent } and not (DeleteJob or EndLifetime)) =>
            new Rejection.NoNewContent(NamespaceState.Absent, changed.Key.Name),
        (_, ReplaceJob replace) => Replace(job, replace, replace.Manifest, UpdateBy(replace)),
        (_, ReplaceStatus replace) => Replace(job, replace, replace.Manifest, StatusBy(replace)),
        (_, ApplyJob apply) => Apply(job, apply),
        (null, _) => new Rejection.NotFound(),
        (_, PatchJob patch) => Patch(job, patch.Patch, UpdateBy(patch)),
        (_, PatchStatus patch) => Patch(job, patch.Patch, StatusBy(patch)),
        (_, ScaleJob scale) => SetScale(job, scale),
        (_, RollBackJob back) => RollBack(job, back),
        (_, DeleteJob delete) => Delete(job, delete),
        (_, EndLifetime end) => End(job, end),
        _ => throw new UnreachableException($"no rule for {command.GetType().Name}"),
    };

    /// <summary>What a change is recorded as, given the effective patch, the patch that takes it back and the changed paths.</summary>
    private delegate JobEvent Happening(JsonObject patch, JsonObject replaced, IReadOnlyList<string> paths);

    private static Decision Create(Job? job, CreateJob create)
    {
        if (Identity.OfNewJob(create) is { } refused)
            return refused;
        JsonObject manifest = NewManifest(create);
        IReadOnlyList<FieldError> errors = [.. create.Profile.Unreadable(create.Manifest),
            .. Validation.OfNewJob(manifest, create.Limits, create.Profile)];
        if (errors.Count > 0)
            return new Rejection.Invalid(errors);
        return job is null
            ? new JobCreated(manifest) { Manager = create.Profile.CountsOwners ? create.Manager : null }
            : new Rejection.AlreadyExists(job.Deleting);
    }

    private static Decision Patch(Job job, SentPatch patch, Func<Job, JsonObject, Happening, Decision> then)
    {
        JsonObject document = patch.SeesOwners ? WithOwners(job) : job.Manifest;
        if (patch.ApplyTo(document, Revision(job)) is not var (candidate, revision))
            return new Rejection.PatchFailed();
        return Identity.OfPatched(job, revision, candidate) is { } refused ? refused : then(job, candidate, Patched(patch));
    }

    private static Happening Patched(SentPatch patch) =>
        (effective, replaced, paths) => new JobPatched(effective, replaced, paths) { PatchType = patch.StoredType };

    private static Decision Replace(Job? job, JobCommand command, JsonObject manifest, Func<Job, JsonObject, Happening, Decision> then) =>
        Identity.OfReplacement(job, command.Key, manifest) is { } refused
            ? refused
            : then(job!, Identity.Complete(job!, manifest, command.Profile.Updatable),
                (effective, replaced, paths) => new JobReplaced(effective, replaced, paths));

    private static Func<Job, JsonObject, Happening, Decision> UpdateBy(JobCommand command) =>
        (job, candidate, happening) => Update(job, candidate, happening, command);

    private static Func<Job, JsonObject, Happening, Decision> StatusBy(JobCommand command) =>
        (job, candidate, _) => SetStatus(job, candidate, command);

    private static Decision Update(Job job, JsonObject sent, Happening happening, JobCommand command, FieldOwners? applied = null)
    {
        Profile profile = command.Profile;
        JsonObject candidate = profile.Normal(job.Manifest, sent);
        UpdatableFields updatable = profile.Updatable;
        IReadOnlyList<FieldPath> fixedFields = UpdatePolicy.FixedFieldsChanged(job, candidate, updatable);
        if (fixedFields.Count > 0)
            return new Rejection.FieldsFixed(fixedFields, updatable.Paths);
        JsonObject next = UpdatePolicy.Merge(job, candidate, updatable);
        FieldOwners owners = applied ?? OwnersAfter(job, next, command, named: sent["metadata"]);
        if (ReferenceEquals(next, job.Manifest) && owners.HaveTheSame(job.Owners))
            return Decision.NothingToDo;
        IReadOnlyList<FieldError> errors =
            [.. FinalizersFixed(job, next), .. profile.Unreadable(sent),
                .. Validation.OfUpdate(next, command.Limits, profile, job.Manifest)];
        return errors.Count > 0 ? new Rejection.Invalid(errors) : Changed(job, next, happening, owners);
    }

    private static JobEvent Changed(Job job, JsonObject next, Happening happening, FieldOwners? owners = null)
    {
        OwnersChange? owned = owners is null ? null : OwnersChange.Between(job.Owners, owners);
        JsonObject patch = MergePatch.Between(job.Manifest, next);
        JsonObject replaced = MergePatch.Between(next, job.Manifest);
        string[] paths = RecordedPaths.Of(Diff.ByForm(job.Manifest, next));
        bool lastFinalizerOff = job.Deleting && next["metadata"]!.Member("finalizers") is null;
        return (lastFinalizerOff ? new JobDeleted(patch, replaced, paths) : happening(patch, replaced, paths)) with { Owners = owned };
    }

    private static Decision RollBack(Job job, RollBackJob back)
    {
        if ((Identity.OfLock(job, back.ResourceVersion) ?? Rollback.Refusal(job, back)) is { } refused)
            return refused;
        JsonObject next = Rollback.Restore(job, back.Past!, back.Profile.Updatable);
        if (ReferenceEquals(next, job.Manifest))
            return Decision.NothingToDo;
        IReadOnlyList<FieldError> errors = Validation.OfUpdate(next, back.Limits, back.Profile, job.Manifest);
        return errors.Count > 0
            ? new Rejection.Invalid(errors)
            : Changed(
                job, next, (effective, replaced, paths) => new JobRolledBack(effective, replaced, paths, back.Past!.Revision),
                OwnersAfter(job, next, back));
    }

    private static Decision SetStatus(Job job, JsonObject sent, JobCommand command, FieldOwners? applied = null)
    {
        (Profile profile, MetadataLimits limits) = (command.Profile, command.Limits);
        JsonObject candidate = StatusOnly(
            sent["status"] is JsonNull ? null : profile.Normal(job.Manifest, StatusOnly(sent["status"]))["status"]);
        JsonValue? status = candidate["status"];
        if (status is not null and not JsonObject)
            return new Rejection.Invalid(FieldError.WrongType(FieldPath.Of("status"), status, "object"));
        IReadOnlyList<FieldError> errors = profile.HasDefinition
            ? [.. CustomResource.Errors(StatusOnly(job.Manifest["status"]), candidate)]
            : [];
        if (errors.Count > 0)
            return new Rejection.Invalid(errors);
        JsonValue? before = job.Manifest["status"];
        FieldOwners owners = applied ?? OwnersAfter(job, job.Manifest.WithOrWithout("status", status), command, "status");
        if (Equals(before, status) && owners.HaveTheSame(job.Owners))
            return Decision.NothingToDo;
        // Without this limit patches could grow it until the job no longer fits into the body of a PUT.
        if (status is not null && status.ToUtf8().Length > limits.StatusBytes)
            return new Rejection.Invalid(FieldError.TooLong(FieldPath.Of("status"), limits.StatusBytes));
        string[] paths = RecordedPaths.Of(Diff.ByForm(StatusOnly(before), StatusOnly(status)));
        JobEvent happened = command is ApplyJob apply
            ? Applied(apply)(StatusOnly(status), StatusOnly(before), paths)
            : new JobStatusUpdated(status, before, paths);
        return happened with { Owners = OwnersChange.Between(job.Owners, owners) };
    }

    private static Decision Delete(Job job, DeleteJob delete)
    {
        if (delete.Uid is { } uid && uid != job.UidText)
            return new Rejection.UidPrecondition(uid, job.UidText);
        if (delete.ResourceVersion is { } asked && asked != Revision(job))
            return new Rejection.RevisionPrecondition(asked, Revision(job));
        IReadOnlyList<JsonValue> finalizers = delete.Profile.WaitsForDependents
            ? DeletionFinalizers.For(job, delete.Dependents)
            : job.Finalizers;
        return finalizers.SequenceEqual(job.Finalizers) ? DeleteAsItIs(job, delete) : DeleteWith(finalizers, job, delete);
    }

    private static Decision DeleteAsItIs(Job job, DeleteJob delete)
    {
        if (job.Finalizers.Count == 0)
            return new JobDeleted(null, null, []);
        return job.Deleting ? Decision.NothingToDo : new JobDeletionRequested(Rfc3339.Of(delete.Time));
    }

    /// <summary>The request changes the finalizers: it says what becomes of dependents.</summary>
    private static Decision DeleteWith(IReadOnlyList<JsonValue> finalizers, Job job, DeleteJob delete)
    {
        if (finalizers.Count > 0 && !job.Deleting)
        {
            return new JobDeletionRequested(Rfc3339.Of(delete.Time))
            {
                Finalizers = new JsonArray(finalizers),
                FinalizersReplaced = job.Metadata["finalizers"],
            };
        }

        JsonObject metadata = job.Metadata.WithOrWithout("finalizers", finalizers.Count == 0 ? null : new JsonArray(finalizers));
        return Changed(job, job.Manifest.With("metadata", metadata), finalizers.Count == 0
            ? (patch, replaced, paths) => new JobDeleted(patch, replaced, paths)
            : (patch, replaced, paths) => new JobPatched(patch, replaced, paths));
    }

    private static Decision SetScale(Job job, ScaleJob command)
    {
        if (Scale.Of(job) is not { } shown)
            return new Rejection.NoScale(ScaleField.Path);
        (JsonObject scale, JsonValue? revision) = (command.Manifest ?? shown, command.Manifest?["metadata"]?.Member("resourceVersion"));
        if (command.Patch is { } patch)
        {
            if (patch.ApplyTo(shown, Revision(job)) is not var (candidate, named))
                return new Rejection.PatchFailed();
            (scale, revision) = (candidate, named);
        }

        (long replicas, Rejection? refusal) = Scale.Replicas(scale);
        string? precondition = revision is JsonText { Value.Length: > 0 } text ? text.Value : null;
        if ((refusal ?? Identity.OfScale(job, scale, precondition)) is { } refused)
            return refused;
        JsonObject next = Scale.Set(job.Manifest, replicas);
        if (ReferenceEquals(next, job.Manifest))
            return Decision.NothingToDo;
        return Changed(job, next,
            command.Patch is { } sent ? Patched(sent) : (effective, replaced, paths) => new JobReplaced(effective, replaced, paths),
            OwnersAfter(job, next, command, "scale"));
    }

    private static string Revision(Job job) => job.Revision.ToString(CultureInfo.InvariantCulture);

    /// <summary>The object as it is stored: as sent, less what only the server may write, with what the server writes.</summary>
    private static JsonObject NewManifest(CreateJob create)
    {
        JsonObject metadata = ObjectMeta.Known(create.Manifest["metadata"] as JsonObject ?? JsonObject.Empty)
            .Without("deletionGracePeriodSeconds").Without("deletionTimestamp").Without("resourceVersion").Without("selfLink")
            .With("creationTimestamp", Rfc3339.Of(create.Time))
            .With("generation", 1)
            .With("namespace", create.Key.Namespace)
            .With("uid", create.Uid.ToString());
        metadata = create.Key.Name.Length == 0 ? metadata.Without("name") : metadata.With("name", create.Key.Name);
        JsonObject manifest = create.Manifest.Without("status").With("metadata", metadata);
        return create.Profile.Normal(null, create.Profile.Updatable.When(deleting: false).WithoutNulls(manifest));
    }

    private static IEnumerable<FieldError> FinalizersFixed(Job job, JsonObject next)
    {
        if (UpdatePolicy.FinalizersAdded(job, next) is not { Count: > 0 } added)
            return [];
        string names = string.Join(", ", added.Select(FieldError.Quote));
        return [FieldError.Forbidden(
            FieldPath.Of("metadata", "finalizers"),
            $"no new finalizers can be added if the object is being deleted, found new finalizers []string{{{names}}}")];
    }

    private static JsonObject StatusOnly(JsonValue? status) => status is null ? JsonObject.Empty : JsonObject.Of(("status", status));
}
