using System.Text;

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

    [LoggerMessage(120, LogLevel.Information, "Making a database with {Image} in the container and volume {Name}")]
    public static partial void MakingContainer(this ILogger log, string image, string name);

    [LoggerMessage(121, LogLevel.Information, "Pulling {Image}")]
    public static partial void Pulling(this ILogger log, string image);

    [LoggerMessage(122, LogLevel.Information, "PostgreSQL runs with {Image} in the container {Name}, on 127.0.0.1:{Port}")]
    public static partial void RunningInContainer(this ILogger log, string image, string name, int port);

    [LoggerMessage(123, LogLevel.Warning, "The container {Name} of an earlier server still runs for {Folder}; ending it")]
    public static partial void EndingContainer(this ILogger log, string name, string folder);

    [LoggerMessage(124, LogLevel.Warning, "The container {Name} has not stopped within {Seconds} s; removing it")]
    public static partial void ContainerStopsSlowly(this ILogger log, string name, double seconds);

    /// <summary>The end of what the database has printed since <paramref name="start"/>.</summary>
    public static string Tail(string file, long start)
    {
        const int bytesMax = 4096;
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        stream.Position = Math.Max(start, stream.Length - bytesMax);
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd().Trim();
    }
}
