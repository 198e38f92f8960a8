using System.Diagnostics;
using System.Runtime.Versioning;
using EventStore.Server.Tests.Postgres;

namespace EventStore.Server.Tests.Fixtures;

/// <summary>What the tests themselves start: it says why it failed, and is gone when they are.</summary>
[Trait("Category", "Slow")]
[UnsupportedOSPlatform("windows")]
public sealed class Started_processes
{
    [Fact]
    public async Task A_server_that_does_not_start_says_why()
    {
        await using TestDatabase database = await TestDatabase.Create();
        InvalidOperationException refused = await Assert.ThrowsAsync<InvalidOperationException>(
            () => ServerProcess.Start(database.Serving, "--Lane:QueueLength=0"));
        Assert.StartsWith("the server ended with exit code 1 before it served:\n", refused.Message, StringComparison.Ordinal);
        Assert.Contains("Lane:QueueLength is 0, which is out of range", refused.Message, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData("KILL")]
    [InlineData("TERM")]
    public async Task A_run_that_is_killed_leaves_no_server_and_no_PostgreSQL(string signal)
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "the kernel of Linux ends them");
        await using TestDatabase database = await TestDatabase.Create();
        (Process host, int[] started) = await HostToKill.Start(database.Serving);
        using (host)
        {
            Assert.Equal(2, started.Length);
            Assert.All(started, id => Assert.True(DataFolders.Runs(id), $"process {id} does not run"));
            Process.Start("kill", [$"-{signal}", $"{host.Id}"]).WaitForExit();
            await host.WaitForExitAsync();
        }

        await Eventually.Holds(() => !started.Any(DataFolders.Runs), "the end of the server and of PostgreSQL");
    }
}
