using System.Diagnostics;
using Npgsql;

namespace EventStore.Server.Tests.Fixtures;

/// <summary>A PostgreSQL of one test's own, which may be stopped, killed and started again.</summary>
internal sealed class OwnCluster : IAsyncDisposable
{

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

    /// <summary>Where it listens.</summary>
    public int Port => new NpgsqlConnectionStringBuilder(Superuser).Port;

    /// <summary>Starts a standby of this one, which streams from it.</summary>
    public async Task<OwnCluster> StartStandby(string options)
    {
        (string superuser, Process standby) = await LocalCluster.Launch(new Dictionary<string, string>
        {
            ["CLUSTER_STANDBY_OF"] = $"{Port}",
            ["CLUSTER_PASSWORD"] = new NpgsqlConnectionStringBuilder(Superuser).Password!,
            ["CLUSTER_OPTIONS"] = options,
        });
        return new OwnCluster(superuser, standby);
    }

    /// <summary>Stops all its processes in the middle of what they do: it still takes connections, and says nothing.</summary>
    public Task Freeze() => Order("freeze", up: false);

    /// <summary>Whether something was sent to it that it has not read, which it does not while it is frozen.</summary>
    public bool HasUnread() => File.ReadLines("/proc/net/tcp").Skip(1)
        .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)) // number, local, remote, state, bytes to send:bytes to read
        .Any(socket => socket[1].EndsWith($":{Port:X4}", StringComparison.Ordinal) && socket[3] == "01"
            && !socket[4].EndsWith(":00000000", StringComparison.Ordinal));

    /// <summary>Lets them go on.</summary>
    public Task Thaw() => Order("thaw", up: true);

    /// <summary>Makes it a primary, if it is a standby.</summary>
    public async Task Promote()
    {
        await Order("promote", up: true);
        await Until("SELECT NOT pg_is_in_recovery()");
    }

    /// <summary>Throws away what it has and makes it a standby of another.</summary>
    public async Task Rejoin(OwnCluster primary)
    {
        await Kill();
        await Order($"rejoin {primary.Port}", up: true);
    }

    /// <summary>Makes every commit wait for a standby, and waits until there is one.</summary>
    public async Task RequireStandby()
    {
        await Run("ALTER SYSTEM SET synchronous_standby_names = '*'");
        await Run("SELECT pg_reload_conf()");
        await Until("SELECT EXISTS (SELECT FROM pg_stat_replication WHERE sync_state = 'sync')");
    }

    /// <summary>Runs a statement as the superuser.</summary>
    public async Task<object?> Run(string sql)
    {
        await using var connection = new NpgsqlConnection(
            new NpgsqlConnectionStringBuilder(Superuser) { Pooling = false }.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync();
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
            await using var connection = new NpgsqlConnection(
                new NpgsqlConnectionStringBuilder(Superuser) { Pooling = false, Timeout = 2 }.ConnectionString);
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

    private Task Until(string sql) => Eventually.Holds(async () => await Run(sql) is true, sql);

    private async Task Order(string order, bool up)
    {
        await supervisor.StandardInput.WriteAsync(order + "\n");
        await Eventually.Holds(Answers, answers => answers == up, $"the end of the order to {order}");
    }
}
