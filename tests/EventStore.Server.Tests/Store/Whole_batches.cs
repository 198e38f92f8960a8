using EventStore.Domain.Jobs;
using EventStore.Server.Store.Lane;
using EventStore.Server.Tests.Fixtures;
using Npgsql;

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
    public async Task That_fail_leave_no_connection_in_doubt_to_others()
    {
        const string Name = "in-doubt";
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(
            new NpgsqlConnectionStringBuilder(database.Serving) { ApplicationName = Name }.ConnectionString);
        using WholeBatches together = InProcess.Together(source);
        Assert.Null((await together.ExecuteAll(InProcess.Create("one"))).Failure);
        Assert.Equal(1, await Sessions());

        await database.Execute($"REVOKE SELECT ON eventstore.mt_doc_current_job FROM {database.ServingRoleName}");
        await Assert.ThrowsAsync<PostgresException>(() => together.ExecuteAll(InProcess.Create("two")));
        await Eventually.Equal(0, Sessions);

        Task<long> Sessions() => database.Ask<long>($"SELECT count(*) FROM pg_stat_activity WHERE application_name = '{Name}'");
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
