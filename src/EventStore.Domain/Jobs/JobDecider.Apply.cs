using EventStore.Domain.Apply;
using EventStore.Domain.Json;
using EventStore.Domain.Manifests;

namespace EventStore.Domain.Jobs;

// Server-side apply: the rules a configuration meets, in upstream's order.
public static partial class JobDecider
{
    private static Decision Apply(Job? job, ApplyJob apply)
    {
        if (job is null && apply.OfStatus)
            return new Rejection.NotFound();
        if (NotToBeApplied(apply) is { } message)
            return new Rejection.BadRequest(message);
        JsonObject configuration = apply.OfStatus
            ? StatusOnly(apply.Configuration["status"])
            : apply.Configuration.Without("status");
        FieldOwners.Applied applied = ClientSideApply.Apply(
            job?.Owners ?? FieldOwners.None,
            new FieldOwner(FieldOwner.Apply, apply.OfStatus ? "status" : string.Empty, apply.Manager),
            job?.Manifest ?? JsonObject.Empty,
            configuration,
            apply.Force,
            apply.Time.ToUnixTimeSeconds());
        if (applied.Conflicts.Count > 0)
            return new Rejection.ApplyConflict(applied.Conflicts);
        JsonObject candidate = applied.Job["metadata"] is JsonObject metadata
            ? applied.Job.With("metadata", ObjectMeta.WithTexts(metadata))
            : applied.Job;
        return job is null ? CreateApplied(apply, candidate, applied.Owners) : UpdateApplied(job, apply, candidate, applied.Owners);
    }

    private static Decision UpdateApplied(Job job, ApplyJob apply, JsonObject candidate, FieldOwners owners)
    {
        // The names of the configuration are looked at even where only its status counts.
        JsonObject named = apply.OfStatus && apply.Configuration["metadata"] is JsonObject metadata
            ? candidate.With("metadata", MergePatch.Apply(job.Metadata, metadata))
            : candidate;
        if (Identity.OfPatched(job, apply.Configuration["metadata"]?.Member("resourceVersion"), named) is { } refused)
            return refused;
        return apply.OfStatus ? SetStatus(job, candidate, apply, owners) : Update(job, candidate, Applied(apply), apply, owners);
    }

    private static Decision CreateApplied(ApplyJob apply, JsonObject manifest, FieldOwners owners)
    {
        if (Identity.OfApplied(apply.Key, manifest) is { } refused)
            return refused;
        manifest = manifest.With("metadata", ((JsonObject)manifest["metadata"]!).Without("resourceVersion"));
        Decision decision = Create(null, new CreateJob(apply.Key, apply.Time, apply.Origin, manifest, apply.Uid)
        {
            Limits = apply.Limits,
            Profile = apply.Profile,
            Manager = apply.Manager,
            Namespace = apply.Namespace,
        });
        return decision is not Decision.Accepted(JobCreated created) ? decision
            : !apply.MayCreate ? new Rejection.CreateForbidden(apply.Origin.User)
            : created with { Owners = OwnersChange.Between(FieldOwners.None, owners) };
    }

    private static Happening Applied(ApplyJob apply) =>
        (effective, replaced, paths) => new JobApplied(effective, replaced, paths, apply.Manager, apply.Force)
        {
            Subresource = apply.OfStatus ? "status" : null,
        };

    private static string? NotToBeApplied(ApplyJob apply)
    {
        JsonObject configuration = apply.Configuration;
        string kind = (configuration["kind"] as JsonText)?.Value ?? string.Empty;
        string version = (configuration["apiVersion"] as JsonText)?.Value ?? string.Empty;
        if (kind != Schema.Kind || version != Schema.ApiVersion)
            return $"invalid object type: {(version.Contains('/', StringComparison.Ordinal) ? version : "/" + version)}, Kind={kind}";
        if (configuration["metadata"]?.Member("managedFields") is JsonArray)
            return "metadata.managedFields must be nil";
        return AppliedConfiguration.Wrong(configuration) is { } wrong
            ? $"failed to create typed patch object ({apply.Key}; {Schema.ApiVersion}, Kind={Schema.Kind}): {wrong}"
            : null;
    }

    /// <summary>The owners after a write that is no apply, of the object or of its status or scale.</summary>
    private static FieldOwners OwnersAfter(
        Job job, JsonObject next, JobCommand command, string subresource = "", JsonValue? named = null) => !command.Profile.CountsOwners
        ? job.Owners
        : ManagedFields.Sent(job.Owners, named).AfterUpdate(
            new FieldOwner(FieldOwner.Update, subresource, command.Manager), job.Manifest, next, command.Time.ToUnixTimeSeconds());

    /// <summary>The job as a patch sees it that may look at its owners.</summary>
    private static JsonObject WithOwners(Job job) => job.Owners.IsNone
        ? job.Manifest
        : job.Manifest.With("metadata", job.Metadata.With("managedFields", ManagedFields.Of(job.Owners)));
}
