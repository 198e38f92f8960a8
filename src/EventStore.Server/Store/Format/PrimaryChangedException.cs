using Npgsql;

namespace EventStore.Server.Store.Format;

/// <summary>The host that was asked is no longer the primary, and its answer was not waited for: what it did is open.</summary>
public sealed class PrimaryChangedException() : NpgsqlException(DatabaseAway.Changed);
