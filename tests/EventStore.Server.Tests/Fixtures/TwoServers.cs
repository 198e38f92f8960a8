namespace EventStore.Server.Tests.Fixtures;

/// <summary>Two server processes on one database, for the tests of one class; each test takes names of its own.</summary>
public sealed class TwoServers : IAsyncLifetime
{
    /// <summary>The database.</summary>
    public TestDatabase Database { get; private set; } = null!;

    /// <summary>One process.</summary>
    public ServerProcess A { get; private set; } = null!;

    /// <summary>The other.</summary>
    public ServerProcess B { get; private set; } = null!;

    /// <summary>Both, for writers to be spread over.</summary>
    public IReadOnlyList<ServerProcess> Both => [A, B];

    public async Task InitializeAsync()
    {
        Database = await TestDatabase.Create();
        ServerProcess[] servers = await Task.WhenAll(ServerProcess.Start(Database.Serving), ServerProcess.Start(Database.Serving));
        (A, B) = (servers[0], servers[1]);
    }

    public async Task DisposeAsync()
    {
        foreach (ServerProcess? server in (ServerProcess?[])[A, B])
        {
            if (server is not null)
                await server.DisposeAsync();
        }

        await Database.DisposeAsync();
    }
}
