using Npgsql;

namespace EventStore.Server.Store;

/// <summary>
/// A mark in the database that a server is at work on it: a shared advisory lock held for as long as the process serves. A rebuild asks
/// for the same lock alone, and so refuses while a server runs.
/// </summary>
/// <remarks>The lock is on a connection of its own; when that breaks, the mark is set again on a new one.</remarks>
public sealed partial class ServingMark(NpgsqlDataSource database, ILogger<ServingMark> log) : BackgroundService
{
    private const long Lock = 7072;
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>Takes the lock alone for the rest of the connection's life; false when somebody serves.</summary>
    public static async Task<bool> TryAlone(NpgsqlConnection connection, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand($"SELECT pg_try_advisory_lock({Lock})", connection);
        return (bool)(await command.ExecuteScalarAsync(stop))!;
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await using NpgsqlConnection connection = await database.OpenConnectionAsync(stoppingToken);
                await using var command = new NpgsqlCommand($"SELECT pg_advisory_lock_shared({Lock})", connection) { CommandTimeout = 0 };
                await command.ExecuteNonQueryAsync(stoppingToken);
                await connection.WaitAsync(stoppingToken); // ends when the connection breaks
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return; // the host would log it as a failure when the server stops before it has started, as where its port is taken
            }
            catch (Exception e) when (e is NpgsqlException or System.Net.Sockets.SocketException or TimeoutException)
            {
                LogLost(e.Message);
                await Task.Delay(Pause, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    [LoggerMessage(LogLevel.Warning, "The mark that this server is running was lost with its connection: {Reason}")]
    private partial void LogLost(string reason);
}
