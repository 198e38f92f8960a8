using System.Runtime.InteropServices;
using EventStore.Benchmarks.Limits;
using EventStore.Benchmarks.Load;
using EventStore.Benchmarks.Machine;

namespace EventStore.Benchmarks;

/// <summary>Measures the server as its clients see it. Two hidden verbs are the processes it starts itself from its own program.</summary>
internal static class Program
{
    private static async Task<int> Main(string[] args)
    {
        if (args is [Generator.Verb])
            return await Generator.Run();
        if (args is [PlainMarten.Verb])
            return await PlainMarten.Run();
        if (args.Any(arg => arg is "--help" or "-h"))
        {
            await Console.Out.WriteLineAsync(Options.Help);
            return 0;
        }

        using var stopping = new CancellationTokenSource();
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        try
        {
            return await Benchmark.Run(Options.Read(args), stopping.Token);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            return await Fail("stopped; everything that was started has been ended", 130);
        }
        catch (Exception e) when (e is BenchmarkException or Server.Postgres.PostgresUnavailableException or Npgsql.NpgsqlException)
        {
            return await Fail(e.Message, 2);
        }

        // Everything is ended by the way out of Run, so the process must live until then.
        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stopping.Cancel();
        }
    }

    private static async Task<int> Fail(string problem, int exitCode)
    {
        await Console.Error.WriteLineAsync($"error: {problem}");
        return exitCode;
    }
}
