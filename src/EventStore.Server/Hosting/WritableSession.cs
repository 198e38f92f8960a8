using EventStore.Server.Store.Format;
using Npgsql;

namespace EventStore.Server.Hosting;

/// <summary>
/// Refuses a read-only session when it is opened, so the pool never keeps one: after a failover that briefly pointed at a standby,
/// every new session can write. It also prevents stale reads from a standby.
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
