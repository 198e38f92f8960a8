using Npgsql;

namespace EventStore.Server.Store.Format;

/// <summary>A session that was just opened is read-only: the database is a standby, or is set to be read-only.</summary>
public sealed class ReadOnlyDatabaseException() : NpgsqlException(DatabaseAway.ReadOnly);

/// <summary>The host is no longer the primary. Its answer was not awaited, so whether it carried out the statement is unknown.</summary>
public sealed class PrimaryChangedException() : NpgsqlException(DatabaseAway.Changed);

/// <summary>The server at the primary's address has another history than the one that was served, and is not used.</summary>
public sealed class StrayPrimaryException() : NpgsqlException(DatabaseAway.Stray);

/// <summary>The primary has no synchronous standby, and the settings of this server require one.</summary>
public sealed class NotSynchronousException() : NpgsqlException(DatabaseAway.NotSynchronous);

/// <summary>
/// A transaction was committed on the primary, and PostgreSQL gave up waiting for the confirmation of a synchronous standby. If the
/// primary fails now, the transaction may be lost.
/// </summary>
public sealed class NotReplicatedException() : NpgsqlException(DatabaseAway.NotReplicated);
