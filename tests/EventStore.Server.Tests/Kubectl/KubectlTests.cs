using System.ComponentModel;
using System.Diagnostics;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Kubectl;

/// <summary>What a run of kubectl left behind.</summary>
/// <param name="Command">What was run, for messages.</param>
/// <param name="ExitCode">Its exit code.</param>
/// <param name="Output">What it wrote to standard output.</param>
/// <param name="Errors">What it wrote to standard error.</param>
public sealed record KubectlRun(string Command, int ExitCode, string Output, string Errors)
{
    /// <inheritdoc/>
    public override string ToString() => $"$ {Command}\n[{ExitCode}]\n{Output}\n{Errors}";
}

/// <summary>
/// Tests that run the kubectl of this machine as a person would, each with a home and a cache of its own. Where kubectl is missing
/// they are skipped, but in CI they fail: its green run has met a real one. TEST_KUBECTL names another binary.
/// </summary>
[Collection(KubectlServer.Collection)]
public abstract class KubectlTests(KubectlServer server) : IDisposable
{
    private readonly string home = Directory.CreateTempSubdirectory("kubectl-home-").FullName;

    /// <summary>The server.</summary>
    protected KubectlServer Server { get; } = server;

    /// <summary>This test's namespace.</summary>
    protected string Namespace { get; } = "t-" + Guid.NewGuid().ToString("N")[..12];

    /// <summary>What an editor does to the file it is given: a command of the shell.</summary>
    protected string Editor { get; set; } = "false";

    /// <summary>What is run.</summary>
    protected virtual string Binary => NewBinary;

    /// <summary>What to do where it is missing.</summary>
    protected virtual string Needed => NewNeeded;

    private const string NewNeeded =
        "These tests need kubectl 1.32 or newer on the PATH, or its path in TEST_KUBECTL (https://kubernetes.io/docs/tasks/tools)";

    /// <summary>The kubectl of Debian 12.</summary>
    protected static string OldBinary =>
        Environment.GetEnvironmentVariable("TEST_KUBECTL_OLD") is { Length: > 0 } named ? named : "/TEST_KUBECTL_OLD-is-not-set";

    /// <summary>What to do where that is missing.</summary>
    protected const string OldNeeded =
        "These tests need kubectl 1.20, its path in TEST_KUBECTL_OLD: apt-get download kubernetes-client, and dpkg -x it somewhere";

    /// <summary>The kubectl of this machine.</summary>
    protected static string NewBinary => Environment.GetEnvironmentVariable("TEST_KUBECTL") is { Length: > 0 } named ? named : "kubectl";

    /// <inheritdoc/>
    public void Dispose()
    {
        Directory.Delete(home, recursive: true);
        Clean();
        GC.SuppressFinalize(this);
    }

    /// <summary>Takes away what a class made besides.</summary>
    protected virtual void Clean()
    {
    }

    /// <summary>Runs a command in the test's namespace. A text in single quotes may have spaces.</summary>
    protected Task<KubectlRun> Kubectl(string command)
    {
        string[] parts = [.. command.Split('\'').SelectMany((part, i) => i % 2 == 1 ? [part] : part.Split(
            ' ', StringSplitOptions.RemoveEmptyEntries))];
        return Run([.. parts, "--namespace", Namespace], home, Server.Kubeconfig, Editor, Binary, Needed);
    }

    /// <summary>Runs a command with a home and a kubeconfig.</summary>
    internal static async Task<KubectlRun> Run(
        IReadOnlyList<string> arguments, string home, string kubeconfig, string editor = "false", string? binary = null,
        string needed = NewNeeded)
    {
        string command = string.Join(' ', arguments);
        var start = new ProcessStartInfo(binary ?? NewBinary, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        (start.Environment["HOME"], start.Environment["KUBECACHEDIR"]) = (home, Path.Combine(home, "cache"));
        (start.Environment["KUBECONFIG"], start.Environment["KUBE_EDITOR"]) = (kubeconfig, editor);
        start.WorkingDirectory = home;
        using Process process = Start(start, needed);
        Task<string> output = process.StandardOutput.ReadToEndAsync(), errors = process.StandardError.ReadToEndAsync();
        using var patience = new CancellationTokenSource(Eventually.Deadline);
        try
        {
            await process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            Assert.Fail($"kubectl {command} did not end:\n{await output}\n{await errors}");
        }

        return new KubectlRun($"kubectl {command}", process.ExitCode, await output, await errors);
    }

    /// <summary>Runs a command that must succeed, and answers what it wrote.</summary>
    protected async Task<string> Succeed(string command)
    {
        KubectlRun run = await Kubectl(command);
        Assert.True(run.ExitCode == 0, run.ToString());
        return run.Output;
    }

    /// <summary>Runs a command that must be refused, and answers what the person reads.</summary>
    protected async Task<string> Fail(string command, int exitCode = 1)
    {
        KubectlRun run = await Kubectl(command);
        Assert.True(run.ExitCode == exitCode, run.ToString());
        return run.Errors;
    }

    /// <summary>Writes a file for kubectl to read; a command names it without a folder.</summary>
    protected void Write(string file, string text) => File.WriteAllText(Path.Combine(home, file), text);

    /// <summary>Writes the example job's manifest.</summary>
    protected void WriteJob(string file, string name, string labels = """{"app":"test"}""", string spec = "") =>
        Write(file, Sample.Manifest(name, labels, spec: spec));

    /// <summary>Creates the example job in the test's namespace, without kubectl.</summary>
    protected Task Given(string name) => Server.Admin.Create(name, Namespace);

    /// <summary>The text with what changes from run to run left out.</summary>
    protected string Plain(string text) => text.Replace(Namespace, "NS", StringComparison.Ordinal);

    private static Process Start(ProcessStartInfo start, string needed)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception e)
        {
            Skip.If(string.IsNullOrEmpty(Environment.GetEnvironmentVariable("CI")), $"{start.FileName} is not on this machine");
            throw new InvalidOperationException($"{needed}: {e.Message}", e);
        }
    }
}
