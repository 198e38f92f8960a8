using System.Diagnostics;

namespace EventStore.Server.Tests.Documents;

/// <summary>
/// Programs a test needs beside the server. Where one is missing the test is skipped, but in CI it fails: its green run has met them all.
/// </summary>
internal static class Tools
{
    /// <summary>Skips the test, or fails it in CI, unless each program is on the PATH.</summary>
    public static void Need(params string[] programs) =>
        Need(() => programs.All(IsThere), string.Join(", ", programs.Where(program => !IsThere(program))));

    /// <summary>Skips the test, or fails it in CI, unless what it needs is there.</summary>
    public static void Need(Func<bool> isThere, string what)
    {
        if (isThere())
            return;
        bool inCi = Environment.GetEnvironmentVariable("CI") is { Length: > 0 };
        Skip.If(!inCi, $"not on this machine: {what}");
        Assert.Fail($"CI must install {what}");
    }

    /// <summary>Whether Debian's python3 finds the official client.</summary>
    public static bool HasPythonClient()
    {
        if (!File.Exists("/usr/bin/python3"))
            return false;
        using Process run = Process.Start("/usr/bin/python3", ["-c", "import kubernetes"]);
        run.WaitForExit();
        return run.ExitCode == 0;
    }

    /// <summary>Puts the modules TEST_NODE_MODULES names beside a script, if they and node are there.</summary>
    public static Func<bool> LinkNodeClient(string folder) => () =>
    {
        string? modules = Environment.GetEnvironmentVariable("TEST_NODE_MODULES");
        if (!IsThere("node") || modules is not { Length: > 0 } || !Directory.Exists(Path.Combine(modules, "@kubernetes", "client-node")))
            return false;
        Directory.CreateSymbolicLink(Path.Combine(folder, "node_modules"), modules);
        return true;
    };

    private static bool IsThere(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .Any(folder => File.Exists(Path.Combine(folder, program)));
}
