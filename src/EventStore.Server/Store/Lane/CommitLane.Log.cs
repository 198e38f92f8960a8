using EventStore.Domain.Jobs;

namespace EventStore.Server.Store.Lane;

/// <content>What the lane tells the operator.</content>
public sealed partial class CommitLane
{
    [LoggerMessage(LogLevel.Error, "{Key}: the command of request {RequestId} cannot be carried out")]
    private partial void LogPoison(JobKey key, string requestId, Exception e);

    [LoggerMessage(LogLevel.Warning, "A batch of {Count} commands could not be carried out; trying each alone")]
    private partial void LogIsolating(int count, Exception e);

    [LoggerMessage(LogLevel.Warning, "The connection broke while {Count} events were being committed; looking whether they were")]
    private partial void LogOutcomeUnknown(int count, Exception e);

    [LoggerMessage(LogLevel.Warning, "Cannot look yet whether the events were committed: {Reason}")]
    private partial void LogStillUnknown(string reason);

    [LoggerMessage(LogLevel.Warning, "The database closed the lane's connection while it was idle; connecting again: {Reason}")]
    private partial void LogReconnecting(string reason);

    [LoggerMessage(LogLevel.Warning, "The lane has not finished within {Seconds} s; ending all the same")]
    private partial void LogNotFinished(double seconds);

    [LoggerMessage(LogLevel.Debug, "A connection could not be closed: {Reason}")]
    private partial void LogNotClosed(string reason);

    [LoggerMessage(LogLevel.Critical, "The lane failed in a way it should not; {Count} commands are answered 503")]
    private partial void LogBug(int count, Exception e);

    [LoggerMessage(LogLevel.Error, "The database is away; {Count} commands are answered 503")]
    private partial void LogDatabaseAway(int count, Exception e);

    [LoggerMessage(LogLevel.Error, "{Key}: gave up after {Attempts} attempts, each time somebody else had changed the job")]
    private partial void LogBeatenTooOften(JobKey key, int attempts);

    [LoggerMessage(LogLevel.Debug, "{Job} could not be read before its turn and is read in it: {Reason}")]
    private partial void LogNotReadEarly(JobKey job, string reason);
}
