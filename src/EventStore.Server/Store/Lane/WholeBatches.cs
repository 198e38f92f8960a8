using EventStore.Domain.Jobs;
using EventStore.Server.Store.Feed;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Hosts;
using EventStore.Server.Store.Reads;
using Npgsql;

namespace EventStore.Server.Store.Lane;

/// <summary>The result of one command of many.</summary>
/// <param name="Key">The job.</param>
/// <param name="Uid">The incarnation that it changes or deletes; null if it is refused.</param>
/// <param name="Revision">The revision of the job afterwards; if nothing is stored, the one it has.</param>
/// <param name="EventName">The stored name of its event; null if nothing changes.</param>
/// <param name="Why">Why it is refused; null when it is not.</param>
public sealed record CommandVerdict(JobKey Key, Guid? Uid, long Revision, string? EventName, Rejection? Why);

/// <summary>
/// Carries out many commands as one transaction, all or none, with optimistic concurrency: they are decided on the current jobs, and the
/// commit succeeds only if none of these has changed meanwhile; otherwise it is tried again, a few times. They do not pass through the
/// commit lane, whose batches are smaller.
/// </summary>
public sealed partial class WholeBatches(
    Primary database, LostReplies lost, LaneLimits limits, JobFeed feed, ServerPresence presence, ILogger<WholeBatches> log) : IDisposable
{
    /// <summary>The most commands in one transaction.</summary>
    public const int CommandsMax = 10_000;

    private const int AttemptsMax = 10;
    private const string TookTooLong = "it took too long: ask for fewer jobs at once, with limit";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly SemaphoreSlim oneAtATime = new(1); // each holds up to 64 MiB of jobs, and parsed some times as much

    /// <summary>How long a call waits for the call before it: there is one at a time.</summary>
    public TimeSpan TurnTime { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long the decisions of one call may take, while others wait.</summary>
    public TimeSpan DecisionTime { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Carries out the commands.</summary>
    /// <param name="pieces">The jobs, in pieces: one piece at a time is held in memory.</param>
    /// <param name="commandsOf">
    /// The commands for a piece, those of one job in order; null if the data they need exceed the memory bound, which ends the call. Its
    /// token is cancelled when deciding takes too long.
    /// </param>
    /// <param name="mayStore">Called when all is decided: false if nothing is to be stored (dry run).</param>
    /// <param name="stop">Cancels the call before the commit. A commit under way is finished.</param>
    /// <returns>
    /// A verdict for each command; if one is refused, nothing was stored. Or no verdicts and the failure: another call is under way, the
    /// jobs had changed at each attempt, it took too long, a piece is too large, or the database is away.
    /// </returns>
    public async Task<(IReadOnlyList<CommandVerdict> Verdicts, Outcome? Failure)> Execute(
        IReadOnlyList<JobKey[]> pieces, Func<JobKey[], CancellationToken, Task<IReadOnlyList<JobCommand>?>> commandsOf, Func<bool> mayStore,
        CancellationToken stop)
    {
        if (!await oneAtATime.WaitAsync(TurnTime, stop))
            return ([], new Outcome.Busy());
        using var deciding = CancellationTokenSource.CreateLinkedTokenSource(stop);
        deciding.CancelAfter(DecisionTime);
        try
        {
            return await ExecuteOne(pieces, keys => commandsOf(keys, deciding.Token), mayStore, deciding.Token);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            return ([], new Outcome.Unavailable(MayHaveBeenApplied: false, TookTooLong));
        }
        finally
        {
            oneAtATime.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => oneAtATime.Dispose();

    private async Task<(IReadOnlyList<CommandVerdict> Verdicts, Outcome? Failure)> ExecuteOne(
        IReadOnlyList<JobKey[]> pieces, Func<JobKey[], Task<IReadOnlyList<JobCommand>?>> commandsOf, Func<bool> mayStore,
        CancellationToken stop)
    {
        var replies = new ReplyQueue(); // nobody waits for one: the answer is what this method returns
        var connection = new LaneConnection(database, limits, replies, log);
        var lookUp = new ReplyLookUp(lost, limits, connection, replies, log);
        try
        {
            for (int attempt = 0; attempt < AttemptsMax; attempt++)
            {
                Fence known = await connection.Begin(); // before the jobs are read
                var batch = new Batch();
                var verdicts = new List<Batch.CondensedVerdict>();
                if (await Decide(batch, verdicts, pieces, commandsOf, connection, stop) is { } failure)
                    return ([], failure);
                if (!mayStore() || verdicts.Any(verdict => verdict.Why is not null))
                    return (Verdicts(verdicts, null), null);
                (Committed? committed, Outcome? unknown) = await Commit(batch, known, connection, lookUp);
                if (committed is null)
                    return ([], unknown);
                if (committed.IsWhole)
                {
                    feed.Wake();
                    return (Verdicts(verdicts, committed), null);
                }
            }

            return ([], new Outcome.Busy());
        }
        catch (Exception e) when (DatabaseAway.Is(e))
        {
            await connection.Discard();
            feed.Wake(); // it may be there
            return ([], new Outcome.Unavailable(MayHaveBeenApplied: e is NotReplicatedException, DatabaseAway.Why(e)));
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            await connection.Discard(); // its state is uncertain after any error, as for the lane's recovery
            throw;
        }
        finally
        {
            await connection.Release();
        }
    }

    /// <summary>
    /// Commits the batch. If the reply is lost, looks up what became of it; where that was not possible in time, returns the outcome.
    /// </summary>
    private async Task<(Committed? Committed, Outcome? Unknown)> Commit(
        Batch batch, Fence fence, LaneConnection connection, ReplyLookUp lookUp)
    {
        try
        {
            return (await connection.CommitWhole(batch, presence.OthersServe, fence, Patience), null);
        }
        catch (Exception e) when (e is not NotReplicatedException && connection.HasSent && !LaneRecovery.WasRolledBack(e))
        {
            return await Find(batch, e, lookUp);
        }
        catch (PostgresException e) when (CommitCall.IsOutrun(e))
        {
            await connection.Discard();
            return (Committed.Nothing(batch), null);
        }
    }

    private async Task<(Committed? Committed, Outcome? Unknown)> Find(Batch batch, Exception cause, ReplyLookUp lookUp)
    {
        try
        {
            return (await lookUp.Find(batch, cause), null);
        }
        catch (Exception e)
        {
            LogUnknown(batch.Entries.Count, DatabaseAway.Is(e) ? DatabaseAway.Why(e) : "a fault of this server", e);
            return (null, DatabaseAway.Is(e) ? new Outcome.Unavailable(true) : new Outcome.Failed(true)); // it may have been applied
        }
    }

    /// <summary>Adds the verdicts on the commands of all pieces. Returns the failure that prevents it, or null.</summary>
    private static async Task<Outcome?> Decide(
        Batch batch, List<Batch.CondensedVerdict> verdicts, IReadOnlyList<JobKey[]> pieces,
        Func<JobKey[], Task<IReadOnlyList<JobCommand>?>> commandsOf, LaneConnection connection, CancellationToken stop)
    {
        foreach (JobKey[] keys in pieces)
        {
            stop.ThrowIfCancellationRequested();
            if (await commandsOf(keys) is not { } commands)
                return new Outcome.TooMuchAtOnce(keys.Length);
            LivingRow?[] rows = await connection.Read(keys, [.. keys.Select(_ => int.MaxValue)]);
            var living = rows.OfType<LivingRow>().ToDictionary(row => row.Key, row => row.ToJob());
            verdicts.AddRange(batch.AddCondensed(
                commands.Select(command => new QueuedCommand(command, dryRun: false, 0)), key => living.GetValueOrDefault(key)));
        }

        return null;
    }

    private static CommandVerdict[] Verdicts(List<Batch.CondensedVerdict> verdicts, Committed? committed) =>
    [
        .. verdicts.Select(verdict => new CommandVerdict(
            verdict.Key,
            verdict.Job?.Uid,
            verdict.Entry is { } entry && committed is not null ? committed.Revisions[entry.Place] : verdict.Job?.Revision ?? 0,
            verdict.Entry?.Name,
            verdict.Why)),
    ];

    [LoggerMessage(71, LogLevel.Error, "Whether a change of {Count} events is stored is unknown: {Why}")]
    private partial void LogUnknown(int count, string why, Exception e);
}
