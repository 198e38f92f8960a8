using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Hosts;
using Npgsql;

namespace EventStore.Server.Store.Lane;

/// <summary>
/// Recovery from a failed batch. Every command is answered, whatever happens. A batch in which one command may be at fault is
/// halved until that command is alone (bisection); the others are committed.
/// </summary>
internal sealed partial class LaneRecovery(
    Primary database, ReplyLookUp lookUp, LaneLimits limits, LaneConnection connection, LaneQueue queue, ReplyQueue replies, ILogger log)
{
    private readonly Outage outage = new(log, "Changes");

    /// <summary>
    /// Whether certainly nothing of a batch was stored: PostgreSQL itself reported the error and rolled the transaction back.
    /// </summary>
    public static bool WasRolledBack(Exception e) => e is PostgresException { InvariantSeverity: "ERROR" };

    /// <summary>Whether the connection broke, or could not be made.</summary>
    public static bool IsBroken(Exception e) => DatabaseAway.Is(e) && !WasRolledBack(e) && !TookTooLong(e);

    /// <summary>
    /// Finds out whether a batch was committed that was sent and not answered. Null if that was not possible in time; then its commands
    /// have been answered.
    /// </summary>
    public async Task<Committed?> FindOut(Batch batch, List<QueuedCommand> commands, Exception cause)
    {
        try
        {
            if (cause is not NotReplicatedException) // of which the primary has it, and nobody knows whether that lasts
                return await lookUp.Find(batch, cause);
        }
        catch (Exception e)
        {
            cause = e;
        }

        await GiveUp(commands, cause, mayHaveBeenApplied: true);
        return null;
    }

    /// <summary>Handles commands of which certainly nothing was stored: they are decided again, or answered with the error.</summary>
    /// <param name="commands">The commands.</param>
    /// <param name="cause">What went wrong with them.</param>
    public async Task TryAgain(List<QueuedCommand> commands, Exception cause)
    {
        // Its state is uncertain after any error. If the execution that fails is the one that prepares a statement, Npgsql's next use of
        // the statement meets an "unexpected backend message".
        await connection.Discard();
        foreach (QueuedCommand queued in commands)
            queued.Breaks += IsBroken(cause) ? 1 : 0;
        if (cause is PostgresException said && CommitCall.IsOutrun(said))
        {
            queue.Return(commands.Where(MayTryAgain));
        }
        else if (DatabaseAway.Is(cause) && !IsBroken(cause) && !TookTooLong(cause))
        {
            await GiveUp(commands, cause, mayHaveBeenApplied: false);
        }
        else if (IsBroken(cause) && commands.All(queued => queued.Breaks < limits.BreaksMax))
        {
            queue.Return(commands);
        }
        else if (commands.Count > 1)
        {
            LogHalving(commands.Count, cause);
            int half = commands.Count / 2;
            queue.ReturnApart(commands[half..]);
            queue.ReturnApart(commands[..half]);
        }
        else if (DatabaseAway.Is(cause))
        {
            await GiveUp(commands, cause, mayHaveBeenApplied: false);
        }
        else
        {
            foreach (QueuedCommand queued in commands)
            {
                LogPoison(queued.Command.Key, queued.Command.Origin.RequestId, cause);
                replies.Give(queued, new Outcome.Failed(MayHaveBeenApplied: false));
            }
        }
    }

    /// <summary>
    /// Answers commands 503 if a synchronous standby is required and there is none. Reads go on.
    /// </summary>
    /// <returns>Whether they were answered.</returns>
    public bool LacksStandby(List<QueuedCommand> commands)
    {
        if (!database.LacksStandby)
            return false;
        outage.Note(commands.Count, new NotSynchronousException());
        foreach (QueuedCommand queued in commands)
            replies.Give(queued, new Outcome.Unavailable(MayHaveBeenApplied: false, DatabaseAway.NotSynchronous));
        return true;
    }

    /// <summary>Ends the outage, if there was one and something was stored.</summary>
    public void Note(Committed committed)
    {
        if (outage.IsOn && committed.Revisions.Any(revision => revision > 0))
            outage.End();
    }

    /// <summary>Answers commands that cannot be carried out: 503 if the database is away, else 500, because the fault is here.</summary>
    public async Task GiveUp(List<QueuedCommand> commands, Exception e, bool mayHaveBeenApplied)
    {
        bool isAway = DatabaseAway.Is(e);
        if (isAway)
            outage.Note(commands.Count, e);
        else
            LogBug(commands.Count, string.Join(", ", commands.Select(queued => queued.Command.Origin.RequestId)), e);
        if (DatabaseAway.IsReadOnly(e))
            database.Clear(); // a session stays read-only after the database is writable again
        await connection.Discard();
        foreach (QueuedCommand queued in commands)
        {
            bool mayBeStored = mayHaveBeenApplied && !queued.DryRun;
            replies.Give(
                queued, isAway ? new Outcome.Unavailable(mayBeStored, DatabaseAway.Why(e)) : new Outcome.Failed(mayBeStored));
        }
    }

    /// <summary>
    /// Answers the commands whose lease another server has taken over, because of which their batch was refused.
    /// </summary>
    /// <param name="commands">The commands of the batch.</param>
    /// <param name="lease">The number under which the lease is held now.</param>
    /// <returns>The other commands, which are to be committed.</returns>
    public List<QueuedCommand> TurnAway(List<QueuedCommand> commands, long? lease)
    {
        foreach (QueuedCommand queued in commands.Where(queued => queued.Lease is { } number && number != lease))
            replies.Give(queued, new Outcome.Fenced());
        return commands.FindAll(queued => queued.Lease is null || queued.Lease == lease);
    }

    /// <summary>Whether a command whose job another server has changed may be decided again. If not, it has been answered 429.</summary>
    public bool MayTryAgain(QueuedCommand queued)
    {
        queued.Early = null;
        if (++queued.Attempts < limits.AttemptsMax)
            return true;
        LogBeatenTooOften(queued.Command.Key, queued.Attempts);
        replies.Give(queued, new Outcome.Busy());
        return false;
    }

    /// <summary>Whether the statement timed out, by too much work or by waiting for the lock.</summary>
    private static bool TookTooLong(Exception e) =>
        e is PostgresException { SqlState: PostgresErrorCodes.QueryCanceled }
            or TimeoutException
            or NpgsqlException { InnerException: TimeoutException };

    [LoggerMessage(31, LogLevel.Error, "{Key}: the command of request {RequestId} cannot be carried out")]
    private partial void LogPoison(JobKey key, string requestId, Exception e);

    [LoggerMessage(32, LogLevel.Warning, "A batch of {Count} commands could not be carried out; trying each half of it")]
    private partial void LogHalving(int count, Exception e);

    [LoggerMessage(26, LogLevel.Critical, "The lane failed in a way it should not; {Count} commands are answered 500: {RequestIds}")]
    private partial void LogBug(int count, string requestIds, Exception e);

    [LoggerMessage(36, LogLevel.Error, "{Key}: gave up after {Attempts} attempts, each time another server had changed the job")]
    private partial void LogBeatenTooOften(JobKey key, int attempts);
}
