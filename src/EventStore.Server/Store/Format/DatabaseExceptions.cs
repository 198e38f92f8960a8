using Npgsql;

namespace EventStore.Server.Store.Format;

/// <summary>A session that was just opened may only read: the database is a standby, or was set so.</summary>
public sealed class ReadOnlyDatabaseException() : NpgsqlException(DatabaseAway.ReadOnly);

/// <summary>The host that was asked is no longer the primary, and its answer was not waited for: what it did is open.</summary>
public sealed class PrimaryChangedException() : NpgsqlException(DatabaseAway.Changed);

/// <summary>What answers at the primary's address writes another history than the one that was served: nothing is asked of it.</summary>
public sealed class StrayPrimaryException() : NpgsqlException(DatabaseAway.Stray);

/// <summary>The primary replicates to no synchronous standby, which this server was told to require.</summary>
public sealed class NotSynchronousException() : NpgsqlException(DatabaseAway.NotSynchronous);

/// <summary>
/// A transaction was committed on the primary, and PostgreSQL gave up waiting for the synchronous standby to have it: if the primary is
/// lost now, the transaction is lost too.
/// </summary>
public sealed class NotReplicatedException() : NpgsqlException(DatabaseAway.NotReplicated);
