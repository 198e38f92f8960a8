using EventStore.Server.Store.Format;
using Npgsql;

namespace EventStore.Server.Tests.Fixtures;

/// <summary>
/// Holds the lock every commit takes first, so that a test can arrange what meets whom: as long as it is held nothing is
/// committed, and whoever waits for it is seen waiting.
/// </summary>
public sealed class CommitLock : IAsyncDisposable
{

    private readonly TestDatabase database;
    private readonly NpgsqlConnection connection;

    private CommitLock(TestDatabase database, NpgsqlConnection connection) => (this.database, this.connection) = (database, connection);

    /// <summary>Takes the lock.</summary>
    public static async Task<CommitLock> Hold(TestDatabase database)
    {
        // Without a pool: closing the connection is what gives the lock back.
        var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(database.Owner) { Pooling = false }.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand($"BEGIN; {DatabaseNames.TakeCommitLock}", connection);
        await command.ExecuteNonQueryAsync();
        return new CommitLock(database, connection);
    }

    /// <summary>Waits until so many batches wait for the lock.</summary>
    public Task WaitForWaiting(int batches) =>
        Eventually.Holds(
            Waiting, waiting => waiting >= batches, $"{batches} batches that wait for the lock", within: TimeSpan.FromMinutes(5));

    /// <summary>Gives the lock back.</summary>
    public ValueTask DisposeAsync() => connection.DisposeAsync();

    private Task<long> Waiting() => database.Ask<long>("""
        SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
         WHERE d.datname = current_database() AND l.relation = 'eventstore.commit_lock'::regclass AND NOT l.granted
        """);
}
