using EventStore.Server.Hosting;
using EventStore.Server.Tests.Fixtures;
using Npgsql;

namespace EventStore.Server.Tests.Store;

/// <summary>What every session is told when its connection is opened, whatever the database says.</summary>
public sealed class Session_settings : IAsyncLifetime
{
    private TestDatabase database = null!;

    public async Task InitializeAsync() => database = await TestDatabase.Create();

    public async Task DisposeAsync() => await database.DisposeAsync();

    [Theory]
    [InlineData("synchronous_commit", "on")]
    [InlineData("default_transaction_isolation", "read committed")]
    [InlineData("jit", "off")]
    [InlineData("idle_in_transaction_session_timeout", "2min")]
    [InlineData("client_min_messages", "warning")]
    [InlineData("tcp_keepalives_idle", "5")]
    [InlineData("tcp_keepalives_interval", "1")]
    [InlineData("tcp_keepalives_count", "5")]
    [InlineData("tcp_user_timeout", "10000")]
    public async Task Hold_against_those_of_the_database(string name, string value)
    {
        string own = name switch
        {
            "synchronous_commit" => "off",
            "default_transaction_isolation" => "'serializable'",
            "jit" => "on",
            "client_min_messages" => "error",
            _ => "0",
        };
        await database.Execute($"ALTER DATABASE {new NpgsqlConnectionStringBuilder(database.Owner).Database} SET {name} = {own}");
        await using NpgsqlDataSource source = Database.Source(database.Serving, null);
        for (int i = 0; i < 2; i++) // the second time it is a connection of the pool
        {
            await using NpgsqlConnection connection = await source.OpenConnectionAsync();
            await using var command = new NpgsqlCommand($"SHOW {name}", connection);
            Assert.Equal(value, await command.ExecuteScalarAsync());
        }
    }
}
