using Microsoft.Extensions.Logging;

namespace EventStore.Server.Tests.Access;

/// <summary>The errors that were logged.</summary>
internal sealed class Journal : ILoggerProvider, ILogger
{
    private readonly List<string> errors = [];

    public IReadOnlyList<string> Errors
    {
        get
        {
            lock (errors)
                return [.. errors];
        }
    }

    public ILogger CreateLogger(string categoryName) => this;

    public void Dispose()
    {
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (!IsEnabled(logLevel))
            return;
        lock (errors)
            errors.Add(formatter(state, exception));
    }
}
