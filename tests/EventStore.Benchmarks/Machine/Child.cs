using System.Diagnostics;

namespace EventStore.Benchmarks.Machine;

/// <summary>
/// A process of ours that ends with us, however we end: where setpriv can, the kernel is asked to end it. The kernel counts from the
/// thread that started it, so each has a thread of its own that waits for it.
/// </summary>
internal sealed class Child : IAsyncDisposable
{
    private const int LinesKept = 200;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Queue<string> lines = new();
    private readonly TaskCompletionSource<int> ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly string[] command;
    private readonly string signal;
    private readonly Action<string>? onLine;
    private Process process = null!;

    private Child(string[] command, string signal, Action<string>? onLine) =>
        (this.command, this.signal, this.onLine) = (command, signal, onLine);

    public int Pid => process.Id;

    /// <summary>Completes with the exit code.</summary>
    public Task<int> Ended => ended.Task;

    /// <summary>The last lines of what it wrote, to both streams.</summary>
    public string Output
    {
        get
        {
            lock (lines)
                return string.Join('\n', lines);
        }
    }

    /// <summary>Starts a program.</summary>
    /// <param name="command">The program and its arguments.</param>
    /// <param name="environment">What is set besides our own environment.</param>
    /// <param name="input">What it reads.</param>
    /// <param name="onLine">Told every line of its standard output.</param>
    /// <param name="runAs">The account it runs under, when we are root and it must not be.</param>
    /// <param name="signal">What asks it to end.</param>
    public static Child Start(
        string[] command,
        IReadOnlyDictionary<string, string>? environment = null,
        string? input = null,
        Action<string>? onLine = null,
        string? runAs = null,
        string signal = "TERM")
    {
        string[] account = runAs is null ? [] : ["setpriv", $"--reuid={runAs}", $"--regid={runAs}", "--init-groups"];
        string[] tie = File.Exists("/usr/bin/setpriv") ? ["setpriv", "--pdeathsig", signal] : [];
        var child = new Child([.. account, .. tie, .. command], signal, onLine);
        var started = new TaskCompletionSource();
        new Thread(() => child.Attend(environment, input, started)) { IsBackground = true, Name = command[0] }.Start();
        started.Task.GetAwaiter().GetResult();
        return child;
    }

    /// <summary>Runs a program to its end and answers what it wrote; throws when it failed.</summary>
    public static async Task<string> Run(
        string[] command, CancellationToken stop, string? runAs = null, IReadOnlyDictionary<string, string>? environment = null)
    {
        await using Child child = Start(command, environment, runAs: runAs);
        int exitCode = await child.Ended.WaitAsync(stop);
        return exitCode == 0 ? child.Output : throw new BenchmarkException($"{command[0]} failed with {exitCode}:\n{child.Output}");
    }

    /// <summary>Asks it to end and waits until it has.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!ended.Task.IsCompleted)
            await Task.WhenAny(Signal(), Task.Delay(Patience));
        if (await Task.WhenAny(ended.Task, Task.Delay(Patience)) != ended.Task)
            process.Kill();
        await ended.Task;
    }

    private async Task Signal()
    {
        using var kill = Process.Start("kill", [$"-{signal}", $"{Pid}"]);
        await kill.WaitForExitAsync();
    }

    private void Attend(IReadOnlyDictionary<string, string>? environment, string? input, TaskCompletionSource started)
    {
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Path.GetTempPath(), // an account of PostgreSQL's may not enter ours
        };
        foreach ((string name, string value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        try
        {
            process = Process.Start(start)!;
        }
        catch (Exception e)
        {
            started.SetException(e);
            return;
        }

        process.OutputDataReceived += (_, line) => Keep(line.Data, onLine);
        process.ErrorDataReceived += (_, line) => Keep(line.Data, null);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        process.StandardInput.Write(input ?? string.Empty);
        process.StandardInput.Close();
        started.SetResult();
        process.WaitForExit();
        ended.SetResult(process.ExitCode);
    }

    private void Keep(string? line, Action<string>? tell)
    {
        if (line is null)
            return;
        lock (lines)
        {
            lines.Enqueue(line);
            if (lines.Count > LinesKept)
                lines.Dequeue();
        }

        tell?.Invoke(line);
    }
}

/// <summary>Something whoever runs the benchmark has to mend.</summary>
internal sealed class BenchmarkException(string message) : Exception(message);
