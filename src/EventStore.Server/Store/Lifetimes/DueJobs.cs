using System.Diagnostics.CodeAnalysis;
using EventStore.Domain.Jobs;
using EventStore.Domain.Lifetimes;

namespace EventStore.Server.Store.Lifetimes;

/// <summary>A job whose lifetime ends at a moment.</summary>
/// <param name="Key">The job.</param>
/// <param name="Uid">The incarnation.</param>
/// <param name="Lifetime">When it ends, and how.</param>
internal sealed record DueJob(JobKey Key, Guid Uid, Lifetime Lifetime);

/// <summary>
/// The jobs that end next, in the order of their moments: a balanced tree, so that a job whose moment moves is found and moved in
/// logarithmic time. It holds so many at most. Of more, the last ones are dropped; when those it holds are done, it is to be filled again.
/// </summary>
/// <param name="lengthMax">How many it holds, at most.</param>
internal sealed class DueJobs(int lengthMax)
{
    private static readonly Comparer<DueJob> Order = Comparer<DueJob>.Create((a, b) =>
        a.Lifetime.Due != b.Lifetime.Due ? a.Lifetime.Due.CompareTo(b.Lifetime.Due)
        : string.CompareOrdinal(a.Key.Namespace, b.Key.Namespace) is not 0 and var spaces ? spaces
        : string.CompareOrdinal(a.Key.Name, b.Key.Name));

    private readonly SortedSet<DueJob> order = new(Order);
    private readonly Dictionary<JobKey, DueJob> byKey = [];
    private DateTimeOffset horizon = DateTimeOffset.MaxValue; // what is due at it or later was dropped, or may have been

    /// <summary>How many it holds.</summary>
    public int Count => order.Count;

    /// <summary>When the next one ends; null when none is known.</summary>
    public DateTimeOffset? Next => order.Min?.Lifetime.Due;

    /// <summary>Whether those it held are done and there are others it does not hold.</summary>
    public bool IsExhausted => order.Count == 0 && horizon < DateTimeOffset.MaxValue;

    /// <summary>Sets a job's moment, in place of the one it had; null where nothing ends it.</summary>
    public void Put(JobKey key, DueJob? job)
    {
        if (byKey.Remove(key, out DueJob? before))
            order.Remove(before);
        if (job is null || job.Lifetime.Due >= horizon)
            return;
        order.Add(byKey[key] = job);
        if (order.Count <= lengthMax)
            return;
        DueJob last = order.Max!;
        horizon = last.Lifetime.Due;
        while (order.Max is { } beyond && beyond.Lifetime.Due >= horizon)
        {
            order.Remove(beyond);
            byKey.Remove(beyond.Key);
        }
    }

    /// <summary>Takes the next one out, if its moment has come.</summary>
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
