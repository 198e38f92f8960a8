using System.Collections.Concurrent;
using System.Diagnostics;

namespace EventStore.Server.Tests.Fixtures;

/// <summary>
/// Starts processes that cannot outlive the test process: the kernel kills them when it ends, however it ends (PR_SET_PDEATHSIG, through
/// <c>setpriv</c>). The signal is sent when the thread that started the process ends, so one thread that never ends starts them all.
/// </summary>
internal static class ChildProcess
{
    private static readonly bool IsTied = OperatingSystem.IsLinux() && Answers("setpriv", "--pdeathsig", "KILL", "true");
    private static readonly BlockingCollection<Action> Starts = [];

    static ChildProcess() => new Thread(() =>
    {
        foreach (Action start in Starts.GetConsumingEnumerable())
            start();
    })
    { IsBackground = true, Name = "child processes" }.Start();

    /// <summary>Starts a process.</summary>
    public static Process Start(ProcessStartInfo command)
    {
        if (!IsTied)
            return Process.Start(command)!;
        string[] words = ["--pdeathsig", "KILL", command.FileName, .. command.ArgumentList];
        command.FileName = "setpriv"; // it becomes the program, under the same process number
        command.ArgumentList.Clear();
        foreach (string word in words)
            command.ArgumentList.Add(word);
        var started = new TaskCompletionSource<Process>();
        Starts.Add(() =>
        {
            try
            {
                started.SetResult(Process.Start(command)!);
            }
            catch (Exception e)
            {
                started.SetException(e);
            }
        });
        return started.Task.GetAwaiter().GetResult();
    }

    private static bool Answers(string program, params string[] arguments)
    {
        try
        {
            using Process process = Process.Start(program, arguments);
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
