using System.Diagnostics;
using Spectre.Console;

namespace EventStore.Server.Hosting;

/// <summary>One run of a verb: its settings, its log, its progress, and the signals that cancel it.</summary>
internal sealed class VerbRun : IAsyncDisposable
{
    private static readonly TimeSpan BetweenLines = TimeSpan.FromSeconds(5);

    private readonly ILoggerFactory logging;
    private readonly StopSignals signals = new();
    private readonly long started = Stopwatch.GetTimestamp();

    private VerbRun(string[] arguments, IConfiguration configuration)
    {
        (Arguments, Configuration) = (arguments, configuration);
        SettingChecks.LogLevels(configuration); // the logger's own refusal is an exception nobody catches
        logging = LoggerFactory.Create(log => log.AddConfiguration(configuration.GetSection("Logging")).AddConsoleLog());
        Log = logging.CreateLogger(Settings.ProgramName);
        Settings = Settings.Read(configuration);
    }

    /// <summary>The options as <c>--name=value</c>.</summary>
    public string[] Arguments { get; }

    /// <summary>All settings: the command line overrides the environment.</summary>
    public IConfiguration Configuration { get; }

    /// <summary>The settings of this program.</summary>
    public Settings Settings { get; }

    /// <summary>The log, on standard error.</summary>
    public ILogger Log { get; }

    /// <summary>Cancelled by Ctrl+C or SIGTERM.</summary>
    public CancellationToken Stop => signals.Stop;

    /// <summary>Reads the settings, and refuses those that are wrong before anything is made.</summary>
    /// <exception cref="OperatorException">A setting is wrong.</exception>
    public static VerbRun Open(string[] arguments) =>
        new(arguments, new ConfigurationBuilder().AddEnvironmentVariables().AddCommandLine(arguments).Build());

    /// <summary>Prints a line to standard output.</summary>
    public static void Say(string line) => Console.Out.WriteLine(line);

    /// <summary>Prints the last line, with the time that the run took.</summary>
    public void Done(string line) => Done(line, Console.Out);

    /// <summary>The same, to standard error where standard output holds the result.</summary>
    public void Done(string line, TextWriter to) => to.WriteLine($"{line} ({Stopwatch.GetElapsedTime(started).TotalSeconds:0.0} s)");

    /// <summary>Leaves Ctrl+C and SIGTERM to the web host.</summary>
    public void LeaveSignals() => signals.Dispose();

    /// <summary>Shows how much of the work is done: a bar on a terminal, elsewhere a line every five seconds.</summary>
    /// <param name="doing">What is done, as in "verifying".</param>
    /// <param name="work">The work, which reports events done and events in all.</param>
    public static async Task<T> WithProgress<T>(string doing, Func<Action<long, long>, Task<T>> work)
    {
        if (Console.IsErrorRedirected)
            return await work(Lines(doing));
        IAnsiConsole terminal = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        return await terminal.Progress()
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .StartAsync(async bars =>
            {
                ProgressTask bar = bars.AddTask(doing, maxValue: 1);
                return await work((done, total) =>
                {
                    (bar.MaxValue, bar.Value) = (Math.Max(1, total), total == 0 ? 1 : done);
                    bar.Description = $"{doing}: {done} of {total} events";
                });
            });
    }

    private static Action<long, long> Lines(string doing)
    {
        (long reported, long last) = (0, -1);
        return (done, total) =>
        {
            if (done == last || (reported != 0 && Stopwatch.GetElapsedTime(reported) < BetweenLines && done < total))
                return;
            (reported, last) = (Stopwatch.GetTimestamp(), done);
            Console.Error.WriteLine($"{doing}: {done} of {total} events ({(total == 0 ? 100 : 100 * done / total)} %)");
        };
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        signals.Dispose();
        logging.Dispose();
        return ValueTask.CompletedTask;
    }
}
