using System.Net.Sockets;
using Npgsql;

namespace EventStore.Server.Store.Format;

/// <summary>Distinguishes a database that cannot serve right now, where a retry may help, from a statement that is wrong.</summary>
public static class DatabaseAway
{
    /// <summary>The message where nothing more is known than that there is no connection.</summary>
    public const string Unreachable = "the database cannot be reached";

    /// <summary>The message of a read-only database or session: a standby, or a primary with default_transaction_read_only.</summary>
    public const string ReadOnly = "the database is read-only";

    /// <summary>The message when another host became the primary before the former one had answered.</summary>
    public const string Changed = "the database has another primary now";

    /// <summary>The message when the primary is gone and a host of another history answers in its place.</summary>
    public const string Stray = "the database is not the one that was served before";

    /// <summary>The message where a synchronous standby is required and there is none.</summary>
    public const string NotSynchronous = "the database has no synchronous standby, which this server requires";

    /// <summary>The message when no synchronous standby has confirmed a commit in time.</summary>
    public const string NotReplicated = "no synchronous standby of the database has confirmed it in time";

    /// <summary>
    /// Whether the database is away: no connection, a broken one, a time-out, or PostgreSQL itself saying that it is shutting down,
    /// out of resources, a standby, or kept from a lock for too long. Trying again later may help; for anything else it would not.
    /// </summary>
    public static bool Is(Exception e) => e switch
    {
        PostgresException { InvariantSeverity: "FATAL" or "PANIC" } => true,
        PostgresException { SqlState: PostgresErrorCodes.LockNotAvailable } => true,
        _ when IsReadOnly(e) => true,
        PostgresException said when HasNoSpace(said) => true,
        PostgresException said => said.SqlState[..2] is "08" or "53" or "57" or "58",
        _ => e is NpgsqlException or SocketException or TimeoutException, // Npgsql does not wrap a host name that cannot be resolved
    };

    /// <summary>Why it cannot serve, in words for the client: no host, no user, no path.</summary>
    public static string Why(Exception e) => e switch
    {
        PostgresException said when HasNoSpace(said) => "the database has no space left on its disk",
        _ when IsReadOnly(e) => ReadOnly,
        PrimaryChangedException => Changed,
        NotSynchronousException => NotSynchronous,
        NotReplicatedException => NotReplicated,
        StrayPrimaryException => Stray,
        PostgresException { SqlState: PostgresErrorCodes.CannotConnectNow } => "the database is starting up or shutting down",
        PostgresException { SqlState: PostgresErrorCodes.TooManyConnections } => "the database takes no more connections",
        NpgsqlException { InnerException: TimeoutException } when e.Message.Contains("pool has been exhausted", StringComparison.Ordinal) =>
            "all of this server's connections to the database are in use",
        _ => Unreachable,
    };

    /// <summary>
    /// What happened, in one line for the operator. Npgsql's message says which host it could not reach, and its inner
    /// exception why. Where both say the same, as for a time-out or an unknown host, it is said once.
    /// </summary>
    public static string Reason(Exception e) => (e switch
    {
        PostgresException said => $"{said.MessageText} ({said.SqlState})",
        { InnerException: AggregateException many } => string.Join("; ", many.InnerExceptions.Select(one => one.Message)),
        { InnerException: { } inner } when !SaysTheSame(e.Message, inner.Message) => $"{e.Message}: {inner.Message}",
        _ => e.Message,
    }).ReplaceLineEndings(" ");

    /// <summary>Whether an open connection broke, so that a retry on another one may succeed.</summary>
    public static bool IsBrokenConnection(Exception e) => e is
        NpgsqlException { InnerException: IOException }
        or PrimaryChangedException
        or PostgresException
        {
            SqlState: PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown or PostgresErrorCodes.IdleSessionTimeout
        };

    /// <summary>
    /// Whether the session is read-only. It stays read-only after the database is writable again, because the setting is read when
    /// a session starts: the connection must be closed, and the pool cleared.
    /// </summary>
    public static bool IsReadOnly(Exception e) =>
        e is PostgresException { SqlState: PostgresErrorCodes.ReadOnlySqlTransaction } or ReadOnlyDatabaseException;

    /// <summary>
    /// Whether a later retry may succeed without a change of settings: not where the role, its password or the database's name is refused.
    /// </summary>
    public static bool MayComeBack(Exception e) => Is(e) && e is not PostgresException
    {
        SqlState: PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification
            or PostgresErrorCodes.InvalidCatalogName or PostgresErrorCodes.InsufficientPrivilege,
    };

    // PostgreSQL has an error code for a full disk only. A quota, or a limit on file sizes, is an internal error (XX000) from the
    // routines that extend a file, whose names differ by release.
    private static bool HasNoSpace(PostgresException said) =>
        said.SqlState == PostgresErrorCodes.DiskFull
            || said is { SqlState: PostgresErrorCodes.InternalError, Routine: "mdextend" or "mdzeroextend" };

    private static bool SaysTheSame(string message, string inner) =>
        message.Contains(inner.TrimEnd('.'), StringComparison.OrdinalIgnoreCase) || (IsTimeout(message) && IsTimeout(inner));

    private static bool IsTimeout(string message) => message.Contains("timed out", StringComparison.OrdinalIgnoreCase);
}
