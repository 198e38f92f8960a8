using System.Diagnostics;
using EventStore.Server.Hosting;
using Microsoft.Extensions.Logging.Console;

namespace EventStore.Server.Cli;

/// <summary>What a verb that runs and ends needs: settings, a log on standard error, progress, and Ctrl+C.</summary>
internal sealed class Terminal : IAsyncDisposable
{
    private readonly ILoggerFactory logging;
    private readonly StopSignals signals = new();
    private readonly long started = Stopwatch.GetTimestamp();
    private long reported;

    private Terminal(IConfiguration configuration)
    {
        Configuration = configuration;
        logging = LoggerFactory.Create(log => AddLogging(log.AddConfiguration(configuration.GetSection("Logging"))));
        Log = logging.CreateLogger(Settings.ProgramName);
    }

    /// <summary>All settings.</summary>
    public IConfiguration Configuration { get; }

    /// <summary>The settings of our own.</summary>
    public Settings Settings => Settings.Read(Configuration);

    /// <summary>The log, on standard error.</summary>
    public ILogger Log { get; }

    /// <summary>Asked for by Ctrl+C or SIGTERM.</summary>
    public CancellationToken Stop => signals.Stop;

    /// <summary>Reads the settings as the server does: environment first, then the command line.</summary>
    public static Terminal Open(CommandLine line) =>
        new(new ConfigurationBuilder().AddEnvironmentVariables().AddCommandLine(line.Options).Build());

    /// <summary>The log as every verb writes it: one line an event, with the time, on standard error.</summary>
    public static ILoggingBuilder AddLogging(ILoggingBuilder log)
    {
        // Not AddSimpleConsole, which would make it the only form there is: Logging:Console:FormatterName=json is for machines.
        log.AddConsole();
        // Whoever logs never waits for whoever reads the log: beyond 2,500 waiting lines some are lost, and a line says how many.
        log.Services.Configure<ConsoleLoggerOptions>(console =>
        {
            (console.LogToStandardErrorThreshold, console.QueueFullMode) = (LogLevel.Trace, ConsoleLoggerQueueFullMode.DropWrite);
            console.FormatterName ??= ConsoleFormatterNames.Simple; // unset it would mean the same, without the options below
        });
        log.Services.Configure<SimpleConsoleFormatterOptions>(console => (console.SingleLine, console.TimestampFormat) = (true, "yyyy-MM-dd HH:mm:ss.fff "));
        log.AddFilter("Evolve", LogLevel.Warning);
        return log;
    }

    /// <summary>Says a line.</summary>
    public static void Say(string line) => Console.Out.WriteLine(line);

    /// <summary>Says the last line, with the time it took.</summary>
    public void Done(string line) => Say($"{line} ({Stopwatch.GetElapsedTime(started).TotalSeconds:0.0} s)");

    /// <summary>Progress of so many events of so many: on a terminal a line that counts up, elsewhere a line every five seconds.</summary>
    public Action<long, long> Progress(string doing) => (done, total) =>
    {
        bool terminal = !Console.IsErrorRedirected;
        if (reported != 0 && Stopwatch.GetElapsedTime(reported) < TimeSpan.FromSeconds(terminal ? 0.1 : 5) && done < total)
            return;
        reported = Stopwatch.GetTimestamp();
        string text = $"{doing}: {done} of {total} events ({(total == 0 ? 100 : 100 * done / total)} %)";
        Console.Error.Write(terminal ? $"\r{text}{(done == total ? "\n" : string.Empty)}" : text + "\n");
    };

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        signals.Dispose();
        logging.Dispose();
        return ValueTask.CompletedTask;
    }
}
