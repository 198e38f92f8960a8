using Npgsql;

namespace EventStore.Server.Store.Format;

/// <summary>What answers at the primary's address writes another history than the one that was served: nothing is asked of it.</summary>
public sealed class StrayPrimaryException() : NpgsqlException(DatabaseAway.Stray);
