using EventStore.Domain.Jobs;
using EventStore.Server.Store.Lane;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Store;

/// <summary>
/// Many commands as one transaction hold much memory, so one such transaction is carried out at a time, and none for ever.
/// </summary>
public sealed class Whole_batches : IAsyncLifetime
{
    private static readonly JobKey[][] Pieces = [[new JobKey("default", "one")]];
    private TestDatabase database = null!;

    public async Task InitializeAsync() => database = await TestDatabase.Create();

    public async Task DisposeAsync() => await database.DisposeAsync();

    [Fact]
    public async Task Are_busy_while_others_are_carried_out()
    {
        using WholeBatches together = InProcess.Together(database.Source, turn: TimeSpan.Zero);
        var begun = new TaskCompletionSource();
        var decided = new TaskCompletionSource<IReadOnlyList<JobCommand>?>();
        var first = together.Execute(
            Pieces,
            (_, _) =>
            {
                begun.SetResult();
                return decided.Task;
            },
            () => true, CancellationToken.None);
        await begun.Task;
        Assert.IsType<Outcome.Busy>((await together.ExecuteAll(InProcess.Create("one"))).Failure);
        decided.SetResult([InProcess.Create("one")]);
        Assert.Null((await first).Failure);
        Assert.Equal(1, await database.Events("one"));
    }

    [Fact]
    public async Task Are_given_up_when_deciding_takes_too_long_and_the_next_have_their_turn()
    {
        using WholeBatches together = InProcess.Together(database.Source, decision: TimeSpan.FromSeconds(1));
        (_, Outcome? failure) = await together.Execute(
            Pieces,
            async (_, stop) =>
            {
                await Task.Delay(Timeout.Infinite, stop); // as a cluster that does not answer who may do what
                return [];
            },
            () => true, CancellationToken.None);
        Assert.False(Assert.IsType<Outcome.Unavailable>(failure).MayHaveBeenApplied);
        do
            failure = (await together.ExecuteAll(InProcess.Create("one"))).Failure;
        while (failure is Outcome.Unavailable); // on a slow machine
        Assert.Null(failure);
    }
}
