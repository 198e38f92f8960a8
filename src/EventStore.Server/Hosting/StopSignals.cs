using System.Runtime.InteropServices;

namespace EventStore.Server.Hosting;

/// <summary>Ctrl+C and SIGTERM where no web host handles them: in the verbs that run and end, and while the server starts.</summary>
internal sealed class StopSignals : IDisposable
{
    private readonly CancellationTokenSource stopping = new();
    private readonly PosixSignalRegistration[] signals;

    public StopSignals() => signals = [Handle(PosixSignal.SIGINT), Handle(PosixSignal.SIGTERM)];

    /// <summary>Cancelled by either signal.</summary>
    public CancellationToken Stop => stopping.Token;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (PosixSignalRegistration signal in signals)
            signal.Dispose();
        stopping.Dispose();
    }

    private PosixSignalRegistration Handle(PosixSignal signal) => PosixSignalRegistration.Create(signal, context =>
    {
        context.Cancel = true;
        stopping.Cancel();
    });
}
