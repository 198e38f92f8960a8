using EventStore.Domain.Jobs;

namespace EventStore.Server.Store.History;

/// <summary>The indexed fields of a revision, without its event: enough to filter by.</summary>
/// <param name="Revision">The revision.</param>
/// <param name="Key">The job.</param>
/// <param name="Type">The stored name of its event.</param>
/// <param name="User">Who did it.</param>
public readonly record struct ChangedJob(long Revision, JobKey Key, string Type, string User);
