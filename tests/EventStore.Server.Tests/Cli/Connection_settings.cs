using System.Net;
using System.Net.Sockets;
using EventStore.Server.Hosting;
using EventStore.Server.Tests.Fixtures;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace EventStore.Server.Tests.Cli;

/// <summary>What the server sets on its connections, to the database and to clients.</summary>
public sealed class Connection_settings
{
    [Fact]
    public async Task To_the_database_are_set_by_a_statement_because_poolers_drop_startup_options()
    {
        await using TestDatabase named = await TestDatabase.Create();
        await named.Execute($"ALTER ROLE CURRENT_USER SET synchronous_commit = off");
        await named.Execute($"ALTER ROLE CURRENT_USER SET default_transaction_isolation = 'serializable'");
        var given = new Dictionary<string, string?>
        {
            ["ConnectionStrings:Postgres"] = named.Serving,
            ["ConnectionStrings:PostgresOwner"] = named.Owner,
        };
        Settings settings = Settings.Read(new ConfigurationBuilder().AddInMemoryCollection(given).Build());
        await using Database database = await Database.Open(settings, NullLogger.Instance, CancellationToken.None);

        Assert.Null(new NpgsqlConnectionStringBuilder(database.ServingConnectionString).Options);
        await using NpgsqlDataSource owner = database.Owner();
        await using NpgsqlCommand asked = owner.CreateCommand(
            "SELECT concat_ws(',', current_setting('synchronous_commit'), current_setting('transaction_isolation'), current_setting('jit'))");
        Assert.Equal("on,read committed,off", await asked.ExecuteScalarAsync());
    }

    [Fact]
    public async Task Of_clients_are_probed_by_TCP_keepalive()
    {
        using Socket listening = Addresses.Listen(new IPEndPoint(IPAddress.Loopback, 0));
        listening.Listen();
        using var client = new TcpClient();
        await client.ConnectAsync((IPEndPoint)listening.LocalEndPoint!);
        using Socket accepted = await listening.AcceptAsync();
        Assert.NotEqual(0, (int)accepted.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive)!);
        Assert.Equal(60, (int)accepted.GetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime)!);
    }
}
