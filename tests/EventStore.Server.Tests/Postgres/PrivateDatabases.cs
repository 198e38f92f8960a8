using EventStore.Server.Postgres;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace EventStore.Server.Tests.Postgres;

/// <summary>One private PostgreSQL for a class of tests, and a database of its own for each of them.</summary>
public sealed class PrivateDatabases : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("es-").FullName;
    private EmbeddedPostgres? _postgres;
    private string? _shared;
    private int _count;

    public async Task InitializeAsync() => _postgres = await EmbeddedPostgres.Start(_folder, NullLogger.Instance, CancellationToken.None);

    public async Task DisposeAsync()
    {
        await _postgres!.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>A new, empty database, as its owner.</summary>
    public async Task<string> Fresh()
    {
        var name = $"fresh{Interlocked.Increment(ref _count)}";
        await Execute(As(_postgres!.OwnerConnectionString, "postgres"), $"CREATE DATABASE {name} OWNER eventstore_owner");
        return new NpgsqlConnectionStringBuilder(_postgres.OwnerConnectionString) { Database = name, Pooling = false }.ConnectionString;
    }

    /// <summary>
    /// Always the same database, without the store's schema: a new one costs more than most of these tests,
    /// and the tests of a class run one after the other.
    /// </summary>
    public async Task<string> Cleared()
    {
        _shared ??= await Fresh();
        await Execute(_shared, "DROP SCHEMA IF EXISTS eventstore CASCADE");
        return _shared;
    }

    /// <summary>The same database as another role.</summary>
    public static string As(string connectionString, string role) =>
        new NpgsqlConnectionStringBuilder(connectionString) { Username = role, Pooling = false }.ConnectionString;

    public static async Task<object?> Execute(string connectionString, string sql)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync();
    }
}
