using Npgsql;

namespace EventStore.Server.Store;

/// <content>The one connection the lane writes through.</content>
public sealed partial class CommitLane
{
    /// <summary>Connects, and answers whether the connection is one from before.</summary>
    private async Task<bool> Connect()
    {
        if (connection is { State: not System.Data.ConnectionState.Open })
            await Disconnect();
        if (connection is not null)
            return true;
        connection = await database.OpenConnectionAsync();
        return false;
    }

    private async Task Disconnect()
    {
        (NpgsqlConnection? left, connection) = (connection, null);
        try
        {
            if (left is not null)
                await left.DisposeAsync();
        }
        catch (Exception e)
        {
            LogNotClosed(e.Message); // it was broken; a new one takes its place
        }
    }
}
