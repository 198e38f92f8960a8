namespace EventStore.Server.Tests.Fixtures;

/// <summary>Two PostgreSQL of a test class's own: a primary, and a standby that lets replay cancel what it is asked.</summary>
public sealed class PrimaryAndStandby : IAsyncLifetime
{
    internal OwnCluster Primary { get; private set; } = null!;

    internal OwnCluster Standby { get; private set; } = null!;

    public async Task InitializeAsync()
    {
        Primary = await OwnCluster.Start();
        Standby = await Primary.StartStandby("-c max_standby_streaming_delay=0");
    }

    public async Task DisposeAsync()
    {
        await Standby.DisposeAsync();
        await Primary.DisposeAsync();
    }
}
