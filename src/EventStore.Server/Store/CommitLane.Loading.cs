using EventStore.Domain.Jobs;

namespace EventStore.Server.Store;

/// <content>Jobs that are not at hand, which have to be read before anything can be decided upon them.</content>
public sealed partial class CommitLane
{
    /// <summary>
    /// Reads the jobs of the commands that are not at hand. Those who were answered last ask again while that goes on: they may join, for
    /// one commit of all costs less than two, and while their jobs are read what is there already is decided.
    /// </summary>
    /// <param name="commands">The commands; what joins is added to them.</param>
    /// <param name="loaded">Given the jobs.</param>
    /// <param name="othersMayJoin">Whether any may join.</param>
    private async Task Load(List<QueuedCommand> commands, Dictionary<JobKey, Job> loaded, bool othersMayJoin)
    {
        int first = commands.Count;
        if (!await LoadMissing(commands, loaded) || !othersMayJoin)
            return;
        TakeWaiting(commands);
        if (commands.Count == first)
            return;
        Dictionary<JobKey, Job> more = [];
        Task<bool> loading = LoadMissing(commands[first..].FindAll(queued => !loaded.ContainsKey(queued.Command.Key)), more);
        try
        {
            DecideAhead(commands[..first], loaded);
        }
        finally
        {
            await loading; // whatever comes of the others: the connection is one
        }

        foreach ((JobKey key, Job job) in more)
            loaded[key] = job;
    }

    private void DecideAhead(List<QueuedCommand> commands, Dictionary<JobKey, Job> loaded)
    {
        foreach (QueuedCommand queued in commands.DistinctBy(queued => queued.Command.Key)) // behind the first of a key the job is another
        {
            if (!cache.Has(queued.Command.Key))
                queued.Draft = Draft.Of(loaded.GetValueOrDefault(queued.Command.Key), queued.Command);
        }
    }

    /// <summary>Answers whether anything had to be asked.</summary>
    private async Task<bool> LoadMissing(List<QueuedCommand> commands, Dictionary<JobKey, Job> loaded)
    {
        HashSet<JobKey> missing = [.. commands.Select(queued => queued.Command.Key).Where(key => !cache.Has(key))];
        if (missing.Count == 0)
            return false;
        answers.Send();
        foreach ((JobKey key, Job job) in await JobReads.Load(connection!, [.. missing]))
            loaded[key] = job;
        return true;
    }
}
