using System.Diagnostics;
using EventStore.Server.Postgres;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Hosts;
using EventStore.Server.Store.Lane;
using Npgsql;

namespace EventStore.Server.Hosting;

/// <summary>The database that the verbs work on: one that was named, or a private one.</summary>
internal sealed class Database : IAsyncDisposable
{
    // Sent by set_config and not as start-up options, which a pooler such as PgBouncer would refuse or drop. Commits are
    // synchronous, whatever the database's default is, because an answered change must be on disk. The isolation level is the one
    // the commit function requires. JIT is off: the statements are short, and with young statistics the planner would compile them
    // (90 ms to compile, 1 ms to read). Idle-in-transaction and TCP time-outs let PostgreSQL end the session of a server that hangs
    // or vanished, and so release its locks; on a Unix socket those of TCP are 0. That a commit was not replicated PostgreSQL tells by a
    // warning alone.
    private const string SessionSettings =
        """
        SELECT set_config('synchronous_commit', 'on', false), set_config('default_transaction_isolation', 'read committed', false),
               set_config('jit', 'off', false), set_config('TimeZone', 'UTC', false),
               set_config('idle_in_transaction_session_timeout', '2min', false), set_config('client_min_messages', 'warning', false),
               set_config('tcp_keepalives_idle', '5', false), set_config('tcp_keepalives_interval', '1', false),
               set_config('tcp_keepalives_count', '5', false),
               set_config('tcp_user_timeout', '10s', false)
        """;

    private static readonly string[] Required = ["on", "read committed", "off", "UTC", "2min", "warning"];

    private readonly PrivatePostgres? embedded;

    private Database(string? owner, string serving, PrivatePostgres? embedded, string? replicas = null)
    {
        (OwnerConnectionString, ServingConnectionString, this.embedded) = (owner, serving, embedded);
        ServingConnectionStrings = HostList.Each(serving);
        ReplicaConnectionStrings = replicas is null ? [] : HostList.Each(replicas);
    }

    /// <summary>The owner's connection; null when none was named.</summary>
    public string? OwnerConnectionString { get; }

    /// <summary>The serving role's connection.</summary>
    public string ServingConnectionString { get; }

    /// <summary>The serving role's connection to each host, in the order of the connection string.</summary>
    public IReadOnlyList<string> ServingConnectionStrings { get; }

    /// <summary>The serving role's connection to each host that is only read, in the order of the connection string.</summary>
    public IReadOnlyList<string> ReplicaConnectionStrings { get; }

    private IEnumerable<string> AllConnectionStrings => ServingConnectionStrings.Concat(ReplicaConnectionStrings);

    /// <summary>Whether it is the private one, whose schema the server keeps up to date by itself.</summary>
    public bool IsPrivate => embedded is not null;

    /// <summary>Completes when the private server ends by itself; never for a database that was named.</summary>
    public Task Ended => embedded?.Ended ?? Task.Delay(Timeout.Infinite);

    /// <summary>Opens the configured database; creates the private one if it does not exist.</summary>
    public static async Task<Database> Open(Settings settings, ILogger log, CancellationToken stop)
    {
        if (settings.Postgres is { } serving)
            return new Database(settings.PostgresOwner, serving, null, settings.PostgresReplicas);
        if (settings.PostgresOwner is { } owner)
            return new Database(owner, owner, null);
        PrivatePostgres embedded = await PrivatePostgres.Open(settings.DataFolder, settings.PostgresImage, log, stop);
        return new Database(embedded.OwnerConnectionString, embedded.ServingConnectionString, embedded);
    }

    /// <summary>The same for verbs that need an existing database: they create none.</summary>
    /// <exception cref="OperatorException">The data folder holds none.</exception>
    public static Task<Database> OpenExisting(VerbRun run)
    {
        Settings settings = run.Settings;
        if (!settings.NamesDatabase && !PrivatePostgres.IsIn(settings.DataFolder))
        {
            throw new OperatorException(
                $"there is no database in {settings.DataFolder}",
                "Name its folder with --data DIR, or the database with ConnectionStrings__Postgres and ConnectionStrings__PostgresOwner.");
        }

        return Open(settings, run.Log, run.Stop);
    }

    /// <summary>
    /// Connections of the serving role. Their metrics carry the program's name and not a connection string, which names hosts.
    /// Statements are traced only as part of a request, not those the server sends periodically.
    /// </summary>
    /// <param name="mayReadOnly">Whether a read-only session is accepted, as on a standby that is the only host.</param>
    public NpgsqlDataSource Serving(bool mayReadOnly = false) => Source(ServingConnectionString, Settings.ProgramName, mayReadOnly);

    /// <summary>The same, with one data source for each host.</summary>
    public Primary Primary() => new([.. ServingConnectionStrings.Select((host, i) => Source(
        host, ServingConnectionStrings.Count > 1 ? $"{Settings.ProgramName} {i + 1}" : Settings.ProgramName))]);

    /// <summary>For each host, makes connections of the serving role to it as a standby.</summary>
    public Func<NpgsqlDataSource>[] Reading() => [.. AllConnectionStrings.Select((host, i) => (Func<NpgsqlDataSource>)(() => Source(
        host, $"{Settings.ProgramName} standby {i + 1}", mayReadOnly: true)))];

    /// <summary>
    /// Connections of the serving role for looking up a batch whose reply was lost. That is rare, so they are not pooled.
    /// </summary>
    public LostReplies LostReplies() => new(new Primary([.. ServingConnectionStrings.Select(host => Source(
        new NpgsqlConnectionStringBuilder(host) { Pooling = false }.ConnectionString, null, mayReadOnly: true))]));

    /// <summary>Connections of the serving role that ask each host what it is.</summary>
    public IReadOnlyList<(string Name, NpgsqlDataSource Source)> Hosts() =>
        [.. AllConnectionStrings.Select(host => (HostList.NameOf(host), HostList.Probing(host)))];

    /// <summary>
    /// The serving role's connection to the host that is the primary now. All hosts are asked in parallel, so hanging hosts cost one
    /// time-out together. If none is the primary, returns the connection string itself, which tries them all.
    /// </summary>
    public async Task<string> FindPrimary()
    {
        if (ServingConnectionStrings.Count == 1)
            return ServingConnectionString;
        HostState[] found = await Task.WhenAll(ServingConnectionStrings.Select(async host =>
        {
            await using NpgsqlDataSource source = HostList.Probing(host);
            await using var probe = new HostProbe(source);
            return await probe.Ask(CancellationToken.None);
        }));
        return PrimaryChoice.Of(found, 0, null) is { } host ? ServingConnectionStrings[host] : ServingConnectionString;
    }

    /// <summary>
    /// Whether a pooler that does not pool whole sessions is in front of a replica that answers: how far a session has replayed would say
    /// nothing of the next statement.
    /// </summary>
    public async Task<bool> HasPooledReplicas()
    {
        foreach (string replica in ReplicaConnectionStrings)
        {
            try
            {
                if (await TransactionPooling.IsBetween(replica).WaitAsync(HostProbe.Patience))
                    return true;
            }
            catch (Exception e) when (DatabaseAway.Is(e))
            {
                // The watch on the hosts says what is wrong with it.
            }
        }

        return false;
    }

    /// <summary>Connections of the owner, for the verbs that change tables.</summary>
    public NpgsqlDataSource Owner() => Source(RequireOwner(), null);

    /// <summary>The owner's connection string.</summary>
    public string RequireOwner() => OwnerConnectionString ?? ServingConnectionString;

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => embedded?.DisposeAsync() ?? ValueTask.CompletedTask;

    /// <summary>Connections whose sessions have the settings this program needs.</summary>
    /// <param name="connectionString">The connection string.</param>
    /// <param name="name">The name in their metrics.</param>
    /// <param name="mayReadOnly">Whether a read-only session is accepted.</param>
    internal static NpgsqlDataSource Source(string connectionString, string? name, bool mayReadOnly = false)
    {
        var target = new NpgsqlConnectionStringBuilder(connectionString);
        bool hasManyHosts = target.Host!.Contains(',', StringComparison.Ordinal);
        string asked = target.TargetSessionAttributes?.Replace("-", string.Empty, StringComparison.Ordinal) ?? string.Empty;
        TargetSessionAttributes session = Enum.TryParse(asked, ignoreCase: true, out TargetSessionAttributes wanted)
            ? wanted
            : TargetSessionAttributes.Primary; // a standby takes no writes
        target.TargetSessionAttributes = null;
        var builder = new NpgsqlDataSourceBuilder(target.ConnectionString) { Name = name };
        builder.ConfigureTracing(traces => traces.ConfigureCommandFilter(_ => Activity.Current is not null));
        builder.UsePhysicalConnectionInitializer(
            connection => Prepare(connection, mayReadOnly), connection => PrepareAsync(connection, mayReadOnly));
        return hasManyHosts ? builder.BuildMultiHost().WithTargetSession(session) : builder.Build();
    }

    private static void Prepare(NpgsqlConnection connection, bool mayReadOnly)
    {
        using var command = new NpgsqlCommand(SessionSettings, connection);
        using NpgsqlDataReader row = command.ExecuteReader();
        row.Read();
        Check(row);
        row.Close();
        if (!mayReadOnly)
            WritableSession.Require(connection);
    }

    private static async Task PrepareAsync(NpgsqlConnection connection, bool mayReadOnly)
    {
        await using var command = new NpgsqlCommand(SessionSettings, connection);
        await using (NpgsqlDataReader row = await command.ExecuteReaderAsync())
        {
            await row.ReadAsync();
            Check(row);
        }

        if (!mayReadOnly)
            await WritableSession.RequireAsync(connection);
    }

    private static void Check(NpgsqlDataReader row)
    {
        for (int i = 0; i < Required.Length; i++)
        {
            if (row.GetString(i) != Required[i])
                throw new NpgsqlException($"the session did not take a setting it needs: '{Required[i]}' became '{row.GetString(i)}'");
        }
    }
}
