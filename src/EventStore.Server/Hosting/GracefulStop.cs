using System.ComponentModel.DataAnnotations;
using System.Runtime.InteropServices;

namespace EventStore.Server.Hosting;

/// <summary>How the server stops: the settings of the section <c>Stop</c>.</summary>
public sealed record StopLimits
{
    /// <summary>
    /// How long the server keeps serving after the signal while <c>/readyz</c> already fails, so that load balancers stop sending
    /// requests (kube-apiserver's <c>--shutdown-delay-duration</c>).
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00", "1.00:00:00")]
    public TimeSpan Delay { get; init; }

    /// <summary>How long the whole shutdown may take, from the signal to the end of the process.</summary>
    public TimeSpan Time { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The time for requests under way; the lane commits its queue after them.</summary>
    public TimeSpan ForRequests => TimeSpan.FromTicks(Math.Max(TimeSpan.TicksPerSecond, (Time - Delay - LaneTime).Ticks));

    /// <summary>The time for the lane's queue.</summary>
    public static TimeSpan LaneTime => TimeSpan.FromSeconds(2);
}

/// <summary>
/// Graceful shutdown on SIGTERM or Ctrl+C. First <c>/readyz</c> fails and the server keeps serving for
/// <see cref="StopLimits.Delay"/>, closing each connection with its next answer. Then it accepts no more connections, watches end
/// with a bookmark, requests under way are answered, and the lane commits what is queued. A second signal ends the delay.
/// </summary>
internal sealed partial class GracefulStop(IHostApplicationLifetime host, StopLimits limits, ILogger<GracefulStop> log)
    : IHostLifetime, IDisposable
{
    private readonly CancellationTokenSource again = new();
    private PosixSignalRegistration[] signals = [];
    private int received; // signals

    /// <summary>Whether the server was asked to stop.</summary>
    public bool HasBegun => Volatile.Read(ref received) > 0 || host.ApplicationStopping.IsCancellationRequested;

    /// <summary>
    /// Closes a client's connection with its next answer during a shutdown, so that its next request goes elsewhere. Closing an
    /// idle connection instead could race with a request that is on its way.
    /// </summary>
    public Task LetGo(HttpContext http, RequestDelegate next)
    {
        if (HasBegun && HttpProtocol.IsHttp11(http.Request.Protocol)) // HTTP/2 has a frame for it, and Kestrel sends that
            http.Response.Headers.Connection = "close";
        return next(http);
    }

    /// <inheritdoc/>
    public Task WaitForStartAsync(CancellationToken cancellationToken)
    {
        signals = [Handle(PosixSignal.SIGINT), Handle(PosixSignal.SIGTERM), Handle(PosixSignal.SIGQUIT)];
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (PosixSignalRegistration signal in signals)
            signal.Dispose();
        again.Dispose();
    }

    private PosixSignalRegistration Handle(PosixSignal signal) => PosixSignalRegistration.Create(signal, context =>
    {
        context.Cancel = true;
        // Each signal is handled on a thread of its own, and a terminal or a parent may send two at once.
        if (Interlocked.Increment(ref received) == 1)
            _ = Stop();
        else
            again.Cancel();
    });

    private async Task Stop()
    {
        LogStopping(limits.Delay.TotalSeconds);
        await Task.Delay(limits.Delay, again.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        host.StopApplication();
    }

    [LoggerMessage(20, LogLevel.Information, "Stopping; still serving for {Seconds} s")]
    private partial void LogStopping(double seconds);
}
