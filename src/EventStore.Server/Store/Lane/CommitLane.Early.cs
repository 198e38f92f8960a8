using EventStore.Domain.Jobs;
using EventStore.Server.Store.Reads;

namespace EventStore.Server.Store.Lane;

/// <content>Deciding before the turn, on the thread of the request: the lane then only takes what is ready.</content>
public sealed partial class CommitLane
{
    private readonly CoalescedReads reads;

    /// <summary>
    /// Decides the command upon the job as far as it is known; null when another asked first, whose turn comes first and leaves another
    /// job, or when nothing can be known now. Nothing depends on whether it is right: the database checks what each decision was made from.
    /// </summary>
    private async ValueTask<EarlyDecision?> DecideEarly(JobCommand command, CancellationToken clientLeft)
    {
        if (cache.TryGetFirst(command.Key, out Job? job))
            return EarlyDecision.Of(job, command);
        if (cache.Has(command.Key))
            return null;
        if (command is CreateJob)
            return EarlyDecision.Of(null, command); // whoever creates mostly takes a name that is free
        int clears = cache.Clears;
        if (await Read(command.Key, clientLeft) is not { } read)
            return null;
        if (read.Job is null)
            return EarlyDecision.Of(null, command);
        cache.Add(read.Job, read.TextBytes, clears);
        return cache.TryGetFirst(command.Key, out job) ? EarlyDecision.Of(job, command) : null;
    }

    private async Task<(Job? Job, int TextBytes)?> Read(JobKey key, CancellationToken clientLeft)
    {
        try
        {
            LivingRow? read = await reads.Get(key, clientLeft).WaitAsync(limits.EarlyReadTime, clientLeft);
            return (read?.ToJob(), read?.Stored.Utf8.Length ?? 0);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            LogNotReadEarly(key, e.Message); // no more than that: the lane reads it on the connection it keeps, and answers if it meets the same
            return null;
        }
    }
}
