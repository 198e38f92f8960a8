using EventStore.Server.Store.Feed;
using EventStore.Server.Store.Reads;
using EventStore.Server.Tests.Fixtures;
using Npgsql;

namespace EventStore.Server.Tests.Watch;

/// <summary>
/// A feed that nobody watches stands nowhere; its first watcher says where it starts. While others write, who has caught up with the log is
/// always a little behind again: if only one exactly at its end could join, a busy store would never let anybody. How far behind is counted
/// in bytes, for a queue filled with large jobs would have the watcher cut off before it has read the first.
/// </summary>
public sealed class Joining_the_feed : IAsyncLifetime
{
    private readonly NpgsqlDataSource nowhere = NpgsqlDataSource.Create("Host=127.0.0.1;Port=1");

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await nowhere.DisposeAsync();

    [Fact]
    public void Is_for_whom_nothing_is_missing()
    {
        using JobFeed feed = Feed();
        using FeedSubscription subscription = feed.Subscribe();
        Assert.True(subscription.Join(100, 100));
        Assert.Equal((100, 1), (subscription.Position, feed.Watchers));
    }

    [Fact]
    public void Is_for_whom_only_changes_are_missing_that_the_feed_remembers()
    {
        using JobFeed feed = Feed();
        using FeedSubscription subscription = feed.Subscribe();
        Assert.False(subscription.Join(90, 100)); // it reads up to 100 from the log, and others write meanwhile
        feed.Publish(Memory_of_feed_and_readers.Change(101));
        feed.Publish(Memory_of_feed_and_readers.Change(102));
        Assert.Equal(0, subscription.WaitingBytes); // nothing comes before it has joined

        Assert.True(subscription.Join(100, 102));

        Assert.Equal([101, 102], Taken(subscription));
        Assert.Equal(102, subscription.Position);
        feed.Publish(Memory_of_feed_and_readers.Change(103));
        Assert.Equal([103], Taken(subscription));
    }

    /// <summary>Twenty changes are few, and with jobs of 200 KB they are four megabytes.</summary>
    [Fact]
    public void With_large_jobs_is_not_for_whom_more_bytes_are_missing_than_may_wait()
    {
        using JobFeed feed = InProcess.Feed(nowhere, new FeedLimits { RingBytes = 1_000_000, BacklogBytes = 2_000_000 }, out _);
        using FeedSubscription subscription = feed.Subscribe();
        Assert.False(subscription.Join(1, 21));
        long seen = 21;
        for (int round = 0; round < 10; round++)
        {
            for (int i = 0; i < 20; i++)
                feed.Publish(Memory_of_feed_and_readers.Change(seen + i + 1));
            Assert.False(subscription.Join(seen, seen + 20));
            seen += 20;
        }

        for (int i = 0; i < 3; i++)
            feed.Publish(Memory_of_feed_and_readers.Change(seen + i + 1));
        Assert.True(subscription.Join(seen, seen + 3));
        Assert.InRange(subscription.WaitingBytes, 1, 1_000_000);
        Assert.Equal([seen + 1, seen + 2, seen + 3], Taken(subscription));
        Assert.False(subscription.Overrun.IsCancellationRequested);
    }

    [Fact]
    public void Is_refused_to_who_would_miss_what_the_feed_no_longer_has()
    {
        using JobFeed feed = Feed();
        using FeedSubscription first = feed.Subscribe();
        using FeedSubscription behind = feed.Subscribe();
        using FeedSubscription ahead = feed.Subscribe();
        Assert.True(first.Join(100, 100));
        Assert.False(behind.Join(99, 100));
        Assert.True(ahead.Join(120, 120));
        Assert.Equal(100, ahead.Position);
    }

    private static List<long> Taken(FeedSubscription subscription)
    {
        var taken = new List<long>();
        while (subscription.TryTake(out LogEntry? change))
            taken.Add(change.Revision);
        return taken;
    }

    private JobFeed Feed() => InProcess.Feed(nowhere, new FeedLimits { Backlog = 100 }, out _);
}
