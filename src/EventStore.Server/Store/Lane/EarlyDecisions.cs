using EventStore.Domain.Jobs;
using EventStore.Server.Store.Hosts;
using EventStore.Server.Store.Reads;

namespace EventStore.Server.Store.Lane;

/// <summary>
/// Decides commands early, on the threads of their requests, so that the lane only collects decisions. An early decision may be
/// outdated: the commit compares the version that each was made from.
/// </summary>
internal sealed partial class EarlyDecisions(Primary database, LaneLimits limits, JobCache cache, ILogger log)
{
    private readonly CoalescedReads reads = new(database, queriesMax: 1, textBytesMax: limits.HeavyBytes / 2);

    /// <summary>
    /// Decides the command on the cached or stored state of its job. Null if an earlier command got the same state and will change it
    /// first, if the command or its job is heavy, or if the job cannot be read now: then the lane decides it.
    /// </summary>
    /// <param name="queued">The command; its job's size is noted there.</param>
    /// <param name="clientLeft">Cancels the reading.</param>
    public async ValueTask<DecidedCommand?> Make(QueuedCommand queued, CancellationToken clientLeft)
    {
        JobCommand command = queued.Command;
        if (cache.TextBytes(command.Key) is { } known)
        {
            queued.JobBytes = known;
            return IsLight(queued) && cache.TryGetFirst(command.Key, out Job? job) ? DecidedCommand.Of(job, command) : null;
        }

        if (!IsLight(queued))
            return null;
        if (command is CreateJob)
            return DecidedCommand.Of(null, command); // most creates use a free name
        int clears = cache.Clears;
        (bool wasRead, LivingRow? row) = await Read(command.Key, clientLeft);
        if (!wasRead)
            return null;
        if (row is null)
            return DecidedCommand.Of(null, command);
        queued.JobBytes = row.TextBytes;
        if (row.Stored is null)
        {
            cache.AddSize(command.Key, row.TextBytes);
            return null;
        }

        cache.Add(row.ToJob(), row.TextBytes, clears);
        return cache.TryGetFirst(command.Key, out Job? first) ? DecidedCommand.Of(first, command) : null;
    }

    private bool IsLight(QueuedCommand queued) => queued.WorkBytes < limits.HeavyBytes;

    private async Task<(bool WasRead, LivingRow? Row)> Read(JobKey key, CancellationToken clientLeft)
    {
        try
        {
            return (true, await reads.Get(key, clientLeft).WaitAsync(limits.EarlyReadTime, clientLeft));
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            LogNotReadEarly(key, e.Message); // the lane reads it on the connection it keeps, and answers if it meets the same
            return (false, null);
        }
    }

    [LoggerMessage(28, LogLevel.Debug, "{Job} could not be read before its turn and is read in it: {Reason}")]
    private partial void LogNotReadEarly(JobKey job, string reason);
}
