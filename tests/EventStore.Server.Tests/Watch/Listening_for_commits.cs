using EventStore.Server.Store.Feed;
using EventStore.Server.Tests.Fixtures;
using Microsoft.Extensions.Logging;
using Npgsql;
using Heard = EventStore.Server.Store.Feed.Notifications;

namespace EventStore.Server.Tests.Watch;

/// <summary>Listening for other processes' commits never ends in silence.</summary>
public sealed class Listening_for_commits
{
    [Fact]
    public async Task Is_begun_again_after_whatever_ended_it_and_says_so()
    {
        NpgsqlDataSource disposed = NpgsqlDataSource.Create("Host=127.0.0.1;Port=1");
        await disposed.DisposeAsync(); // no trouble of a database's: an exception nobody expects
        using var log = new CountingLog(errors: 3);
        using var notifications = new Heard(disposed, new FeedLimits { RetryPause = TimeSpan.FromMilliseconds(1) }, log);

        await notifications.StartAsync(CancellationToken.None);
        await log.Reached.WaitAsync(Eventually.Deadline);

        Assert.NotNull(notifications.Trouble);
        Assert.False(notifications.ExecuteTask!.IsCompleted);
        await notifications.StopAsync(CancellationToken.None);
        Assert.True(notifications.ExecuteTask.IsCompletedSuccessfully);
    }

    private sealed class CountingLog(int errors) : ILogger<Heard>, IDisposable
    {
        private readonly TaskCompletionSource reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int seen;

        public Task Reached => reached.Task;

        public IDisposable BeginScope<TState>(TState state)
            where TState : notnull => this;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (logLevel == LogLevel.Error && exception is ObjectDisposedException && Interlocked.Increment(ref seen) == errors)
                reached.TrySetResult();
        }

        public void Dispose()
        {
        }
    }
}
