using EventStore.Server.Store.Format;
using Npgsql;

namespace EventStore.Server.Hosting;

/// <summary>
/// Refuses a session that may only read, when it is opened. So no pool ever keeps one: after a failover that pointed here at a standby for
/// a moment, or a default that was set and taken back, every new session is as good as it looks. And a standby's reads, which may be
/// old, are never passed off as current.
/// </summary>
internal static class WritableSession
{
    private const string IsReadOnlySql = "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean";

    /// <summary>Checks a session.</summary>
    /// <exception cref="ReadOnlyDatabaseException">It may only read.</exception>
    public static void Require(NpgsqlConnection connection)
    {
        using var command = new NpgsqlCommand(IsReadOnlySql, connection);
        if (command.ExecuteScalar() is true)
            throw new ReadOnlyDatabaseException();
    }

    /// <summary>Checks a session.</summary>
    /// <exception cref="ReadOnlyDatabaseException">It may only read.</exception>
    public static async Task RequireAsync(NpgsqlConnection connection)
    {
        await using var command = new NpgsqlCommand(IsReadOnlySql, connection);
        if (await command.ExecuteScalarAsync() is true)
            throw new ReadOnlyDatabaseException();
    }
}
