using EventStore.Domain.Jobs;

namespace EventStore.Server.Store.Format;

/// <summary>A job as an answer shows it.</summary>
/// <param name="Key">The job.</param>
/// <param name="Revision">Its resourceVersion.</param>
/// <param name="Utf8">The object as compact JSON.</param>
/// <param name="Time">When its last event was committed.</param>
public sealed record StoredJob(JobKey Key, long Revision, ReadOnlyMemory<byte> Utf8, DateTimeOffset Time)
{
    public static StoredJob Of(Job job, DateTimeOffset time) => new(job.Key, job.Revision, JobText.Utf8Of(job), time);
}
