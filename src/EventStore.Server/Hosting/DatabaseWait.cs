using EventStore.Server.Store.Format;

namespace EventStore.Server.Hosting;

/// <summary>
/// Work at the start that needs the database. If the database is away (recovering after a crash, or not there yet), the server
/// starts anyway, is not ready, and retries, as it does when the database goes away later.
/// </summary>
internal static partial class DatabaseWait
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>Does the work now; false if the database is away and a retry may succeed.</summary>
    public static async Task<bool> Try(Func<Task> prepare, ILogger log)
    {
        try
        {
            await prepare();
            return true;
        }
        catch (Exception e) when (DatabaseAway.MayComeBack(e))
        {
            Waits(log, DatabaseAway.Reason(e));
            return false;
        }
    }

    /// <summary>
    /// Retries the work until the database is there, and then waits for the end. Throws an error that a retry cannot help.
    /// </summary>
    public static async Task Later(Func<Task> prepare, ILogger log, CancellationToken stop)
    {
        while (!await Try(prepare, log))
            await Task.Delay(Pause, stop);
        IsThere(log);
        await Task.Delay(Timeout.Infinite, stop);
    }

    [LoggerMessage(41, LogLevel.Warning, "The database is away, and the server is not ready until it is there: {Reason}")]
    private static partial void Waits(ILogger log, string reason);

    [LoggerMessage(42, LogLevel.Information, "The database is there")]
    private static partial void IsThere(ILogger log);
}
