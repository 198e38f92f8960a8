using System.Diagnostics;
using Npgsql;

namespace EventStore.Server.Tests.Fixtures;

/// <summary>A PostgreSQL of one test's own, which may be stopped, killed and started again.</summary>
internal sealed class OwnCluster : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Process supervisor;

    private OwnCluster(string superuser, Process supervisor) => (Superuser, this.supervisor) = (superuser, supervisor);

    /// <summary>A superuser's connection string.</summary>
    public string Superuser { get; }

    /// <summary>Starts one.</summary>
    /// <param name="durable">Whether it is to lose nothing when it is killed, at the price of speed.</param>
    /// <param name="environment">More of what throwaway-cluster.sh takes.</param>
    public static async Task<OwnCluster> Start(bool durable = false, params (string Name, string Value)[] environment)
    {
        var all = environment.ToDictionary(one => one.Name, one => one.Value);
        if (durable)
            all["CLUSTER_OPTIONS"] = "-c fsync=on -c full_page_writes=on -c synchronous_commit=on";
        (string superuser, Process supervisor) = await LocalCluster.Launch(all);
        return new OwnCluster(superuser, supervisor);
    }

    /// <summary>Ends it as an administrator does.</summary>
    public Task Stop() => Order("stop", up: false);

    /// <summary>Kills it, all its processes at once.</summary>
    public Task Kill() => Order("kill", up: false);

    /// <summary>Starts it again, and waits until it takes connections.</summary>
    public Task Start() => Order("start", up: true);

    /// <summary>Whether it takes connections.</summary>
    public async Task<bool> Answers()
    {
        try
        {
            await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(Superuser) { Pooling = false, Timeout = 2 }.ConnectionString);
            await connection.OpenAsync();
            return true;
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException)
        {
            return false;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        supervisor.StandardInput.Close(); // it stops the server and removes the folder
        await supervisor.WaitForExitAsync();
        supervisor.Dispose();
    }

    private async Task Order(string order, bool up)
    {
        await supervisor.StandardInput.WriteAsync(order + "\n");
        for (var waited = Stopwatch.StartNew(); await Answers() != up; await Task.Delay(20))
            Assert.True(waited.Elapsed < Patience, $"the cluster was told to {order} and did not");
    }
}
