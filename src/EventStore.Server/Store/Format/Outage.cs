namespace EventStore.Server.Store.Format;

/// <summary>
/// The log of an outage: one line when it begins and one when it ends. What is answered 503 meanwhile is counted and not logged: that
/// would be a line for each batch or request, thousands a second.
/// </summary>
/// <param name="log">The log.</param>
/// <param name="what">What is answered 503, with a capital letter.</param>
internal sealed partial class Outage(ILogger log, string what)
{
    private long unanswered;

    /// <summary>Whether there is one.</summary>
    public bool IsOn => Volatile.Read(ref unanswered) > 0;

    /// <summary>Counts what is answered 503; the first begins the outage.</summary>
    public void Note(int count, Exception e)
    {
        if (Interlocked.Add(ref unanswered, count) == count)
            LogBegan(what, DatabaseAway.Why(e), e);
    }

    /// <summary>Ends it, if there is one.</summary>
    public void End()
    {
        if (IsOn && Interlocked.Exchange(ref unanswered, 0) is > 0 and var count)
            LogEnded(what, count);
    }

    [LoggerMessage(35, LogLevel.Error, "{What} are answered 503 from now on: {Why}")]
    private partial void LogBegan(string what, string why, Exception e);

    [LoggerMessage(72, LogLevel.Warning, "{What} are answered as usual again; {Count} were answered 503 meanwhile")]
    private partial void LogEnded(string what, long count);
}
