using EventStore.Domain.Json;
using EventStore.Domain.Lifetimes;

namespace EventStore.Domain.Jobs;

public static partial class JobDecider
{
    /// <summary>
    /// Ends a job's lifetime, if it is still the one that was seen: of the same incarnation, with the same moment by the same field, and
    /// due. So a command that waited for long, or was sent twice, does nothing to a job that has changed since.
    /// </summary>
    private static Decision End(Job job, EndLifetime end)
    {
        if (job.Uid != end.Uid || end.Time < end.Lifetime.Due || Lifetime.Of(job.Manifest) != end.Lifetime)
            return new Rejection.NotFound();
        return end.Lifetime.Rule == LifetimeRule.Ttl
            ? Delete(job, new DeleteJob(end.Key, end.Time, end.Origin, null, null) { Profile = end.Profile, Manager = end.Manager })
            : SetStatus(job, StatusOnly(Conditions.DeadlineExceeded(
                job.Manifest["status"] as JsonObject ?? JsonObject.Empty, job.Key.Name, Rfc3339.Of(end.Time))), end);
    }
}
