using EventStore.Server.Cli;
using EventStore.Server.Hosting;
using EventStore.Server.Postgres;

namespace EventStore.Server;

/// <summary>The verbs of the command line.</summary>
internal static class Program
{
    private const int Interrupted = 130; // as shells have it: 128 and the number of SIGINT

    private static async Task<int> Main(string[] args)
    {
        CommandLine line = CommandLine.Read(args);
        if (line.Problem is { } problem)
            return await Fail(2, $"{problem}\nRun '{Settings.ProgramName} --help' for what there is.");
        if (line.Help)
        {
            await Console.Out.WriteLineAsync(CommandLine.HelpText);
            return 0;
        }

        try
        {
            return line.Verb switch
            {
                "serve" => await Serve.Run(line),
                "migrate" => await Migrate.Run(line),
                "rebuild" => await Rebuild.Run(line),
                "verify" => await Verify.Run(line),
                "export" => await Export.Run(line),
                "import" => await Import.Run(line),
                _ => await Health.Run(line),
            };
        }
        catch (Exception e) when (e is OperatorException or PostgresUnavailableException or MigrationException)
        {
            return await Fail(1, e.Message); // written for the operator: what is wrong, and what to do
        }
        catch (Exception e) when (DatabaseTrouble.Explain(e) is { } trouble)
        {
            return await Fail(1, trouble.Message);
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
