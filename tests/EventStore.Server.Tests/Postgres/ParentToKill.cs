using System.Diagnostics;
using System.Globalization;
using System.Runtime.Versioning;
using EventStore.Server.Postgres;
using EventStore.Server.Tests.Fixtures;
using Microsoft.Extensions.Logging.Abstractions;

namespace EventStore.Server.Tests.Postgres;

/// <summary>
/// A process that holds a private PostgreSQL until it is killed: <c>dotnet EventStore.Server.Tests.dll hold FOLDER kernel|pipe</c>.
/// The last word is how the database learns of the death. It prints the database's process number when that is ready.
/// </summary>
[UnsupportedOSPlatform("windows")]
internal sealed class ParentToKill : IDisposable
{
    private readonly Process _process;

    private ParentToKill(Process process, int databasePid) => (_process, DatabasePid) = (process, databasePid);

    public int Id => _process.Id;

    public int DatabasePid { get; }

    public static async Task<ParentToKill> Start(string folder, string how)
    {
        var dotnet = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";
        var process = ChildProcess.Start(new ProcessStartInfo(dotnet, [typeof(ParentToKill).Assembly.Location, "hold", folder, how])
        {
            RedirectStandardOutput = true,
        });
        var line = await process.StandardOutput.ReadLineAsync();
        Assert.True(int.TryParse(line, CultureInfo.InvariantCulture, out var pid), $"the parent said: {line}");
        return new ParentToKill(process, pid);
    }

    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            Kill();
        _process.Dispose();
    }

    /// <summary>The process itself: holds the database until it is killed.</summary>
    public static async Task<int> Hold(string folder, string how)
    {
        var account = PostgresAccount.Current();
        await using var postgres = await EmbeddedPostgres.Start(
            folder,
            how == "pipe" ? account.WithoutParentDeathSignal() : account,
            PostgresBinaries.Find,
            NullLogger.Instance,
            CancellationToken.None);
        Console.WriteLine(postgres.ProcessId.ToString(CultureInfo.InvariantCulture));
        await Task.Delay(Timeout.Infinite);
        return 0;
    }
}
