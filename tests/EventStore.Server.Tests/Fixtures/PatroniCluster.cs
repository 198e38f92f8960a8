using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Npgsql;

namespace EventStore.Server.Tests.Fixtures;

/// <summary>
/// PostgreSQL under real Patroni and etcd, Debian's, all processes of 127.0.0.1: who is the primary is decided by Patroni alone. Nodes have
/// the numbers 1, 2 and so on. patroni-cluster.sh makes it, and ends it however the test process ends.
/// </summary>
internal sealed class PatroniCluster : IAsyncDisposable
{
    /// <summary>Why a test without it is left out.</summary>
    public const string Missing = "there is no patroni, etcd or python3-etcd (Debian: apt-get install patroni etcd-server python3-etcd)";

    private const int NodesCount = 3;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);
    private static readonly HttpClient Web = new() { Timeout = TimeSpan.FromSeconds(2) };

    private readonly Process supervisor;
    private readonly string folder;
    private readonly bool isSynchronous;
    private readonly string password;
    private readonly (int Postgres, int Api)[] ports;

    private PatroniCluster(Process supervisor, string folder, bool isSynchronous, string password, (int Postgres, int Api)[] ports) =>
        (this.supervisor, this.folder, this.isSynchronous, this.password, this.ports) =
            (supervisor, folder, isSynchronous, password, ports);

    /// <summary>Whether this machine has all of it; where tests must not be left out, it has to.</summary>
    public static bool IsThere => Environment.GetEnvironmentVariable("CI") is not null
        || (IsOnPath("patroni") && IsOnPath("etcd") && Directory.Exists("/usr/lib/python3/dist-packages/etcd"));

    /// <summary>All hosts, as a connection string of Npgsql names them.</summary>
    public string Hosts => string.Join(',', ports.Select(each => $"127.0.0.1:{each.Postgres}"));

    /// <summary>The numbers of the nodes.</summary>
    public IEnumerable<int> Nodes => Enumerable.Range(1, ports.Length);

    /// <summary>Starts one of three nodes, and waits until two of them follow the third.</summary>
    /// <param name="isSynchronous">Patroni's <c>synchronous_mode</c>: a commit waits for one standby, and only that one is
    /// promoted.</param>
    public static async Task<PatroniCluster> Start(bool isSynchronous)
    {
        (int Postgres, int Api)[] ports = [.. Enumerable.Range(0, NodesCount).Select(_ => (FreePort.Find(), FreePort.Find()))];
        string password = RandomNumberGenerator.GetHexString(24);
        // In a session of its own the script survives the end of our process tree long enough to clean up.
        var start = new ProcessStartInfo("setsid",
        [
            "--fork", "/bin/sh", Path.Combine(AppContext.BaseDirectory, "Fixtures", "patroni-cluster.sh"), isSynchronous ? "true" : "false",
            $"{PostgresServer.ConnectionsMax}", $"{FreePort.Find()}", $"{FreePort.Find()}",
            .. ports.SelectMany(each => (string[])[$"{each.Postgres}", $"{each.Api}"]),
        ])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["CLUSTER_PASSWORD"] = password },
        };
        Process supervisor = Process.Start(start)!;
        if (await supervisor.StandardOutput.ReadLineAsync() is not { } ready)
            throw new InvalidOperationException(await supervisor.StandardError.ReadToEndAsync());
        var cluster = new PatroniCluster(supervisor, ready["ready ".Length..], isSynchronous, password, ports);
        try
        {
            await cluster.IsHealthy();
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>A superuser's connection string to one node.</summary>
    public string Superuser(int node) => new NpgsqlConnectionStringBuilder
    {
        Host = "127.0.0.1",
        Port = ports[node - 1].Postgres,
        Database = "postgres",
        Username = "postgres",
        Password = password,
        Pooling = false,
        Timeout = 2,
        CommandTimeout = 2,
    }.ConnectionString;

    /// <summary>Waits until there is one leader that all others follow, and with a synchronous standby where there is to be one.</summary>
    /// <returns>The leader, and the synchronous standby, or else another node.</returns>
    public async Task<(int Leader, int Standby)> IsHealthy()
    {
        string healthy = $"""
            SELECT NOT pg_is_in_recovery()
               AND (SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND application_name LIKE 'node_') = {ports.Length - 1}
               AND {isSynchronous} = EXISTS (SELECT FROM pg_stat_replication WHERE sync_state = 'sync')
            """;
        Dictionary<int, string> roles = [];
        (int leader, int standby) = (0, 0);
        await Eventually.Holds(IsWhole, "a cluster that is whole", () => $"{string.Join(", ", roles)}\n{Logs}");
        return (leader, standby);

        async Task<bool> IsWhole()
        {
            roles = await Roles();
            leader = roles.FirstOrDefault(each => each.Value == "leader").Key;
            standby = roles.FirstOrDefault(each => each.Value == (isSynchronous ? "sync_standby" : "replica")).Key;
            return leader != 0 && standby != 0 && await Ask(leader, healthy) is true;
        }
    }

    /// <summary>Waits until another node than that one takes writes.</summary>
    /// <returns>The node, and when it was seen first (<see cref="Stopwatch.GetTimestamp"/>).</returns>
    public async Task<(int Node, long At)> Successor(int former)
    {
        using var over = new CancellationTokenSource();
        Task<(int Node, long At)>[] watching = [.. Nodes.Where(node => node != former).Select(node => Task.Run(async () =>
        {
            while (await Ask(node, "SELECT NOT pg_is_in_recovery() AND NOT current_setting('transaction_read_only')::boolean") is not true)
                await Task.Delay(10, over.Token);
            return (node, Stopwatch.GetTimestamp());
        }))];
        Task first = await Task.WhenAny([.. watching, Task.Delay(Patience)]);
        await over.CancelAsync();
        Assert.True(first is Task<(int, long)>, $"nobody takes the place of node {former}\n{Logs}");
        return await (Task<(int, long)>)first;
    }

    /// <summary>What a node answers to a statement; null if it does not.</summary>
    public async Task<object?> Ask(int node, string sql)
    {
        try
        {
            await using var connection = new NpgsqlConnection(Superuser(node));
            await connection.OpenAsync();
            await using var command = new NpgsqlCommand(sql, connection);
            return await command.ExecuteScalarAsync();
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException)
        {
            return null;
        }
    }

    /// <summary>Kills Patroni and PostgreSQL of a node, all processes at once.</summary>
    public Task Kill(int node) => Order($"kill {node}");

    /// <summary>Starts Patroni on a node, and it PostgreSQL.</summary>
    public Task Start(int node) => Order($"start {node}");

    /// <summary>Stops all processes of a node in the middle of what they do, Patroni too.</summary>
    public Task Freeze(int node) => Order($"freeze {node}");

    /// <summary>Lets them go on.</summary>
    public Task Thaw(int node) => Order($"thaw {node}");

    /// <summary>Makes another node the leader, in an orderly way (<c>patronictl switchover</c>).</summary>
    public Task SwitchOver(int leader, int candidate) => Order($"switchover --leader node{leader} --candidate node{candidate} --force");

    /// <summary>Makes another node the leader, whatever it lacks (<c>patronictl failover</c>).</summary>
    public Task FailOver(int candidate) => Order($"failover --candidate node{candidate} --force");

    /// <summary>Ends it all, and waits until nothing is left of it.</summary>
    public async ValueTask DisposeAsync()
    {
        supervisor.StandardInput.Close();
        await supervisor.StandardOutput.ReadToEndAsync();
        supervisor.Dispose();
    }

    /// <summary>What each Patroni has written last.</summary>
    private string Logs => string.Join('\n', Nodes.Select(node =>
    {
        string log = Path.Combine(folder, $"{node}", "log");
        string[] last = File.Exists(log) ? [.. File.ReadLines(log).TakeLast(15)] : ["it has not begun to write"];
        return $"node {node}:\n{string.Join('\n', last)}";
    }));

    private static bool IsOnPath(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, program)));

    /// <summary>Each node's role, as etcd has it: any Patroni that answers says so.</summary>
    private async Task<Dictionary<int, string>> Roles()
    {
        foreach ((_, int api) in ports)
        {
            try
            {
                JsonNode cluster = JsonNode.Parse(await Web.GetStringAsync($"http://127.0.0.1:{api}/cluster"))!;
                return ((JsonArray)cluster["members"]!).ToDictionary(
                    member => int.Parse(((string)member!["name"]!)["node".Length..], null), member => (string)member!["role"]!);
            }
            catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
            {
                // Not this one: it is down, or frozen.
            }
        }

        return [];
    }

    private async Task Order(string order)
    {
        await supervisor.StandardInput.WriteAsync(order + "\n");
        string? said = await supervisor.StandardOutput.ReadLineAsync().WaitAsync(Patience);
        Assert.True(said?.Trim() == "ok", $"{order}: {said}\n{Logs}");
    }
}
