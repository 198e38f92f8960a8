using System.Threading.RateLimiting;
using EventStore.Server.Limits;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Watch;

/// <summary>
/// A client that was cut off opens all its watches again at once. What each reads to begin holds a connection to the database, so they
/// begin a few at a time, and others do not wait for them.
/// </summary>
public sealed class Starts_of_watches
{
    private const int Watches = 1000;

    [Fact]
    public async Task Of_a_thousand_watches_are_a_few_at_once_in_order_and_leave_places_to_others()
    {
        var limits = new RequestLimits { ListsAtOnce = 16 };
        using var starts = new WatchStarts(limits);
        Task<RateLimitLease>[] mallory =
            [.. Enumerable.Range(0, Watches).Select(_ => starts.Enter("mallory", CancellationToken.None).AsTask())];
        for (int begun = 0; begun < Watches; begun++)
        {
            Assert.InRange(mallory.Count(watch => watch.IsCompleted), 0, begun + limits.ListsAtOnce);
            using (RateLimitLease alice = await starts.Enter("alice", CancellationToken.None))
                Assert.True(alice.IsAcquired);
            RateLimitLease first = await mallory[begun];
            Assert.True(first.IsAcquired);
            first.Dispose();
        }
    }

    [Fact]
    public async Task Of_three_users_who_take_all_they_can_leave_places_to_a_fourth()
    {
        using var starts = new WatchStarts(new RequestLimits { ListsAtOnce = 16 });
        Task<RateLimitLease>[] others =
        [
            .. from user in (string[])["mallory", "mike", "moe"]
            from i in Enumerable.Range(0, Watches)
            select starts.Enter(user, CancellationToken.None).AsTask(),
        ];
        using RateLimitLease alice = await starts.Enter("alice", CancellationToken.None).AsTask().WaitAsync(Eventually.Deadline);
        Assert.True(alice.IsAcquired);
        Assert.Contains(others, other => !other.IsCompleted);
    }

    [Fact]
    public async Task Of_all_users_together_are_twice_as_many_and_who_leaves_gives_the_place_back()
    {
        var limits = new RequestLimits { ListsAtOnce = 4 };
        using var starts = new WatchStarts(limits);
        using var leaving = new CancellationTokenSource();
        Task<RateLimitLease>[] all = [.. Enumerable.Range(0, 40).Select(i => starts.Enter($"user-{i % 10}", leaving.Token).AsTask())];
        Assert.Equal(2 * limits.ListsAtOnce, all.Count(watch => watch.IsCompleted));
        await leaving.CancelAsync();
        foreach (Task<RateLimitLease> watch in all.Where(watch => watch.IsCompletedSuccessfully))
            (await watch).Dispose();
        Task<RateLimitLease>[] next = [.. Enumerable.Range(0, 8).Select(i => starts.Enter($"user-{i}", CancellationToken.None).AsTask())];
        Assert.All(await Task.WhenAll(next), lease => Assert.True(lease.IsAcquired));
    }
}
