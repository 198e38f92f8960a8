using System.Diagnostics;
using EventStore.Server.Telemetry;

namespace EventStore.Server.Store.Lane;

/// <summary>Looks up what became of a batch whose reply was lost, again and again for a limited time.</summary>
internal sealed partial class ReplyLookUp(
    LostReplies lost, LaneLimits limits, LaneConnection connection, ReplyQueue replies, ILogger log)
{
    /// <summary>Finds out what of a batch was committed, before any of it is decided again.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="cause">What became of its commit instead of a reply.</param>
    /// <remarks>If that is not possible within <see cref="LaneLimits.LookUpTime"/>, throws what the last attempt did.</remarks>
    public async Task<Committed> Find(Batch batch, Exception cause)
    {
        LogOutcomeUnknown(batch.Entries.Count, cause);
        Signals.LostReplies.Add(1);
        LaneSession sender = connection.Session;
        long started = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                await connection.Discard();
                TimeSpan patience = limits.LookUpTime - Stopwatch.GetElapsedTime(started);
                return connection.Remember(await replies.SendAndAwait(lost.Find(batch, sender, patience)));
            }
            catch (Exception e) when (Stopwatch.GetElapsedTime(started) < limits.LookUpTime)
            {
                LogStillUnknown(e.Message);
                await replies.SendAndAwait(Task.Delay(limits.LookUpPause));
            }
        }
    }

    [LoggerMessage(33, LogLevel.Warning, "The reply of a commit of {Count} events was lost; looking whether they are stored")]
    private partial void LogOutcomeUnknown(int count, Exception e);

    [LoggerMessage(34, LogLevel.Warning, "Cannot look yet whether the events were committed: {Reason}")]
    private partial void LogStillUnknown(string reason);
}
