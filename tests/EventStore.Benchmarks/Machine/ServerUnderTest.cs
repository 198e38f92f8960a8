using EventStore.Benchmarks.Load;
using EventStore.Server.Store.Lane;
using Npgsql;

namespace EventStore.Benchmarks.Machine;

/// <summary>The server that is measured, as a process of its own: the built executable, on a database of its own.</summary>
internal sealed class ServerUnderTest : IAsyncDisposable
{
    private const string Line = "Serving on";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Child? process;
    private readonly string? folder;

    private ServerUnderTest(Uri url, string token, string? database, Child? process, string? folder) =>
        (Url, Token, Database, this.process, this.folder) = (url, token, database, process, folder);

    public Uri Url { get; }

    public string Token { get; }

    /// <summary>The token of another user.</summary>
    public string OtherToken => Token + "-other";

    /// <summary>Its database; null when the server was given and we do not know.</summary>
    public string? Database { get; }

    /// <summary>Its process; 0 when it is not ours.</summary>
    public int Pid => process?.Pid ?? 0;

    /// <summary>The highest memory it ever had, in MB.</summary>
    public double PeakMemoryMb => Pid == 0 ? 0 : ProcessTree.Mb(Pid, "status", "VmHWM");

    public double MemoryMb => Pid == 0 ? 0 : ProcessTree.Mb(Pid, "status", "VmRSS");

    /// <summary>How to start the program: an executable as it is, a library by dotnet.</summary>
    public static string[] Command(string? named) =>
        named is null ? ["dotnet", typeof(CommitLane).Assembly.Location] : named.EndsWith(".dll", StringComparison.Ordinal)
            ? ["dotnet", named] : [named];

    /// <summary>One that runs already.</summary>
    public static ServerUnderTest Given(Uri url, string token) => new(url, token, null, null, null);

    /// <summary>
    /// Makes a database, brings its schema up to date as an operator would, and starts a server on it, as the serving role.
    /// </summary>
    public static async Task<ServerUnderTest> Start(
        MeasuredPostgres postgres, string database, string? program, CancellationToken stop,
        IReadOnlyDictionary<string, string>? settings = null)
    {
        await postgres.CreateDatabase(database);
        var connections = new Dictionary<string, string>
        {
            ["ConnectionStrings__PostgresOwner"] = postgres.For(database, database),
            ["ConnectionStrings__Postgres"] = postgres.For(database, database + "_serving"),
        };
        await Child.Run([.. Command(program), "migrate"], stop, environment: connections);
        string folder = Directory.CreateTempSubdirectory("eventstore-bench.").FullName;
        string token = Guid.NewGuid().ToString("N");
        string tokens = Path.Combine(folder, "tokens.csv");
        await File.WriteAllTextAsync(
            tokens, $"{token},bench,bench,\"system:masters\"\n{token}-other,other,other,\"system:masters\"\n", stop);
        connections.Remove("ConnectionStrings__PostgresOwner");
        foreach ((string name, string value) in settings ?? new Dictionary<string, string>())
            connections[name] = value;
        (Child process, Uri url) = await Launch([.. Command(program), "--urls", "http://127.0.0.1:0", "--token-auth-file", tokens], connections, stop);
        return new ServerUnderTest(url, token, database, process, folder);
    }

    /// <summary>Another server on the same database, with the same users; its connection string may name a standby too.</summary>
    public async Task<ServerUnderTest> Beside(
        MeasuredPostgres postgres, string? program, IReadOnlyDictionary<string, string> settings, CancellationToken stop,
        MeasuredPostgres? standby = null)
    {
        var hosts = new NpgsqlConnectionStringBuilder(postgres.For(Database!, Database + "_serving"));
        if (standby is not null)
            hosts.Host += "," + new NpgsqlConnectionStringBuilder(standby.ConnectionString).Host;
        var environment = new Dictionary<string, string>(settings) { ["ConnectionStrings__Postgres"] = hosts.ConnectionString };
        (Child started, Uri url) = await Launch(
            [.. Command(program), "--urls", "http://127.0.0.1:0", "--token-auth-file", Path.Combine(folder!, "tokens.csv")], environment, stop);
        return new ServerUnderTest(url, Token, Database, started, null);
    }

    /// <summary>Starts the program and waits until it says where it serves.</summary>
    public static async Task<(Child Process, Uri Url)> Launch(
        string[] command, IReadOnlyDictionary<string, string>? environment, CancellationToken stop)
    {
        var serving = new TaskCompletionSource<Uri>(TaskCreationOptions.RunContinuationsAsynchronously);
        Child process = Child.Start(command, environment, onLine: line =>
        {
            if (line.StartsWith(Line, StringComparison.Ordinal))
                serving.TrySetResult(new Uri(line[Line.Length..].Trim()));
        });
        if (await Task.WhenAny(serving.Task, process.Ended, Task.Delay(Patience, stop)) == serving.Task)
            return (process, await serving.Task);
        await process.DisposeAsync();
        stop.ThrowIfCancellationRequested();
        throw new BenchmarkException($"the server did not start:\n{process.Output}");
    }

    /// <summary>What the load generator needs to know of it.</summary>
    public LoadSpec Load(LoadKind kind, MeasuredPostgres? postgres) => new()
    {
        Kind = kind,
        Host = Url.Host,
        Port = Url.Port,
        Token = Token,
        ServerPid = Pid,
        PostgresPid = postgres?.Pid ?? 0,
    };

    public async ValueTask DisposeAsync()
    {
        if (process is not null)
            await process.DisposeAsync();
        if (folder is not null)
            Directory.Delete(folder, recursive: true);
    }
}
