using EventStore.Server.Tests.Fixtures;
using Npgsql;

namespace EventStore.Server.Tests.Store;

/// <summary>The mark by which servers know of each other.</summary>
[Trait("Category", "Slow")]
public sealed class Server_presence : IAsyncLifetime
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(20);
    private TestDatabase database = null!;

    public async Task InitializeAsync() => database = await TestDatabase.Create();

    public async Task DisposeAsync() => await database.DisposeAsync();

    [Fact]
    public async Task Is_set_while_a_server_serves_set_again_when_its_connection_breaks_and_gone_with_the_server()
    {
        await using ServerProcess server = await ServerProcess.Start(database.Serving);
        Assert.Equal(1, await Marks(granted: true)); // from the first moment on
        await using (var superuser = new NpgsqlConnection(await PostgresServer.ConnectionString))
        {
            await superuser.OpenAsync();
            await using var command = new NpgsqlCommand($"SELECT pg_terminate_backend({await Marker()}, 10000)", superuser);
            Assert.Equal(true, await command.ExecuteScalarAsync());
        }

        await Eventually.Equal(1, () => Marks(granted: true));
        await server.Kill();
        await Eventually.Equal(0, () => Marks(granted: true));
    }

    private Task<long> Marks(bool granted) => database.Ask<long>($"SELECT count(*) {Locks} AND l.granted = {granted}");

    private Task<int> Marker() => database.Ask<int>($"SELECT l.pid {Locks}");

    private const string Locks =
        "FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.objid = 7072";
}
