using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;

namespace EventStore.Server.Tests.Fixtures;

/// <summary>The built program as its user runs it: arguments, settings in the environment, what it says, and how it ends.</summary>
internal sealed class ProgramRun : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5); // for a machine with many times more work than processors

    private readonly Process process;
    private readonly StringBuilder output = new(), errors = new();
    private readonly TaskCompletionSource outputRead = new(), errorsRead = new();

    private ProgramRun(Process process) => this.process = process;

    public int Id => process.Id;

    public int ExitCode => process.ExitCode;

    public string Output => Read(output);

    public string Errors => Read(errors);

    public string Everything => $"exit code {(process.HasExited ? ExitCode : "none")}\n{Output}\n{Errors}";

    public static ProgramRun Start(IReadOnlyDictionary<string, string?> environment, params string[] arguments)
    {
        // As a newcomer's shell has it: none of this run's own settings.
        var start = new ProcessStartInfo(
            Environment.ProcessPath!.EndsWith("dotnet", StringComparison.Ordinal) ? Environment.ProcessPath : "dotnet",
            [typeof(Program).Assembly.Location, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (string name in Environment.GetEnvironmentVariables().Keys.Cast<string>().Where(name => name.StartsWith(
            "ConnectionStrings__", StringComparison.Ordinal)))
            start.Environment.Remove(name);
        foreach ((string name, string? value) in environment)
            start.Environment[name] = value;
        var run = new ProgramRun(ChildProcess.Start(start));
        run.process.OutputDataReceived += (_, line) => Keep(run.output, run.outputRead, line.Data);
        run.process.ErrorDataReceived += (_, line) => Keep(run.errors, run.errorsRead, line.Data);
        run.process.BeginOutputReadLine();
        run.process.BeginErrorReadLine();
        return run;
    }

    /// <summary>Runs it to its end.</summary>
    public static async Task<ProgramRun> Ended(IReadOnlyDictionary<string, string?> environment, params string[] arguments)
    {
        ProgramRun run = Start(environment, arguments);
        await run.End();
        return run;
    }

    public static Task<ProgramRun> Ended(params string[] arguments) => Ended(new Dictionary<string, string?>(), arguments);

    /// <summary>Waits until it says where it serves, and answers that.</summary>
    public async Task<Uri> Serving()
    {
        Match line = Match.Empty;
        await SaysOrEnds(() => (line = Regex.Match(Output, @"^Serving on\s+(\S+)$", RegexOptions.Multiline)).Success, "where it serves");
        return new Uri(line.Groups[1].Value);
    }

    /// <summary>Waits until it says something that fits.</summary>
    public Task Says(string text) => SaysOrEnds(() => Everything.Contains(text, StringComparison.Ordinal), $"it says '{text}'");

    /// <summary>Sends a signal by name.</summary>
    public void Signal(string name) => Process.Start("kill", [$"-{name}", $"{Id}"]).WaitForExit();

    /// <summary>Waits for its end and answers the exit code.</summary>
    public async Task<int> End()
    {
        using var patience = new CancellationTokenSource(Patience);
        try
        {
            await process.WaitForExitAsync(patience.Token);
            await Task.WhenAll(outputRead.Task, errorsRead.Task).WaitAsync(patience.Token); // its last words may still be on their way
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            Assert.Fail($"it does not end: {Everything}");
        }

        return process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
        {
            process.Kill();
            await process.WaitForExitAsync();
        }

        process.Dispose();
    }

    private async Task SaysOrEnds(Func<bool> hasSaid, string awaited)
    {
        await Eventually.Holds(() => hasSaid() || process.HasExited, awaited, () => Everything, Patience);
        if (!hasSaid())
            Assert.Fail($"it ended before this: {awaited}\n{Everything}");
    }

    private static void Keep(StringBuilder text, TaskCompletionSource read, string? line)
    {
        if (line is null)
        {
            read.TrySetResult();
            return;
        }

        lock (text)
            text.Append(line).Append('\n');
    }

    private static string Read(StringBuilder text)
    {
        lock (text)
            return text.ToString();
    }
}
