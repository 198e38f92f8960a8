using System.Diagnostics;
using System.Net.Sockets;
using EventStore.Server.Store.Format;
using Npgsql;

namespace EventStore.Server.Store.Hosts;

/// <summary>Asks one host what it is, on a connection of its own.</summary>
/// <param name="source">Makes connections to the host, whatever it is, and keeps none.</param>
internal sealed class HostProbe(NpgsqlDataSource source) : IAsyncDisposable
{
    /// <summary>How long a host may take to answer before it counts as hanging.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    // A new connection resolves the name again: the server it means may have changed while the one of before is still there.
    private static readonly TimeSpan Renewal = TimeSpan.FromSeconds(10);

    // The control file has the timeline of the last checkpoint, which a promotion does not wait for. The log has the present one.
    private const string Sql = """
        SELECT pg_is_in_recovery(), current_setting('transaction_read_only')::boolean, (SELECT system_identifier FROM pg_control_system()),
               CASE WHEN NOT pg_is_in_recovery()
                    THEN ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::bigint END,
               current_setting('synchronous_standby_names') <> ''
        """;

    // Who hosts PostgreSQL for others may let nobody read the control file. Then two clusters cannot be told apart.
    private static readonly string ModestSql =
        Sql.Replace("(SELECT system_identifier FROM pg_control_system())", "0::bigint", StringComparison.Ordinal);

    private Session session = new(source);
    private Task<HostState> asking = Task.FromResult(new HostState(HostKind.Unknown));

    /// <summary>Asks, and waits for the answer no longer than <see cref="Patience"/>.</summary>
    public async Task<HostState> Ask(CancellationToken stop)
    {
        asking = session.Ask();
        try
        {
            return await asking.WaitAsync(Patience, stop);
        }
        catch (TimeoutException)
        {
            _ = AbandonedTask.Close(asking, session);
            session = new Session(source);
            return new HostState(HostKind.Hangs, $"no answer within {Patience.TotalSeconds} s");
        }
    }

    /// <summary>Closes the connection; of a host that is silent only once it has answered.</summary>
    public async ValueTask DisposeAsync()
    {
        Task closing = AbandonedTask.Close(asking, session);
        if (asking.IsCompleted)
            await closing;
    }

    private static HostKind KindOf(Exception e) => e switch
    {
        PostgresException
        {
            SqlState: PostgresErrorCodes.CannotConnectNow or PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown
        } => HostKind.NotReady,
        PostgresException said when said.SqlState[..2] is "28" or "3D" or "42" => HostKind.Refused,
        PostgresException => HostKind.Failed,
        _ => e.GetBaseException() switch
        {
            SocketException
            {
                SocketErrorCode: SocketError.HostNotFound or SocketError.TryAgain or SocketError.NoData
            } => HostKind.Unresolved,
            SocketException { SocketErrorCode: SocketError.TimedOut } or TimeoutException => HostKind.Hangs,
            _ => DatabaseAway.Is(e) ? HostKind.Unreachable : HostKind.Failed,
        },
    };

    private sealed class Session(NpgsqlDataSource source) : IAsyncDisposable
    {
        private NpgsqlConnection? connection;
        private long opened;
        private string sql = Sql;

        /// <summary>Asks on the connection that is kept, or on another. Never throws.</summary>
        public async Task<HostState> Ask()
        {
            try
            {
                return await AskKept() ?? await AskAnother();
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                return new HostState(KindOf(e), DatabaseAway.Reason(e));
            }
        }

        public ValueTask DisposeAsync() => connection?.DisposeAsync() ?? ValueTask.CompletedTask;

        /// <summary>Null if that session has ended, perhaps long ago: only a new one tells what the host is now.</summary>
        private async Task<HostState?> AskKept()
        {
            if (connection is not { State: System.Data.ConnectionState.Open } || Stopwatch.GetElapsedTime(opened) > Renewal)
                return null;
            try
            {
                return await Read(connection);
            }
            catch (NpgsqlException)
            {
                return null;
            }
        }

        private async Task<HostState> AskAnother()
        {
            await DisposeAsync();
            connection = null;
            connection = await source.OpenConnectionAsync();
            opened = Stopwatch.GetTimestamp();
            try
            {
                return await Read(connection);
            }
            catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InsufficientPrivilege && sql == Sql)
            {
                sql = ModestSql;
                return await Read(connection);
            }
        }

        private async Task<HostState> Read(NpgsqlConnection open)
        {
            await using var command = new NpgsqlCommand(sql, open);
            await using NpgsqlDataReader row = await command.ExecuteReaderAsync();
            await row.ReadAsync();
            HostKind kind = row.GetBoolean(0) ? HostKind.Standby : row.GetBoolean(1) ? HostKind.ReadOnly : HostKind.Primary;
            return new HostState(kind)
            {
                Lineage = new Lineage(row.GetInt64(2), row.IsDBNull(3) ? 0 : row.GetInt64(3)),
                IsSynchronous = row.GetBoolean(4),
            };
        }
    }
}
