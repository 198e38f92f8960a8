using EventStore.Server.Postgres;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace EventStore.Server.Tests.Fixtures;

/// <summary>
/// A database of one test class's own on the run's PostgreSQL, migrated by the product, with an owner and a serving role as in
/// production: the serving role may read, and append through the function, and nothing else.
/// </summary>
public sealed class TestDatabase : IAsyncDisposable
{
    private const string Password = "only-for-tests";
    private const string TemplateName = "t_migrated";
    private const string TemplateOwner = "t_migrated_owner";

    // As migrations/V0019 has it. With that of the template a copy would be a backup that was restored, and begin another epoch.
    private const string FirstEpoch = """
        INSERT INTO eventstore.epoch (number, revision, floor, system, timeline, database, began, hash)
        SELECT 1, 1, 1, here.system, here.timeline, here.database, clock_timestamp(), decode(repeat('00', 32), 'hex')
          FROM eventstore.epoch_here_1() here
        """;

    private readonly string superuser;
    private readonly string name;

    private TestDatabase(string superuser, string name)
    {
        // Without a pool: a test may restart the server under a connection that waits in one.
        (this.superuser, this.name) = (new NpgsqlConnectionStringBuilder(superuser) { Pooling = false }.ConnectionString, name);
        Owner = ConnectionString(name + "_owner");
        Serving = ConnectionString(name + "_serving");
        Source = NpgsqlDataSource.Create(Serving);
        OwnerSource = NpgsqlDataSource.Create(Owner);
    }

    /// <summary>The owner's connection string.</summary>
    public string Owner { get; }

    /// <summary>The serving role's connection string: what every server of a test gets.</summary>
    public string Serving { get; }

    /// <summary>The name of the serving role.</summary>
    public string ServingRoleName => name + "_serving";

    /// <summary>Connections of the serving role.</summary>
    public NpgsqlDataSource Source { get; }

    /// <summary>Connections of the owner, for tampering and looking.</summary>
    public NpgsqlDataSource OwnerSource { get; }

    /// <summary>Makes a database and migrates it.</summary>
    /// <param name="superuser">The server to make it on, as its superuser; null for the run's.</param>
    public static async Task<TestDatabase> Create(string? superuser = null)
    {
        TestDatabase database;
        if (superuser is null && PostgresServer.IsThrowaway)
        {
            database = await CreateEmpty(null, $"TEMPLATE {await Template.Value}");
            await database.AsSuperuser($"REASSIGN OWNED BY {TemplateOwner} TO {database.name}_owner");
            await database.AsSuperuser(FirstEpoch);
        }
        else
        {
            database = await CreateEmpty(superuser);
            await Migrations.Apply(database.Owner, NullLogger.Instance);
        }

        await ServingRole.Grant(database.Owner, database.ServingRoleName);
        return database;
    }

    /// <summary>
    /// One that the product has migrated, on the run's server: it is copied in a tenth of a second, where the migrations take a second of
    /// the processor's time, several hundred times a run. It belongs to the superuser, or REASSIGN OWNED would give it away too.
    /// </summary>
    private static readonly Lazy<Task<string>> Template = new(async () =>
    {
        await using var connection = new NpgsqlConnection(await PostgresServer.ConnectionString);
        await connection.OpenAsync();
        foreach (string sql in (string[])
        [
            $"CREATE ROLE {TemplateOwner} LOGIN PASSWORD '{Password}'",
            $"CREATE DATABASE {TemplateName}",
            $"GRANT ALL ON DATABASE {TemplateName} TO {TemplateOwner}",
        ])
        {
            await using var command = new NpgsqlCommand(sql, connection);
            await command.ExecuteNonQueryAsync();
        }

        string template = new NpgsqlConnectionStringBuilder(connection.ConnectionString)
        {
            Database = TemplateName,
            Username = TemplateOwner,
            Password = Password,
            Pooling = false, // whoever is connected to it keeps it from being copied
        }.ConnectionString;
        await Migrations.Apply(template, NullLogger.Instance);
        await using var migrated = new NpgsqlConnection(template);
        await migrated.OpenAsync();
        foreach (string sql in (string[])["DELETE FROM eventstore.epoch", "VACUUM eventstore.epoch"])
        {
            await using var command = new NpgsqlCommand(sql, migrated);
            await command.ExecuteNonQueryAsync();
        }

        return TemplateName;
    });

    /// <summary>The same database on another server: a standby of its own, or what has become of one.</summary>
    public TestDatabase At(string superuserThere) => new(superuserThere, name);

    /// <summary>Makes a database with both roles and nothing in it.</summary>
    public static async Task<TestDatabase> CreateEmpty(string? superuser = null, string options = "")
    {
        superuser ??= await PostgresServer.ConnectionString;
        var database = new TestDatabase(superuser, "t_" + Guid.NewGuid().ToString("N")[..12]);
        await using var connection = new NpgsqlConnection(superuser);
        await connection.OpenAsync();
        foreach (string sql in (string[])
        [
            $"CREATE ROLE {database.name}_owner LOGIN PASSWORD '{Password}'",
            $"CREATE ROLE {database.name}_serving LOGIN PASSWORD '{Password}'",
            $"CREATE DATABASE {database.name} OWNER {database.name}_owner {options}",
        ])
        {
            await using var command = new NpgsqlCommand(sql, connection);
            await command.ExecuteNonQueryAsync();
        }

        return database;
    }

    /// <summary>Runs a statement as the owner and answers its first value.</summary>
    public async Task<T> Ask<T>(string sql)
    {
        await using NpgsqlCommand command = OwnerSource.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync())!;
    }

    /// <summary>Runs a statement as the owner.</summary>
    public async Task Execute(string sql)
    {
        await using NpgsqlCommand command = OwnerSource.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>The statement that moves the head to a revision, which may be said in terms of where it stands.</summary>
    public static string MoveHead(string revision) => $"""
        WITH old AS (DELETE FROM eventstore.head RETURNING *)
        INSERT INTO eventstore.head (revision, time, hash) SELECT {revision}, time, sha256(hash) FROM old
        """;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Source.DisposeAsync();
        await OwnerSource.DisposeAsync();
        await using var connection = new NpgsqlConnection(superuser);
        await connection.OpenAsync();
        foreach (string sql in (string[])[$"DROP DATABASE {name} WITH (FORCE)", $"DROP ROLE {name}_owner", $"DROP ROLE {name}_serving"])
        {
            await using var command = new NpgsqlCommand(sql, connection);
            await command.ExecuteNonQueryAsync();
        }
    }

    private async Task AsSuperuser(string sql)
    {
        await using var connection = new NpgsqlConnection(
            new NpgsqlConnectionStringBuilder(superuser) { Database = name }.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    private string ConnectionString(string role) => new NpgsqlConnectionStringBuilder(superuser)
    {
        Pooling = true,
        Database = name,
        Username = role,
        Password = Password,
        MaxAutoPrepare = 100,
        AutoPrepareMinUsages = 2,
        NoResetOnClose = true,
        MaxPoolSize = 20,
    }.ConnectionString;
}
