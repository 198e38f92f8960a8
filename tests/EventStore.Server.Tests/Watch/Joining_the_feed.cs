using EventStore.Server.Store.Feed;
using EventStore.Server.Tests.Fixtures;
using Npgsql;

namespace EventStore.Server.Tests.Watch;

/// <summary>
/// A feed that nobody watches stands nowhere; its first watcher says where it starts. While others write, who has caught up with the log is
/// always a little behind again: if only one exactly at its end could join, a busy store would never let anybody.
/// </summary>
public sealed class Joining_the_feed : IAsyncLifetime
{
    private readonly NpgsqlDataSource nowhere = NpgsqlDataSource.Create("Host=127.0.0.1;Port=1");

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await nowhere.DisposeAsync();

    [Theory]
    [InlineData(100, 100, true)]
    [InlineData(90, 100, true)]
    [InlineData(50, 100, true)]
    [InlineData(49, 100, false)]
    public void Is_for_whom_few_changes_are_missing(long seen, long reached, bool joins)
    {
        using JobFeed feed = Feed();
        using FeedSubscription? subscription = feed.Join(seen, reached);
        Assert.Equal(joins, subscription is not null);
        Assert.Equal(joins ? 1 : 0, feed.Watchers);
        Assert.Equal(joins ? seen : null, subscription?.Position);
    }

    [Fact]
    public void Is_refused_to_who_would_miss_what_the_feed_no_longer_has()
    {
        using JobFeed feed = Feed();
        using FeedSubscription? first = feed.Join(100, 100);
        Assert.Null(feed.Join(99, 100));
        using FeedSubscription? ahead = feed.Join(120, 120);
        Assert.Equal(100, ahead!.Position);
    }

    [Fact]
    public void Failing_leaves_the_feed_where_it_was()
    {
        using JobFeed feed = Feed();
        Assert.Null(feed.Join(1, 1000));
        using FeedSubscription? later = feed.Join(5000, 5000);
        Assert.Equal(5000, later!.Position);
    }

    private JobFeed Feed() => InProcess.Feed(nowhere, new FeedLimits { Backlog = 100 }, out _);
}
