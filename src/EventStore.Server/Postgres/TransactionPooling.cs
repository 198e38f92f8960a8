using Npgsql;

namespace EventStore.Server.Postgres;

/// <summary>
/// Finds a pooler that gives a client a session of PostgreSQL for one transaction or statement, as PgBouncer does unless it pools sessions.
/// Through one nothing holds that is of a session: settings, prepared statements, advisory locks, <c>LISTEN</c>.
/// </summary>
internal static class TransactionPooling
{
    private const int Attempts = 3; // another client of the pool may come in between
    private const string PidSql = "SELECT pg_backend_pid()";

    /// <summary>Whether there is one in between.</summary>
    public static async Task<bool> IsBetween(string connectionString)
    {
        string unpooled = new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false, MaxAutoPrepare = 0 }.ConnectionString;
        await using var one = new NpgsqlConnection(unpooled);
        await using var other = new NpgsqlConnection(unpooled);
        await one.OpenAsync();
        await other.OpenAsync();
        for (int i = 0; i < Attempts; i++)
        {
            if (await ShareSession(one, other))
                return true;
        }

        return false;
    }

    /// <summary>
    /// Two clients have two sessions, each its own for as long as it is connected. A pool gives the next one the session that was
    /// returned last.
    /// </summary>
    private static async Task<bool> ShareSession(NpgsqlConnection one, NpgsqlConnection other)
    {
        int before = await Pid(one);
        return await Pid(other) == before || await Pid(one) != before;
    }

    private static async Task<int> Pid(NpgsqlConnection connection)
    {
        await using var command = new NpgsqlCommand(PidSql, connection);
        return (int)(await command.ExecuteScalarAsync())!;
    }
}
