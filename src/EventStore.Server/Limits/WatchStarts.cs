using System.Threading.RateLimiting;
using EventStore.Server.Access;

namespace EventStore.Server.Limits;

/// <summary>
/// Limits how many watches start at once, per user and in all. Starting one costs as much as a list and holds a database
/// connection for as long as its client reads. A user gets a quarter of the places at most, so that one or two whose clients read slowly
/// leave places to others. Further ones wait in order. How many watches may be open is limited by <see cref="FairShare"/>.
/// </summary>
internal sealed class WatchStarts(RequestLimits limits) : IDisposable
{
    // The user's limit is acquired first: whoever waits for it takes no place of the shared limit.
    private readonly PartitionedRateLimiter<string> places = PartitionedRateLimiter.CreateChained(
        Places(user => user, Math.Max(1, limits.ListsAtOnce / 2), limits.Watches),
        Places(_ => "everybody", 2 * limits.ListsAtOnce, limits.Watches));

    /// <summary>Waits for a place; the lease gives it back.</summary>
    public ValueTask<RateLimitLease> Enter(HttpContext http, CancellationToken stop) => Enter(Caller.Of(http.User).Name, stop);

    /// <summary>Waits for a place of that user.</summary>
    internal ValueTask<RateLimitLease> Enter(string user, CancellationToken stop) => places.AcquireAsync(user, 1, stop);

    /// <inheritdoc/>
    public void Dispose() => places.Dispose();

    private static PartitionedRateLimiter<string> Places(Func<string, string> whose, int most, int waiting) =>
        PartitionedRateLimiter.Create<string, string>(user => RateLimitPartition.GetConcurrencyLimiter(
            whose(user), _ => new ConcurrencyLimiterOptions { PermitLimit = most, QueueLimit = waiting }));
}
