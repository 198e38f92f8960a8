using Npgsql;

namespace EventStore.Server.Store.Format;

/// <summary>
/// A transaction was committed on the primary, and PostgreSQL gave up waiting for the synchronous standby to have it: whoever loses the
/// primary now loses the transaction.
/// </summary>
public sealed class NotReplicatedException() : NpgsqlException(DatabaseAway.NotReplicated);
