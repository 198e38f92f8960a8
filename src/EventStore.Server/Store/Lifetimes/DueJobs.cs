using System.Diagnostics.CodeAnalysis;
using EventStore.Domain.Jobs;
using EventStore.Domain.Lifetimes;

namespace EventStore.Server.Store.Lifetimes;

/// <summary>A job with a due time.</summary>
/// <param name="Key">The job.</param>
/// <param name="Uid">The incarnation.</param>
/// <param name="Lifetime">When it ends, and how.</param>
internal sealed record DueJob(JobKey Key, Guid Uid, Lifetime Lifetime);

/// <summary>
/// A priority queue of the jobs with the earliest due times: a balanced tree, so that a due time is changed in logarithmic time. It is
/// bounded: the jobs with the latest due times are dropped, and when the queue is empty it must be filled again.
/// </summary>
/// <param name="lengthMax">The most jobs it holds.</param>
internal sealed class DueJobs(int lengthMax)
{
    private static readonly Comparer<DueJob> Order = Comparer<DueJob>.Create((a, b) =>
        a.Lifetime.Due != b.Lifetime.Due ? a.Lifetime.Due.CompareTo(b.Lifetime.Due)
        : string.CompareOrdinal(a.Key.Namespace, b.Key.Namespace) is not 0 and var spaces ? spaces
        : string.CompareOrdinal(a.Key.Name, b.Key.Name));

    private readonly SortedSet<DueJob> order = new(Order);
    private readonly Dictionary<JobKey, DueJob> byKey = [];
    private DueJob? horizon; // it and what comes behind it in the order was dropped, or may have been

    /// <summary>The number of jobs.</summary>
    public int Count => order.Count;

    /// <summary>The earliest due time; null if it is empty.</summary>
    public DateTimeOffset? Next => order.Min?.Lifetime.Due;

    /// <summary>Whether it is empty although there are jobs with later due times: then it must be filled again.</summary>
    public bool IsExhausted => order.Count == 0 && horizon is not null;

    /// <summary>Sets or replaces a job's due time; null removes it.</summary>
    public void Put(JobKey key, DueJob? job)
    {
        if (byKey.Remove(key, out DueJob? before))
            order.Remove(before);
        if (job is null || (horizon is not null && Order.Compare(job, horizon) >= 0))
            return;
        order.Add(byKey[key] = job);
        if (order.Count <= lengthMax)
            return;
        horizon = order.Max!;
        order.Remove(horizon);
        byKey.Remove(horizon.Key);
    }

    /// <summary>Takes the job with the earliest due time, if that has come.</summary>
    public bool TryTake(DateTimeOffset now, [NotNullWhen(true)] out DueJob? job)
    {
        job = order.Min;
        if (job is null || job.Lifetime.Due > now)
            return false;
        order.Remove(job);
        byKey.Remove(job.Key);
        return true;
    }
}
