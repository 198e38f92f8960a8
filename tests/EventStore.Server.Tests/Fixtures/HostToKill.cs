using System.Diagnostics;
using Npgsql;

namespace EventStore.Server.Tests.Fixtures;

/// <summary>
/// A test process that is killed: <c>dotnet EventStore.Server.Tests.dll serve CONNECTION</c> starts what the tests start, and waits.
/// </summary>
internal static class HostToKill
{
    /// <summary>Starts it, and answers the numbers of the processes it started: a server and a PostgreSQL.</summary>
    public static async Task<(Process Host, int[] Started)> Start(string connectionString)
    {
        string dotnet = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";
        Process host = ChildProcess.Start(new ProcessStartInfo(dotnet, [typeof(HostToKill).Assembly.Location, "serve", connectionString])
        {
            RedirectStandardOutput = true,
        });
        string? line = await host.StandardOutput.ReadLineAsync();
        return (host, [.. (line ?? string.Empty).Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)]);
    }

    /// <summary>The process itself.</summary>
    public static async Task<int> Serve(string connectionString)
    {
        ServerProcess server = await ServerProcess.Start(connectionString);
        OwnCluster cluster = await OwnCluster.Start();
        await using var connection = new NpgsqlConnection(cluster.Superuser);
        await connection.OpenAsync();
        await using var postmaster = new NpgsqlCommand("SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)", connection);
        Console.WriteLine($"{server.Id} {await postmaster.ExecuteScalarAsync()}");
        await Task.Delay(Timeout.Infinite);
        return 0;
    }
}
