using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace EventStore.Server.Access.Files;

/// <summary>
/// A value that is read from files and follows them: when they change they are read anew, and what is read counts from the next
/// request on. Files with an error change nothing: what was in force stays, the log says what is wrong, and the health check says that.
/// </summary>
/// <remarks>
/// The files are polled and compared by content, for a replacement may keep the time stamp. Notifications of the file system (inotify) do
/// not always come: not when the folder is a link that now points elsewhere, nor on network file systems. An account has few of them, too.
/// </remarks>
/// <typeparam name="T">What the files say.</typeparam>
internal sealed partial class Followed<T> : BackgroundService, IHealthCheck
    where T : class
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);

    /// <summary>The pause between a change and the reading, so that a file is not read while it is half written.</summary>
    private static readonly TimeSpan Settle = TimeSpan.FromMilliseconds(250);

    private readonly SourceFiles files;
    private readonly Func<IReadOnlyList<SourceText>, Reading<T>> parse;
    private readonly ILogger log;
    private readonly TimeProvider time;
    private volatile T current;
    private volatile string? trouble;
    private string seen;

    private Followed(
        string name, SourceFiles files, Func<IReadOnlyList<SourceText>, Reading<T>> parse, ILogger log, TimeProvider time, T first,
        string seen) =>
        (Name, this.files, this.parse, this.log, this.time, current, this.seen) = (name, files, parse, log, time, first, seen);

    /// <summary>What it is, as the health check is called.</summary>
    public string Name { get; }

    /// <summary>What is in force.</summary>
    public T Current => current;

    /// <summary>Reads the files for the first time; the second value is what is wrong with them.</summary>
    /// <param name="name">What the health check is called.</param>
    /// <param name="files">The files.</param>
    /// <param name="parse">Makes the value of their texts.</param>
    /// <param name="log">The log for changes and errors.</param>
    /// <param name="time">The timer between two polls; the system's by default.</param>
    public static (Followed<T>? Followed, string? Wrong) Open(
        string name, SourceFiles files, Func<IReadOnlyList<SourceText>, Reading<T>> parse, ILogger log, TimeProvider? time = null)
    {
        (string digest, Func<Reading<T>> read) = Look(files, parse);
        Reading<T> reading = read();
        return reading.Value is { } first
            ? (new Followed<T>(name, files, parse, log, time ?? TimeProvider.System, first, digest), null)
            : (null, reading.Wrong);
    }

    /// <inheritdoc/>
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(trouble is { } where
            ? HealthCheckResult.Degraded($"{where} is wrong, the log says how; what was read before stays in force")
            : HealthCheckResult.Healthy());

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            await Task.Delay(LookEvery, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            (string digest, Func<Reading<T>> read) = Look(files, parse);
            for (string before = seen; digest != before && !stoppingToken.IsCancellationRequested;)
            {
                before = digest;
                await Task.Delay(Settle, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                (digest, read) = Look(files, parse);
            }

            if (digest != seen && !stoppingToken.IsCancellationRequested)
                Take(read(), digest);
        }
    }

    /// <summary>What the files are now, and how to read that.</summary>
    private static (string Digest, Func<Reading<T>> Read) Look(SourceFiles files, Func<IReadOnlyList<SourceText>, Reading<T>> parse)
    {
        try
        {
            (IReadOnlyList<SourceText> texts, string digest) = files.Read();
            return (digest, () => parse(texts));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            string wrong = $"cannot be read: {Why(e)}"; // also the digest: the same failure is logged once
            string path = Path.GetFullPath(files.Path).TrimEnd('/');
            return (wrong, () => new Reading<T>(null, "", Path.GetFileName(path), $"{path}: {wrong}"));
        }
    }

    /// <summary>The reason without the path, which stands before it already.</summary>
    private static string Why(Exception e) => e switch
    {
        FileNotFoundException or DirectoryNotFoundException => "there is no such file or folder",
        UnauthorizedAccessException => "access is denied",
        _ => e.Message,
    };

    private void Take(Reading<T> reading, string digest)
    {
        seen = digest;
        if (reading.Value is { } read)
        {
            (current, trouble) = (read, null);
            ReadAnew(log, Name, files.Path, reading.Summary);
        }
        else
        {
            trouble = reading.Where;
            Refused(log, Name, files.Path, reading.Wrong);
        }
    }

    [LoggerMessage(13, LogLevel.Information, "{Name} read anew from {Path}: {Summary}")]
    private static partial void ReadAnew(ILogger log, string name, string path, string summary);

    [LoggerMessage(14, LogLevel.Error, "{Name} of {Path} not taken, those read before stay in force: {Wrong}")]
    private static partial void Refused(ILogger log, string name, string path, string wrong);
}
