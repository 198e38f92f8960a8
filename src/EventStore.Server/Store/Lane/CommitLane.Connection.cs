using Npgsql;

namespace EventStore.Server.Store.Lane;

/// <content>The lane's one connection, kept from batch to batch for its prepared plans.</content>
public sealed partial class CommitLane
{
    private NpgsqlConnection? connection;

    /// <summary>Connects, and answers whether the connection is one from before.</summary>
    private async Task<bool> Connect()
    {
        if (connection is { State: not System.Data.ConnectionState.Open })
            await Disconnect();
        if (connection is not null)
            return true;
        answers.Send(); // for however long it takes
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
