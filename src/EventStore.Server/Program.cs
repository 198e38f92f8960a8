using EventStore.Server.Cli;
using EventStore.Server.Hosting;
using EventStore.Server.Postgres;

namespace EventStore.Server;

/// <summary>Runs a verb, and says in words what went wrong where the operator can mend it.</summary>
internal static class Program
{
    private const int Failed = 1;
    private const int Interrupted = 130; // the shells' convention: 128 and the number of SIGINT

    private static async Task<int> Main(string[] args)
    {
        try
        {
            return await CommandLine.Run(args);
        }
        catch (Exception e) when (e is OperatorException or PostgresUnavailableException or MigrationException)
        {
            return await Fail(Failed, e.Message); // written for the operator: what is wrong, and what to do
        }
        catch (Exception e) when (DatabaseTrouble.Explain(e) is { } trouble)
        {
            return await Fail(Failed, trouble.Message);
        }
        catch (UnauthorizedAccessException e)
        {
            return await Fail(Failed, e.Message); // it names the file that this account may not use
        }
        catch (OperationCanceledException)
        {
            return await Fail(Interrupted, "stopped before it was done");
        }
    }

    private static async Task<int> Fail(int exitCode, string problem)
    {
        await Console.Error.WriteLineAsync($"error: {problem}");
        return exitCode;
    }
}
