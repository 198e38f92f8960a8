using Npgsql;

namespace EventStore.Server.Store.Format;

/// <summary>The primary replicates to no synchronous standby, which this server was told to require.</summary>
public sealed class NotSynchronousException() : NpgsqlException(DatabaseAway.NotSynchronous);
