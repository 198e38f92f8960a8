using EventStore.Server.Jobs;
using EventStore.Server.Kubernetes;
using EventStore.Server.Store.Lane;
using EventStore.Server.Tests.Fixtures;
using EventStore.Server.Tests.Postgres;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace EventStore.Server.Tests.Store;

/// <summary>
/// What the lane says, to clients and in the log, when it cannot carry out commands: an outage is one thing, a fault another.
/// </summary>
public sealed class Faults_of_the_lane : IAsyncLifetime
{
    private static readonly TimeSpan Patience = Eventually.Deadline;

    private readonly LogLines lines = new();
    private TestDatabase database = null!;
    private BreakableWire wire = null!;

    public async Task InitializeAsync()
    {
        database = await TestDatabase.Create();
        wire = BreakableWire.To(database.Serving);
    }

    public async Task DisposeAsync()
    {
        await wire.DisposeAsync();
        await database.DisposeAsync();
    }

    [Fact]
    public async Task An_outage_is_logged_once_and_its_end_with_how_many_were_answered_503()
    {
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(wire.ConnectionString);
        await using CommitLane lane = InProcess.Lane(source, log: Log());
        Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Create("before")));
        wire.StayAway();
        int unavailable = 0;
        for (; unavailable < 5; unavailable++)
            Assert.IsType<Outcome.Unavailable>(await lane.Execute(InProcess.Label("before", "a", "b")).WaitAsync(Patience));
        wire.ComeBack();
        Outcome outcome;
        while ((outcome = await lane.Execute(InProcess.Create("after")).WaitAsync(Patience)) is Outcome.Unavailable)
            unavailable++;
        Assert.IsType<Outcome.Done>(outcome);
        Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Create("long-after")));

        string[] said = [.. lines.ToString().Split('\n').Where(line => line.Contains("503", StringComparison.Ordinal))];
        Assert.Equal(2, said.Length);
        Assert.StartsWith("Error: Changes are answered 503 from now on: the database", said[0], StringComparison.Ordinal);
        Assert.Equal($"Warning: Changes are answered as usual again; {unavailable} were answered 503 meanwhile", said[1]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_fault_of_this_server_is_no_outage(bool together)
    {
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(wire.ConnectionString);
        var limits = new LaneLimits { LookUpTime = TimeSpan.FromMilliseconds(100), LookUpPause = TimeSpan.FromMilliseconds(10) };
        await using CommitLane lane = InProcess.Lane(source, limits, Log());
        using WholeBatches batches = InProcess.Together(source, limits: limits);
        Assert.IsType<Outcome.Done>(await lane.Execute(InProcess.Create("before")));
        await database.Execute($"REVOKE SELECT ON eventstore.mt_events FROM {database.ServingRoleName}"); // what is stored cannot be found
        wire.CutReplyTo("fragile");
        Outcome? outcome = together
            ? (await batches.ExecuteAll(InProcess.Create("lost", team: "fragile"))).Failure
            : await lane.Execute(InProcess.Create("lost", team: "fragile")).WaitAsync(Patience);

        Assert.Equal(new Outcome.Failed(MayHaveBeenApplied: true), outcome);
        Assert.Equal(1, await database.Events("lost"));
        Assert.DoesNotContain("503", lines.ToString(), StringComparison.Ordinal);
        if (!together)
            Assert.Contains("1 commands are answered 500: request-of-a-test", lines.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Of_which_the_client_is_told_that_it_may_have_been_applied()
    {
        var told = (Status)JobAnswers.Of(
            new Outcome.Failed(true), new("ml", "mnist"), "request-7", _ => throw new InvalidOperationException());
        Assert.Equal(
            (500, "Internal error occurred: request request-7 failed; the server's log says why; the change may have been applied: "
                + "read the job before trying again"),
            (told.Code, told.Message));
        told = (Status)JobAnswers.Of(
            new Outcome.Failed(false), new("ml", "mnist"), "request-7", _ => throw new InvalidOperationException());
        Assert.Equal("Internal error occurred: request request-7 failed; the server's log says why", told.Message);
    }

    [Fact]
    public async Task Connections_for_lost_replies_are_closed_with_the_server()
    {
        var lost = new LostReplies(NpgsqlDataSource.Create("Host=127.0.0.1;Port=1"));
        await using (ServiceProvider services = new ServiceCollection().AddSingleton(_ => lost).BuildServiceProvider())
            Assert.Same(lost, services.GetRequiredService<LostReplies>());
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await lost.Source.OpenConnectionAsync());
    }

    private Logger<CommitLane> Log() => new Logger<CommitLane>(new Factory(lines));

    private sealed class Factory(ILogger log) : ILoggerFactory
    {
        public ILogger CreateLogger(string categoryName) => log;

        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

        public void Dispose()
        {
        }
    }
}
