using Microsoft.Extensions.Logging.Console;

namespace EventStore.Server.Hosting;

/// <summary>The log of every verb: one line for each event, with the time, on standard error.</summary>
internal static class ConsoleLog
{
    public static ILoggingBuilder AddConsoleLog(this ILoggingBuilder log)
    {
        // Not AddSimpleConsole, which would allow only that format: Logging:Console:FormatterName=json is for machines.
        log.AddConsole();
        // Logging never blocks on a slow reader of the log: of more than 2,500 queued lines some are dropped, and a line says how many.
        log.Services.Configure<ConsoleLoggerOptions>(console =>
        {
            (console.LogToStandardErrorThreshold, console.QueueFullMode) = (LogLevel.Trace, ConsoleLoggerQueueFullMode.DropWrite);
            console.FormatterName ??= ConsoleFormatterNames.Simple; // unset it would mean the same, without the options below
        });
        log.Services.Configure<SimpleConsoleFormatterOptions>(
            console => (console.SingleLine, console.TimestampFormat) = (true, "yyyy-MM-dd HH:mm:ss.fff "));
        log.AddFilter("Evolve", LogLevel.Warning);
        return log;
    }
}
