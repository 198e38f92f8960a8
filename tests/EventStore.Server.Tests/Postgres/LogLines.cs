using Microsoft.Extensions.Logging;

namespace EventStore.Server.Tests.Postgres;

/// <summary>A log that a test can read.</summary>
internal sealed class LogLines : ILogger
{
    private readonly List<string> _lines = [];

    public override string ToString()
    {
        lock (_lines)
            return string.Join('\n', _lines);
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        lock (_lines)
            _lines.Add($"{logLevel}: {formatter(state, exception)}");
    }
}
