namespace EventStore.Server.Tests.Fixtures;

/// <summary>A migrated database and one server process on it, for the tests of one class.</summary>
public sealed class ServedDatabase : IAsyncLifetime
{
    /// <summary>The database.</summary>
    public TestDatabase Database { get; private set; } = null!;

    /// <summary>The server.</summary>
    public ServerProcess Server { get; private set; } = null!;

    /// <summary>How many events there are of a job of that name.</summary>
    public Task<long> Events(string name) => Database.Ask<long>(
        $"SELECT count(*) FROM eventstore.mt_events e JOIN eventstore.mt_doc_current_job j ON j.id = e.stream_id WHERE j.name = '{name}'");

    /// <inheritdoc/>
    public async Task InitializeAsync()
    {
        Database = await TestDatabase.Create();
        Server = await ServerProcess.Start(Database.Serving);
    }

    /// <inheritdoc/>
    public async Task DisposeAsync()
    {
        await Server.DisposeAsync();
        await Database.DisposeAsync();
    }
}
