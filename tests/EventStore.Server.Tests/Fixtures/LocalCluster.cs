using System.Collections.Concurrent;
using System.Diagnostics;
using System.Security.Cryptography;
using Npgsql;

namespace EventStore.Server.Tests.Fixtures;

/// <summary>
/// A throwaway PostgreSQL cluster from the binaries on this machine, on a free port of 127.0.0.1 with a random password.
/// <para>
/// throwaway-cluster.sh, which makes it, watches a pipe whose other end this process holds. However the process ends, by itself or
/// by SIGKILL, the kernel closes the pipe, and the script stops the server and removes its folder. An exit handler would not do:
/// the test platform kills a test process that takes more than a moment to leave.
/// </para>
/// </summary>
internal static class LocalCluster
{
    private const int AttemptsMax = 3;

    public static readonly PostgresServer.Source Source = new("a throwaway local cluster", async () => (await Start()).ConnectionString);

    // Never disposed: they hold our ends of the pipes, and with them the clusters' lives.
    private static readonly ConcurrentBag<Process> Supervisors = [];

    /// <summary>Starts a cluster of one test's own, which it may restart as it likes.</summary>
    public static async Task<(string ConnectionString, Func<Task> Restart)> Start()
    {
        (string connectionString, Process supervisor) = await Launch(new Dictionary<string, string>());
        return (connectionString, () => supervisor.StandardInput.WriteAsync("restart\n"));
    }

    /// <summary>
    /// Starts one, and answers who takes orders for it: throwaway-cluster.sh says which there are, and what the environment may say.
    /// </summary>
    internal static async Task<(string ConnectionString, Process Supervisor)> Launch(IReadOnlyDictionary<string, string> environment)
    {
        string password = environment.GetValueOrDefault("CLUSTER_PASSWORD") ?? RandomNumberGenerator.GetHexString(24);
        for (var attempt = 1; ; attempt++)
        {
            var port = FreePort.Find();
            Process supervisor = Launch(port, password, environment);
            Supervisors.Add(supervisor);
            if (await supervisor.StandardOutput.ReadLineAsync() == "ready")
                return (ConnectionString(port, password), supervisor);

            var errors = (await supervisor.StandardError.ReadToEndAsync()).Trim();
            // Between our look for a free port and PostgreSQL's taking it somebody else may have: look again.
            if (attempt < AttemptsMax && errors.Contains("Address already in use", StringComparison.Ordinal)) continue;
            throw new InvalidOperationException(errors);
        }
    }

    private static Process Launch(int port, string password, IReadOnlyDictionary<string, string> environment)
    {
        // In a session of its own the script survives Ctrl+C and the end of our process tree long enough to clean up.
        string[] detach = File.Exists("/usr/bin/setsid") ? ["/usr/bin/setsid", "--fork"] : [];
        string[] command =
        [
            .. detach, "/bin/sh", Path.Combine(AppContext.BaseDirectory, "Fixtures", "throwaway-cluster.sh"),
            $"{port}", $"{PostgresServer.ConnectionsMax}",
        ];
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            // Not an argument, which every user of the machine could read.
            Environment = { ["CLUSTER_PASSWORD"] = password },
        };
        foreach ((string name, string value) in environment)
            start.Environment[name] = value;
        return Process.Start(start)!;
    }

    private static string ConnectionString(int port, string password) => new NpgsqlConnectionStringBuilder
    {
        Host = "127.0.0.1",
        Port = port,
        Database = "postgres",
        Username = "postgres",
        Password = password,
    }.ConnectionString;
}
