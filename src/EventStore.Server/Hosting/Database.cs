using System.Diagnostics;
using EventStore.Server.Postgres;
using Npgsql;

namespace EventStore.Server.Hosting;

/// <summary>The database the verbs work on: one that was named, or a private one started from this machine's binaries.</summary>
internal sealed class Database : IAsyncDisposable
{
    private readonly EmbeddedPostgres? embedded;

    private Database(string? owner, string serving, EmbeddedPostgres? embedded) =>
        (OwnerConnectionString, ServingConnectionString, this.embedded) = (owner, serving, embedded);

    /// <summary>The owner's connection; null when none was named.</summary>
    public string? OwnerConnectionString { get; }

    /// <summary>The serving role's connection.</summary>
    public string ServingConnectionString { get; }

    /// <summary>Whether it is the private one, whose schema the server keeps up to date by itself.</summary>
    public bool IsPrivate => embedded is not null;

    /// <summary>Completes should the private server end by itself; never for a database that was named.</summary>
    public Task Ended => embedded?.Ended ?? Task.Delay(Timeout.Infinite);

    /// <summary>Opens the configured database.</summary>
    public static async Task<Database> Open(Settings settings, ILogger log, CancellationToken stop)
    {
        string? owner = Tuned(settings.PostgresOwner, "ConnectionStrings__PostgresOwner");
        if (Tuned(settings.Postgres, "ConnectionStrings__Postgres") is { } serving)
            return new Database(owner, serving, null);
        if (owner is not null)
            return new Database(owner, owner, null);
        EmbeddedPostgres embedded = await EmbeddedPostgres.Start(settings.DataFolder, log, stop);
        return new Database(embedded.OwnerConnectionString, embedded.ServingConnectionString, embedded);
    }

    /// <summary>
    /// Connections for serving. Their metrics go by the program's name and not by a connection string that names hosts; a statement is
    /// traced as part of something, while what the server asks by itself every second is not.
    /// </summary>
    public NpgsqlDataSource Serving()
    {
        var builder = new NpgsqlDataSourceBuilder(ServingConnectionString) { Name = Settings.ProgramName };
        builder.ConfigureTracing(traces => traces.ConfigureCommandFilter(_ => Activity.Current is not null));
        return builder.Build();
    }

    /// <summary>The owner's connection, for the verbs that change tables.</summary>
    public string RequireOwner(string verb) => OwnerConnectionString ?? (
        ServingConnectionString is { Length: > 0 } only ? only : throw new OperatorException($"'{verb}' needs the database's owner", "Set ConnectionStrings__PostgresOwner."));

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => embedded?.DisposeAsync() ?? ValueTask.CompletedTask;

    /// <summary>
    /// The keys every connection needs: prepared plans are kept (the reset Npgsql sends by default would drop them), and a commit is
    /// answered when it is on disk, whatever the server's own setting is. So is the isolation: the commit function raises at another.
    /// No statement is compiled: what is asked here is short, and looks costly to the planner where tables are young (a page of the
    /// history took 90 ms to compile and one to read).
    /// </summary>
    private static string? Tuned(string? connectionString, string setting)
    {
        if (string.IsNullOrWhiteSpace(connectionString))
            return null;
        try
        {
            var builder = new NpgsqlConnectionStringBuilder(connectionString) { NoResetOnClose = true, Timezone = "UTC" };
            if (builder.MaxAutoPrepare == 0)
                (builder.MaxAutoPrepare, builder.AutoPrepareMinUsages) = (100, 2);
            builder.ApplicationName ??= Settings.ProgramName;
            builder.Options = $"{builder.Options} -c synchronous_commit=on -c default_transaction_isolation=read\\ committed -c jit=off".TrimStart();
            return builder.ConnectionString;
        }
        catch (ArgumentException e)
        {
            throw new OperatorException($"{setting} is no connection string: {e.Message}", "It looks like: Host=db;Database=eventstore;Username=eventstore_server;Password=...");
        }
    }
}
