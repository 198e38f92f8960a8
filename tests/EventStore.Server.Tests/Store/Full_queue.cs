using System.Net;
using EventStore.Server.Store.Lane;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Store;

/// <summary>The queue is bounded; who leaves it, and when; and what becomes of it when the server stops.</summary>
[Trait("Category", "Slow")]
public sealed class Full_queue : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);
    private TestDatabase database = null!;

    public async Task InitializeAsync() => database = await TestDatabase.Create();

    public async Task DisposeAsync() => await database.DisposeAsync();

    [Fact]
    public async Task What_does_not_fit_is_refused_at_once_and_never_stored()
    {
        await using CommitLane lane = InProcess.Lane(database.Source, new LaneLimits { QueueLength = 2 });
        List<Task<Outcome>> taken = [];
        await using (CommitLock held = await CommitLock.Hold(database))
        {
            taken.Add(lane.Execute(InProcess.Create("committing")));
            await held.WaitForWaiting(1);
            taken.Add(lane.Execute(InProcess.Create("waiting-1")));
            taken.Add(lane.Execute(InProcess.Create("waiting-2")));
            Task<Outcome> refused = lane.Execute(InProcess.Create("refused"));
            Assert.True(refused.IsCompletedSuccessfully);
            Assert.IsType<Outcome.Busy>(await refused);
        }

        Assert.All(await Task.WhenAll(taken), outcome => Assert.IsType<Outcome.Done>(outcome));
        Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Create("afterwards")));
        Assert.Equal(0, await database.Events("refused"));
    }

    [Fact]
    public async Task Bytes_count_too_and_are_given_back()
    {
        await using CommitLane lane = InProcess.Lane(database.Source, new LaneLimits { QueueBytes = 1000 });
        for (int round = 1; round <= 3; round++)
        {
            await using CommitLock held = await CommitLock.Hold(database);
            Task<Outcome> committing = lane.Execute(InProcess.Create($"committing-{round}"));
            await held.WaitForWaiting(1);
            Task<Outcome> waiting = lane.Execute(InProcess.Create($"waiting-{round}"), false, 600, CancellationToken.None);
            Assert.IsType<Outcome.Busy>(await lane.Execute(InProcess.Create($"refused-{round}"), false, 600, CancellationToken.None));
            await held.DisposeAsync();
            Assert.All(await Task.WhenAll(committing, waiting), outcome => Assert.IsType<Outcome.Done>(outcome));
        }
    }

    [Fact]
    public async Task A_client_that_leaves_gives_up_its_own_command_and_only_while_it_waits()
    {
        await using CommitLane lane = InProcess.Lane(database.Source);
        using var leaving = new CancellationTokenSource();
        Task<Outcome> committing, waiting, other;
        await using (CommitLock held = await CommitLock.Hold(database))
        {
            committing = lane.Execute(InProcess.Create("committing"), false, 100, leaving.Token);
            await held.WaitForWaiting(1);
            waiting = lane.Execute(InProcess.Create("left"), false, 100, leaving.Token);
            other = lane.Execute(InProcess.Create("stayed"));
            await leaving.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
            Assert.False(committing.IsCompleted);
        }

        Assert.All(await Task.WhenAll(committing, other), outcome => Assert.IsType<Outcome.Done>(outcome));
        Assert.Equal((1, 0, 1), (await database.Events("committing"), await database.Events("left"), await database.Events("stayed")));
    }

    [Fact]
    public async Task A_client_that_has_left_before_it_came_stores_nothing()
    {
        await using CommitLane lane = InProcess.Lane(database.Source);
        await using (CommitLock held = await CommitLock.Hold(database))
        {
            Task<Outcome> committing = lane.Execute(InProcess.Create("committing"));
            await held.WaitForWaiting(1);
            await Assert.ThrowsAnyAsync<OperationCanceledException>(
                () => lane.Execute(InProcess.Create("left"), false, 100, new CancellationToken(canceled: true)));
        }

        Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Create("afterwards")));
        Assert.Equal(0, await database.Events("left"));
    }

    [Fact]
    public async Task Stopping_carries_out_what_waits_and_takes_no_more()
    {
        CommitLane lane = InProcess.Lane(database.Source, new LaneLimits { BatchLength = 2 });
        List<Task<Outcome>> taken = [];
        ValueTask stopping;
        await using (CommitLock held = await CommitLock.Hold(database))
        {
            for (int i = 0; i < 6; i++)
                taken.Add(lane.Execute(InProcess.Create($"job-{i}")));
            await held.WaitForWaiting(1);
            stopping = lane.DisposeAsync();
            Assert.IsType<Outcome.Busy>(await lane.Execute(InProcess.Create("too-late")));
            Assert.False(stopping.IsCompleted);
        }

        await stopping;
        Assert.All(await Task.WhenAll(taken).WaitAsync(Patience), outcome => Assert.IsType<Outcome.Done>(outcome));
        Assert.Equal((6, 0), (await database.Ask<long>("SELECT count(*) FROM eventstore.mt_events"), await database.Events("too-late")));
    }

    [Fact]
    public async Task On_the_wire_it_is_429_with_Retry_After()
    {
        await using ServerProcess server = await ServerProcess.Start(database.Serving);
        string large = $$$$"""{"metadata":{"annotations":{"large":"{{{{new string('x', 2_900_000)}}}}"}}}""";
        List<Task<Reply>> waiting = [];
        await using (CommitLock held = await CommitLock.Hold(database))
        {
            waiting.Add(Reply.Of(server.Admin.Patch(Sample.Job("nobody"), "{}")));
            await held.WaitForWaiting(1);
            for (int i = 0; i < 26; i++)
                waiting.Add(Reply.Of(server.Admin.Patch(Sample.Job("nobody"), large)));

            // The queue holds 64 MiB, which is 23 of them: as long as nothing is committed the other three are the only ones answered.
            for (int refused = 0; refused < 3; refused++)
            {
                Task<Reply> answered = await Task.WhenAny(waiting).WaitAsync(Patience);
                waiting.Remove(answered);
                Reply reply = await answered;
                Assert.Equal((HttpStatusCode.TooManyRequests, "1"), (reply.Code, reply.RetryAfter));
                Assert.Equal("TooManyRequests", (string?)reply.Json["reason"]);
            }
        }

        Assert.All(await Task.WhenAll(waiting), reply => Assert.Equal(HttpStatusCode.NotFound, reply.Code));
    }
}
