using EventStore.Domain.Json;
using EventStore.Domain.Manifests;

namespace EventStore.Domain.Jobs;

/// <summary>
/// Making a job anew as another once stood: a new incarnation with a uid, a creationTimestamp and a generation of its own. What operators
/// and garbage collectors wrote (status, finalizers) is left out unless it is asked for; what a deletion marked always is.
/// </summary>
internal static class Restoration
{
    /// <summary>What comes of it.</summary>
    public static Decision Decide(Job? job, RestoreJob restore)
    {
        if (Rejection.NoNewContent.In(restore.Namespace, restore.Key.Name) is { } refused)
            return refused;
        JsonObject manifest = Manifest(restore);
        IReadOnlyList<FieldError> errors = Validation.OfNewJob(manifest, restore.Limits, restore.Profile);
        if (errors.Count > 0)
            return new Rejection.Invalid(errors);
        if (job is not null)
            return new Rejection.AlreadyExists(job.Deleting);
        JsonValue? status = restore.WithStatus ? restore.Past.Manifest["status"] : null;
        return new JobRestored(manifest.WithOrWithout("status", status), restore.Past.Uid, restore.Past.Revision)
        {
            Manager = restore.Profile.CountsOwners ? restore.Manager : null,
        };
    }

    private static JsonObject Manifest(RestoreJob restore)
    {
        JsonObject metadata = restore.Past.Metadata
            .Without("deletionGracePeriodSeconds")
            .Without("deletionTimestamp")
            .With("creationTimestamp", Rfc3339.Of(restore.Time))
            .With("generation", 1)
            .With("name", restore.Key.Name)
            .With("namespace", restore.Key.Namespace)
            .With("uid", restore.Uid.ToString());
        JsonObject manifest = restore.Past.Manifest.Without("status")
            .With("metadata", restore.WithFinalizers ? metadata : metadata.Without("finalizers"));
        return restore.Profile.Normal(null, restore.Profile.Updatable.When(deleting: false).WithoutNulls(manifest));
    }
}
