using EventStore.Server.Store;
using Npgsql;

namespace EventStore.Server.Cli;

/// <summary><c>rebuild</c>: the current jobs anew from the events.</summary>
internal static class Rebuild
{
    public static async Task<int> Run(CommandLine line)
    {
        await using Terminal terminal = Terminal.Open(line);
        await using Database database = await Database.Open(terminal.Settings, terminal.Log, terminal.Stop);
        await using NpgsqlConnection owner = new(database.RequireOwner("rebuild"));
        await owner.OpenAsync(terminal.Stop);
        if (!await ServingMark.TryAlone(owner, terminal.Stop))
        {
            throw new OperatorException(
                "a server is running on this database, and a rebuild would make its writes wait",
                "Stop every server of this database, then rebuild.");
        }

        try
        {
            long jobs = await Rebuilding.Run(owner, terminal.Progress("rebuilding"), terminal.Stop);
            terminal.Done($"rebuilt {jobs} jobs, deleted ones included");
            return 0;
        }
        catch (FormatException e)
        {
            throw new OperatorException($"the events cannot be read: {e.Message}; nothing was changed", "Run 'verify' for everything that is wrong.");
        }
    }
}
