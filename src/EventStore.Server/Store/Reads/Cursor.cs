using System.Globalization;
using System.Runtime.CompilerServices;
using Npgsql;

namespace EventStore.Server.Store.Reads;

/// <summary>
/// Reads a result of any length page by page with a database cursor, within a transaction. Between two pages the connection is
/// free: several results can be read side by side, and rows written in between.
/// </summary>
internal static class Cursor
{
    private const int PageLength = 1000;
    private static long last;

    /// <summary>The rows, in order.</summary>
    /// <param name="connection">A connection within a transaction.</param>
    /// <param name="sql">A query without parameters.</param>
    /// <param name="read">Reads one row.</param>
    /// <param name="stop">Cancels the read.</param>
    public static async IAsyncEnumerable<T> Read<T>(
        NpgsqlConnection connection, string sql, Func<NpgsqlDataReader, T> read, [EnumeratorCancellation] CancellationToken stop)
    {
        string name = string.Create(CultureInfo.InvariantCulture, $"pages_{Interlocked.Increment(ref last)}");
        // PostgreSQL plans cursors for the first tenth of the rows; all of them will be read.
        await connection.Run($"SET LOCAL cursor_tuple_fraction = 1; DECLARE {name} NO SCROLL CURSOR FOR {sql}", stop);
        var page = new List<T>(PageLength);
        do
        {
            page.Clear();
            await using var fetch = new NpgsqlCommand($"FETCH {PageLength} FROM {name}", connection) { CommandTimeout = 0 };
            await using (NpgsqlDataReader reader = await fetch.ExecuteReaderAsync(stop))
            {
                while (await reader.ReadAsync(stop))
                    page.Add(read(reader));
            }

            foreach (T row in page)
                yield return row;
        }
        while (page.Count == PageLength);
        await connection.Run($"CLOSE {name}", stop);
    }

    /// <summary>Runs a statement, however long it takes, and answers how many rows it changed.</summary>
    public static async Task<int> Run(
        this NpgsqlConnection connection, string sql, CancellationToken stop, params NpgsqlParameter[] parameters)
    {
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
        command.Parameters.AddRange(parameters);
        return await command.ExecuteNonQueryAsync(stop);
    }

    /// <summary>Runs a query and answers its first value.</summary>
    public static async Task<object?> Ask(
        this NpgsqlConnection connection, string sql, CancellationToken stop, params NpgsqlParameter[] parameters)
    {
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
        command.Parameters.AddRange(parameters);
        return await command.ExecuteScalarAsync(stop);
    }
}
