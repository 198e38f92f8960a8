namespace EventStore.Server.Postgres;

/// <summary>Everything this folder says in the log, in one place.</summary>
internal static partial class PostgresLog
{
    [LoggerMessage(1, LogLevel.Information, "Making a PostgreSQL {Major} database in {Folder}")]
    public static partial void Making(this ILogger log, int major, string folder);

    [LoggerMessage(2, LogLevel.Information, "PostgreSQL {Major} runs on {Folder} (process {Pid})")]
    public static partial void Running(this ILogger log, int major, string folder, int pid);

    [LoggerMessage(3, LogLevel.Warning, "Still waiting for PostgreSQL (process {Pid}): {Answer}")]
    public static partial void StillWaiting(this ILogger log, int pid, string answer);

    [LoggerMessage(4, LogLevel.Warning, "A PostgreSQL (process {Pid}) of an earlier server still runs on {Folder}; ending it")]
    public static partial void EndingOrphan(this ILogger log, int pid, string folder);

    [LoggerMessage(5, LogLevel.Warning, "PostgreSQL (process {Pid}) has not stopped within {Seconds} s of signal {Signal}")]
    public static partial void StopsSlowly(this ILogger log, int pid, double seconds, int signal);

    [LoggerMessage(6, LogLevel.Critical, "PostgreSQL (process {Pid}) ended unasked with exit code {ExitCode}; see {File}")]
    public static partial void EndedUnasked(this ILogger log, int pid, int exitCode, string file);

    [LoggerMessage(7, LogLevel.Debug, "Migrations: {Progress}")]
    public static partial void Migrating(this ILogger log, string progress);

    [LoggerMessage(8, LogLevel.Information, "Migrations: {Count} applied ({Files})")]
    public static partial void Migrated(this ILogger log, int count, string files);

    [LoggerMessage(9, LogLevel.Information, "Migrations: the database is up to date")]
    public static partial void UpToDate(this ILogger log);

    [LoggerMessage(10, LogLevel.Warning, "Another migration holds the lock; waiting up to {Seconds} s for {Holder}")]
    public static partial void WaitingForLock(this ILogger log, double seconds, string holder);
}
