using System.Diagnostics;
using EventStore.Server.Tests.Fixtures;

namespace EventStore.Server.Tests.Clients;

/// <summary>
/// A client library of another language: Debian's python3-kubernetes. Where it is missing the test is skipped, but not in CI.
/// </summary>
[Trait("Category", "Slow")]
public sealed class Official_python_client
{
    [SkippableFact]
    public async Task Lists_watches_patches_and_is_told_of_a_conflict()
    {
        string? python = await PythonWithClient();
        bool inCi = Environment.GetEnvironmentVariable("CI") is { Length: > 0 };
        Skip.If(python is null && !inCi, "no python3 with the module kubernetes (Debian: apt-get install python3-kubernetes)");
        Assert.True(python is not null, "CI must install python3-kubernetes");

        await using TestDatabase database = await TestDatabase.Create();
        await using ServerProcess server = await ServerProcess.Start(database.Serving);
        string script = Path.Combine(AppContext.BaseDirectory, "Clients", "python_client.py");
        (int exitCode, string output) = await Run(
            python!, script, server.Url.ToString().TrimEnd('/'), ServerProcess.AdminToken, "kube-test");

        Assert.True(exitCode == 0, output);
        Assert.EndsWith("all is well", output.TrimEnd(), StringComparison.Ordinal);
    }

    private static async Task<string?> PythonWithClient()
    {
        foreach (string python in (string[])["/usr/bin/python3", "python3"]) // Debian's own first: its packages are not seen by others
        {
            try
            {
                if ((await Run(python, "-c", "import kubernetes")).ExitCode == 0)
                    return python;
            }
            catch (System.ComponentModel.Win32Exception)
            {
                // There is no such program; the next one may be.
            }
        }

        return null;
    }

    private static async Task<(int ExitCode, string Output)> Run(string program, params string[] arguments)
    {
        using var process =
            Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, await errors + output);
    }
}
