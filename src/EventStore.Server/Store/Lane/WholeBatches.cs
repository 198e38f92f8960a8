using EventStore.Domain.Jobs;
using EventStore.Server.Store.Feed;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Hosts;
using EventStore.Server.Store.Reads;

namespace EventStore.Server.Store.Lane;

/// <summary>What became of one command of many.</summary>
/// <param name="Command">The command.</param>
/// <param name="Job">The job it leaves; null when it is refused.</param>
/// <param name="Changed">Whether an event comes of it.</param>
/// <param name="Why">Why it is refused; null when it is not.</param>
public sealed record CommandVerdict(JobCommand Command, Job? Job, bool Changed, Rejection? Why);

/// <summary>
/// Carries out many commands as one transaction, all or none. They do not pass through the commit lane, which takes 256 at most: they are
/// decided upon the jobs as they are, and the commit holds only if all of them still are. Optimistic concurrency, with a few retries.
/// </summary>
public sealed class WholeBatches(
    Primary database, LookUpDatabase lookUps, LaneLimits limits, JobFeed feed, ServerPresence presence, ILogger<WholeBatches> log)
{
    /// <summary>How many commands one transaction takes, at most.</summary>
    public const int CommandsMax = 10_000;

    private const int AttemptsMax = 10;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private long rebuild; // the last one that a commit told of; 0 before any did

    /// <summary>Carries them out.</summary>
    /// <param name="commands">The commands; those of one job in their order.</param>
    /// <param name="dryRun">Only answer; store nothing.</param>
    /// <param name="stop">Cancels it before the commit; what is being committed is committed.</param>
    /// <returns>
    /// A verdict for each. If one is refused, nothing was stored. Or no verdicts, and why nobody knows: other writers were faster each
    /// time, or the database is away.
    /// </returns>
    public async Task<(IReadOnlyList<CommandVerdict> Verdicts, Outcome? Failure)> Execute(
        IReadOnlyList<JobCommand> commands, bool dryRun, CancellationToken stop)
    {
        var replies = new ReplyQueue(); // nobody waits for one: the answer is what this method returns
        var connection = new LaneConnection(database, lookUps, limits, replies, log);
        var recovery = new LaneRecovery(database, limits, connection, new LaneQueue(limits), replies, log);
        try
        {
            for (int attempt = 0; attempt < AttemptsMax; attempt++)
            {
                long known = await KnownRebuild(connection); // before the jobs are read
                Batch batch = await Decide(connection, commands);
                stop.ThrowIfCancellationRequested();
                if (dryRun || batch.Entries.Count == 0 || batch.Chains.Any(chain => chain.Verdicts.Any(verdict => verdict.Why is not null)))
                    return (Verdicts(batch, null), null);
                if (await Commit(batch, known, connection, recovery) is not { } committed)
                    return ([], new Outcome.Unavailable(MayHaveBeenApplied: true));
                if (committed.Held.All(held => held))
                {
                    feed.Wake();
                    return (Verdicts(batch, committed), null);
                }
            }

            return ([], new Outcome.Busy());
        }
        catch (Exception e) when (DatabaseAway.Is(e))
        {
            await connection.Discard();
            return ([], new Outcome.Unavailable(MayHaveBeenApplied: false, DatabaseAway.Why(e)));
        }
        finally
        {
            await connection.Release();
        }
    }

    /// <summary>Commits the batch. If the reply is lost, looks up what became of it; null when that was not possible in time.</summary>
    private async Task<Committed?> Commit(Batch batch, long knownRebuild, LaneConnection connection, LaneRecovery recovery)
    {
        try
        {
            Committed committed = await connection.CommitWhole(batch, presence.OthersServe, knownRebuild, Patience);
            if (committed.Rebuild is { } number)
                Interlocked.Exchange(ref rebuild, number);
            return committed;
        }
        catch (Exception e) when (DatabaseAway.Is(e) && connection.HasSent && !LaneRecovery.WasRolledBack(e))
        {
            return await recovery.FindOut(batch, [], e);
        }
    }

    /// <summary>The last rebuild; an empty batch asks for it once, for otherwise the first batch would be decided twice.</summary>
    private async Task<long> KnownRebuild(LaneConnection connection)
    {
        if (Interlocked.Read(ref rebuild) == 0)
            Interlocked.Exchange(ref rebuild, (await connection.Commit(new Batch(), wakeOthers: false, 0)).Rebuild!.Value);
        return Interlocked.Read(ref rebuild);
    }

    private static async Task<Batch> Decide(LaneConnection connection, IReadOnlyList<JobCommand> commands)
    {
        JobKey[] keys = [.. commands.Select(command => command.Key).Distinct()];
        LivingRow?[] rows = await connection.Read(keys, [.. keys.Select(_ => int.MaxValue)]);
        var living = rows.OfType<LivingRow>().ToDictionary(row => row.Key, row => row.ToJob());
        return Batch.Of(commands.Select(command => new QueuedCommand(command, dryRun: false, 0)), key => living.GetValueOrDefault(key));
    }

    private static CommandVerdict[] Verdicts(Batch batch, Committed? committed) =>
    [
        .. batch.Chains.SelectMany(chain => chain.Verdicts).Select(verdict => new CommandVerdict(
            verdict.Queued.Command,
            verdict.Job is { } job && verdict.Entry is { } entry && committed is not null
                ? job with { Revision = committed.Revisions[entry.Place] }
                : verdict.Job,
            verdict.Entry is not null,
            verdict.Why)),
    ];
}
