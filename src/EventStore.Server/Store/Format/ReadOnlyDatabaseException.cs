using Npgsql;

namespace EventStore.Server.Store.Format;

/// <summary>A session that was just opened may only read: the database is a standby, or was set so.</summary>
public sealed class ReadOnlyDatabaseException() : NpgsqlException(DatabaseAway.ReadOnly);
