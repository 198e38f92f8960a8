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
    /// <summary>The most bytes of a page of large rows, beyond its first row.</summary>
    internal const int PageBytes = 2 << 20;

    private const int PageLength = 1000;
    private static long last;

    /// <summary>The rows of a result whose rows are small, in order.</summary>
    /// <param name="connection">A connection within a transaction.</param>
    /// <param name="sql">A query without parameters.</param>
    /// <param name="read">Reads one row.</param>
    /// <param name="stop">Ends the reading.</param>
    public static async IAsyncEnumerable<T> Read<T>(
        NpgsqlConnection connection, string sql, Func<NpgsqlDataReader, T> read, [EnumeratorCancellation] CancellationToken stop)
    {
        string name = await Open(connection, sql, stop);
        List<T> page;
        do
        {
            page = await Fetch(connection, name, PageLength, read, stop);
            foreach (T row in page)
                yield return row;
        }
        while (page.Count == PageLength);
        await connection.Run($"CLOSE {name}", stop);
    }

    /// <summary>
    /// The rows of a result that has whole jobs or events in it, in order. A second cursor reads the sizes alone, ahead of the rows, so
    /// that a page has as many rows as fit into <see cref="PageBytes"/>.
    /// </summary>
    /// <param name="connection">A connection within a transaction.</param>
    /// <param name="columns">What is read of each row.</param>
    /// <param name="size">About how many bytes a row has, as a number: see <see cref="SizeOf"/>.</param>
    /// <param name="rest">The rest of the query, from FROM on, without parameters; its order leaves nothing open.</param>
    /// <param name="read">Reads one row.</param>
    /// <param name="stop">Ends the reading.</param>
    public static async IAsyncEnumerable<T> Read<T>(
        NpgsqlConnection connection, string columns, string size, string rest, Func<NpgsqlDataReader, T> read,
        [EnumeratorCancellation] CancellationToken stop)
    {
        string sizes = await Open(connection, $"SELECT {size} {rest}", stop);
        string rows = await Open(connection, $"SELECT {columns} {rest}", stop);
        var ahead = new Queue<long>();
        List<T> page;
        do
        {
            if (ahead.Count == 0)
                ahead = new Queue<long>(await Fetch(connection, sizes, PageLength, row => row.IsDBNull(0) ? 0 : row.GetInt64(0), stop));
            page = await Fetch(connection, rows, Math.Max(1, TakePage(ahead)), read, stop);
            foreach (T row in page)
                yield return row;
        }
        while (page.Count > 0);
        await connection.Run($"CLOSE {rows}; CLOSE {sizes}", stop);
    }

    /// <summary>
    /// The size of a jsonb column as text, in SQL. For an uncompressed value the stored size is enough, and the value is not read.
    /// </summary>
    public static string SizeOf(string jsonb) => $"""
        coalesce(CASE WHEN pg_column_compression({jsonb}) IS NULL THEN pg_column_size({jsonb})
                      ELSE octet_length({jsonb}::text) END, 0)::bigint
        """;

    /// <summary>Takes the sizes of the next page's rows, and returns how many they are.</summary>
    private static int TakePage(Queue<long> ahead)
    {
        int count = 0;
        for (long bytes = 0; ahead.TryPeek(out long next) && (count == 0 || bytes + next <= PageBytes); bytes += next)
        {
            ahead.Dequeue();
            count++;
        }

        return count;
    }

    private static async Task<string> Open(NpgsqlConnection connection, string sql, CancellationToken stop)
    {
        string name = string.Create(CultureInfo.InvariantCulture, $"pages_{Interlocked.Increment(ref last)}");
        // All of it will be read: a plan for the first tenth, which PostgreSQL makes for cursors, would be the slower one.
        await connection.Run($"SET LOCAL cursor_tuple_fraction = 1; DECLARE {name} NO SCROLL CURSOR FOR {sql}", stop);
        return name;
    }

    private static async Task<List<T>> Fetch<T>(
        NpgsqlConnection connection, string name, int count, Func<NpgsqlDataReader, T> read, CancellationToken stop)
    {
        var page = new List<T>(count);
        await using var fetch = new NpgsqlCommand(
            string.Create(CultureInfo.InvariantCulture, $"FETCH {count} FROM {name}"), connection)
        { CommandTimeout = 0 };
        await using NpgsqlDataReader reader = await fetch.ExecuteReaderAsync(stop);
        while (await reader.ReadAsync(stop))
            page.Add(read(reader));
        return page;
    }

    /// <summary>Runs a statement without a time-out, and returns how many rows it changed.</summary>
    public static async Task<int> Run(
        this NpgsqlConnection connection, string sql, CancellationToken stop, params NpgsqlParameter[] parameters)
    {
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
        command.Parameters.AddRange(parameters);
        return await command.ExecuteNonQueryAsync(stop);
    }

    /// <summary>Runs a query and returns its first value.</summary>
    public static async Task<object?> Ask(
        this NpgsqlConnection connection, string sql, CancellationToken stop, params NpgsqlParameter[] parameters)
    {
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
        command.Parameters.AddRange(parameters);
        return await command.ExecuteScalarAsync(stop);
    }
}
