using EventStore.Domain.Jobs;
using EventStore.Server.Store.Feed;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Hosts;
using EventStore.Server.Store.Reads;
using Npgsql;

namespace EventStore.Server.Store.Lane;

/// <summary>What became of one command of many.</summary>
/// <param name="Key">The job.</param>
/// <param name="Uid">Which job of that name it leaves, or takes away; null when it is refused.</param>
/// <param name="Revision">The revision that one then has; of what is not stored, the one it had.</param>
/// <param name="EventName">The stored name of the event that comes of it; null when nothing changes.</param>
/// <param name="Why">Why it is refused; null when it is not.</param>
public sealed record CommandVerdict(JobKey Key, Guid? Uid, long Revision, string? EventName, Rejection? Why);

/// <summary>
/// Carries out many commands as one transaction, all or none. They do not pass through the commit lane, which takes 256 at most: they are
/// decided upon the jobs as they are, and the commit holds only if all of them still are. Optimistic concurrency, with a few retries.
/// </summary>
public sealed class WholeBatches(
    Primary database, LostReplies lost, LaneLimits limits, JobFeed feed, ServerPresence presence, ILogger<WholeBatches> log) : IDisposable
{
    /// <summary>How many commands one transaction takes, at most.</summary>
    public const int CommandsMax = 10_000;

    private const int AttemptsMax = 10;
    private const string TookTooLong = "it took too long: ask for fewer jobs at once, with limit";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly SemaphoreSlim oneAtATime = new(1); // each holds up to 64 MiB of jobs, and parsed some times as much

    /// <summary>How long others that are carried out are waited for.</summary>
    public TimeSpan TurnTime { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>After what time nothing is decided any more, for others wait meanwhile.</summary>
    public TimeSpan DecisionTime { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Carries them out.</summary>
    /// <param name="pieces">The jobs, in pieces of which each is held in memory at once.</param>
    /// <param name="commandsOf">
    /// The commands for a piece, those of one job in their order; null where what they need is too large, which gives everything up. It is
    /// canceled when deciding takes too long.
    /// </param>
    /// <param name="mayStore">Asked when all is decided: whether it is to be stored, or only answered.</param>
    /// <param name="stop">Cancels it before the commit; what is being committed is committed.</param>
    /// <returns>
    /// A verdict for each. If one is refused, nothing was stored. Or no verdicts, and why nobody knows: another is carried out, other
    /// writers were faster each time, it took too long, a piece is too large, or the database is away.
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
        var recovery = new LaneRecovery(database, lost, limits, connection, new LaneQueue(limits), replies, log);
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
                if (await Commit(batch, known, connection, recovery) is not { } committed)
                    return ([], new Outcome.Unavailable(MayHaveBeenApplied: true));
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
        finally
        {
            await connection.Release();
        }
    }

    /// <summary>Commits the batch. If the reply is lost, looks up what became of it; null when that was not possible in time.</summary>
    private async Task<Committed?> Commit(Batch batch, Fence fence, LaneConnection connection, LaneRecovery recovery)
    {
        try
        {
            return await connection.CommitWhole(batch, presence.OthersServe, fence, Patience);
        }
        catch (Exception e) when (
            DatabaseAway.Is(e) && e is not NotReplicatedException && connection.HasSent && !LaneRecovery.WasRolledBack(e))
        {
            return await recovery.FindOut(batch, [], e);
        }
        catch (PostgresException e) when (CommitCall.IsOutrun(e))
        {
            await connection.Discard();
            return Committed.Nothing(batch);
        }
    }

    /// <summary>Adds the verdicts upon the commands for all pieces; what keeps it from that, or null.</summary>
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
}
