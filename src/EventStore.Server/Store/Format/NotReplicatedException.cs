using Npgsql;

namespace EventStore.Server.Store.Format;

/// <summary>
/// A transaction was committed on the primary, and PostgreSQL gave up waiting for the synchronous standby to have it: if the primary is
/// lost now, the transaction is lost too.
/// </summary>
public sealed class NotReplicatedException() : NpgsqlException(DatabaseAway.NotReplicated);
