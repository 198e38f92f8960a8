using System.Diagnostics;
using EventStore.Server.Store.Format;

namespace EventStore.Server.Store.Lane;

/// <content>
/// What the lane does when a batch fails. Every command is answered, whatever happens: somebody waits for each, and there is no
/// other lane.
/// </content>
public sealed partial class CommitLane
{
    /// <summary>
    /// The batch was refused and nothing of it is stored. One command may be to blame: each is tried alone, and the one that fails
    /// alone fails alone.
    /// </summary>
    private async Task<List<QueuedCommand>> Isolate(List<QueuedCommand> commands, Exception e)
    {
        foreach (QueuedCommand command in commands)
            cache.Forget(command.Command.Key);
        if (commands.Count == 1)
        {
            LogPoison(commands[0].Command.Key, commands[0].Command.Origin.RequestId, e);
            answers.Give(commands[0], new Outcome.Failed());
            return [];
        }

        LogIsolating(commands.Count, e);
        return await OneByOne(commands);
    }

    private async Task<List<QueuedCommand>> OneByOne(List<QueuedCommand> commands)
    {
        foreach (QueuedCommand command in commands)
        {
            List<QueuedCommand> alone = [command];
            while (alone.Count > 0)
                alone = await Round(alone);
        }

        return [];
    }

    /// <summary>
    /// The connection broke while the batch was being committed: it may be stored or not. Before anything is decided again, the
    /// events are looked for; what is found is answered as done.
    /// </summary>
    private async Task<List<QueuedCommand>> FindOut(Batch batch, List<QueuedCommand> commands, Exception cause)
    {
        LogOutcomeUnknown(batch.Entries.Count, cause);
        foreach (Batch.Chain chain in batch.Chains)
            cache.Forget(chain.Key);
        long started = Stopwatch.GetTimestamp();
        Committed committed;
        while (true)
        {
            try
            {
                await Disconnect();
                await Connect();
                committed = await CommitCall.LookUp(connection!, batch, limits.LookUpTime - Stopwatch.GetElapsedTime(started));
                break;
            }
            catch (Exception e) when (Stopwatch.GetElapsedTime(started) < limits.LookUpTime)
            {
                LogStillUnknown(e.Message);
                await Task.Delay(limits.LookUpPause);
            }
            catch (Exception e)
            {
                return await GiveUp(commands, e, mayHaveBeenApplied: true);
            }
        }

        List<QueuedCommand> again = Settle(batch, committed);
        foreach (QueuedCommand command in again)
            command.Breaks++;
        if (DatabaseAway.Is(cause) && again.All(command => command.Breaks < limits.BreaksMax))
            return again;

        // One of them may be what breaks the connection, each time.
        if (commands.Count > 1)
            return await OneByOne(again);
        return DatabaseAway.Is(cause) ? await GiveUp(again, cause, mayHaveBeenApplied: false) : await Isolate(again, cause);
    }

    private async Task<List<QueuedCommand>> GiveUp(List<QueuedCommand> commands, Exception e, bool mayHaveBeenApplied)
    {
        LogDatabaseAway(commands.Count, e);
        await Disconnect();
        foreach (QueuedCommand command in commands)
            answers.Give(command, new Outcome.Unavailable(mayHaveBeenApplied && !command.DryRun, DatabaseAway.Why(e)));
        return [];
    }
}
