using System.ComponentModel;
using System.Diagnostics;

namespace EventStore.Server.Postgres;

/// <summary>
/// The container engine, through its own command line: <c>docker</c> finds the engine as its user has set it up
/// (contexts, <c>DOCKER_HOST</c>).
/// </summary>
internal static class ContainerEngine
{
    private const string Program = "docker";

    // An engine that hangs counts as none.
    private static readonly TimeSpan AnswerTimeMax = TimeSpan.FromSeconds(10);

    /// <summary>Whether an engine is there and answers.</summary>
    public static async Task<bool> Answers(CancellationToken stop)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(AnswerTimeMax);
        try
        {
            return (await Run(limit.Token, "version", "--format", "{{.Server.Version}}")).ExitCode == 0;
        }
        catch (Win32Exception)
        {
            return false; // there is no such program
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            return false;
        }
    }

    /// <summary>Runs a command to its end and gives back what it printed, errors behind.</summary>
    /// <param name="stop">Kills the command.</param>
    /// <param name="arguments">Its arguments, unquoted.</param>
    /// <exception cref="Win32Exception">There is no <c>docker</c>.</exception>
    public static async Task<(int ExitCode, string Output)> Run(CancellationToken stop, params string[] arguments)
    {
        using Process process = Start(arguments, []);
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync(stop), errors = process.StandardError.ReadToEndAsync(stop);
        try
        {
            string said = await output + await errors;
            await process.WaitForExitAsync(stop);
            return (process.ExitCode, said.Trim());
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw;
        }
    }

    /// <summary>The same for a command whose failure ends the start.</summary>
    /// <exception cref="PostgresUnavailableException">It failed; the message holds what it said.</exception>
    public static async Task<string> Demand(string problem, CancellationToken stop, params string[] arguments)
    {
        (int exitCode, string output) = await Run(stop, arguments);
        return exitCode == 0
            ? output
            : throw new PostgresUnavailableException(
                $"{problem}\n{output}", "Correct what it complains about and start again, or install PostgreSQL's programs beside it.");
    }

    /// <summary>Starts a command with all its streams in our hands.</summary>
    /// <param name="arguments">Its arguments, unquoted.</param>
    /// <param name="environment">What it finds in its environment besides ours.</param>
    public static Process Start(IEnumerable<string> arguments, IEnumerable<KeyValuePair<string, string>> environment)
    {
        var start = new ProcessStartInfo(Program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach ((string name, string value) in environment)
            start.Environment[name] = value;
        return Process.Start(start)!;
    }
}
