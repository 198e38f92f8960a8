using Npgsql;

namespace EventStore.Server.Postgres;

/// <summary>
/// A PostgreSQL of this server's own, for whoever has configured none: durable, one server a data folder, and ended with the server.
/// It runs from this machine's programs or, where there are none and a container engine answers, in a container.
/// </summary>
public abstract class PrivatePostgres : IAsyncDisposable
{
    internal const string Superuser = "postgres";
    internal const string Owner = "eventstore_owner";
    internal const string Server = "eventstore_server";
    internal const string Database = "eventstore";

    // Well below the database's max_connections: whoever finds all of them taken waits for one, and is not refused.
    private const int PoolSize = 30;

    /// <summary>Connects as the role that owns the database: for migrations, rebuilds and imports.</summary>
    public abstract string OwnerConnectionString { get; }

    /// <summary>Connects as the role the server serves with, which may do what <see cref="ServingRole.Grant"/> gave it.</summary>
    public abstract string ServingConnectionString { get; }

    /// <summary>
    /// Completes when the database has ended, which without <see cref="DisposeAsync"/> means that it crashed or was stopped
    /// by somebody else.
    /// </summary>
    public abstract Task Ended { get; }

    /// <summary>
    /// Where the data go if nobody says: for root a folder the account postgres can reach (it cannot enter /root), for others
    /// <c>$XDG_DATA_HOME</c> or <c>~/.local/share</c>.
    /// </summary>
    public static string DefaultDataFolder()
    {
        const string name = "pytorchjob-eventstore";
        if (Environment.IsPrivilegedProcess && !OperatingSystem.IsWindows())
            return Path.Combine("/var/lib", name);

        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile, Environment.SpecialFolderOption.DoNotVerify);
        string? data = Environment.GetEnvironmentVariable("XDG_DATA_HOME");
        return Path.Combine(string.IsNullOrEmpty(data) ? Path.Combine(home, ".local", "share") : data, name);
    }

    /// <summary>Whether a data folder holds a database, of either kind.</summary>
    public static bool IsIn(string dataFolder) => EmbeddedPostgres.HasFiles(dataFolder) || ContainerPostgres.HasDatabase(dataFolder);

    /// <summary>
    /// Starts the folder's database in the way it was made. A new one is made with this machine's programs; in a container if an image is
    /// named, or if there are no programs and a container engine answers.
    /// </summary>
    /// <param name="dataFolder">Its folder; a relative one is taken from the current folder.</param>
    /// <param name="image">The image a container is wanted of; null for this machine's programs where there are some.</param>
    /// <param name="log">Told what is done, and when the database ends unasked.</param>
    /// <param name="stop">Cancels the start. A database that already runs is not stopped by it.</param>
    /// <exception cref="PostgresUnavailableException">It cannot be started; the message is for the operator.</exception>
    public static Task<PrivatePostgres> Open(string dataFolder, string? image, ILogger log, CancellationToken stop) =>
        Open(dataFolder, image, HasPrograms, log, stop);

    /// <summary>As above, with what this machine has chosen.</summary>
    internal static async Task<PrivatePostgres> Open(
        string dataFolder, string? image, Func<bool> hasPrograms, ILogger log, CancellationToken stop) =>
        await IsForContainer(dataFolder, image, hasPrograms, stop)
            ? await ContainerPostgres.Start(dataFolder, image ?? ContainerPostgres.DefaultImage, log, stop)
            : await EmbeddedPostgres.Start(dataFolder, log, stop);

    /// <summary>What <see cref="Open(string, string?, ILogger, CancellationToken)"/> would start, in words. Nothing is made.</summary>
    /// <exception cref="PostgresUnavailableException">There is neither a program nor an engine for it.</exception>
    public static async Task<string> Planned(string dataFolder, string? image, CancellationToken stop)
    {
        if (!await IsForContainer(dataFolder, image, HasPrograms, stop))
            return $"PostgreSQL {PostgresBinaries.Find().Major}";
        await ContainerPostgres.RequireEngine(dataFolder, stop);
        string chosen = ContainerRecord.Read(dataFolder) is { Finished: true } kept ? kept.Image : image ?? ContainerPostgres.DefaultImage;
        return $"PostgreSQL in a container of {chosen}";
    }

    /// <summary>Stops the database cleanly and lets go of the data folder.</summary>
    public abstract ValueTask DisposeAsync();

    /// <summary>
    /// Statements are prepared by themselves after their second use, and a returned connection is not reset, which would cost a round trip.
    /// </summary>
    private protected static string Tuned(NpgsqlConnectionStringBuilder connection)
    {
        connection.MaxAutoPrepare = 100;
        connection.AutoPrepareMinUsages = 2;
        connection.NoResetOnClose = true;
        connection.MaxPoolSize = PoolSize;
        return connection.ConnectionString;
    }

    private static async Task<bool> IsForContainer(string dataFolder, string? image, Func<bool> hasPrograms, CancellationToken stop) =>
        ContainerPostgres.HasDatabase(dataFolder)
        || (!EmbeddedPostgres.HasFiles(dataFolder)
            && (image is not null || (!hasPrograms() && await ContainerEngine.Answers(stop))));

    /// <summary>With PG_BIN set there is no fallback to a container: it would hide a wrong folder.</summary>
    private static bool HasPrograms()
    {
        if (OperatingSystem.IsWindows())
            return false;
        try
        {
            PostgresBinaries.Find();
            return true;
        }
        catch (PostgresUnavailableException)
        {
            return Environment.GetEnvironmentVariable("PG_BIN") is { Length: > 0 };
        }
    }
}
