using EventStore.Server.Store;
using Npgsql;

namespace EventStore.Server.Cli;

/// <summary><c>verify</c>: does every current job agree with its events? The exit code is the verdict.</summary>
internal static class Verify
{
    private const int ShownMax = 20;

    public static async Task<int> Run(CommandLine line)
    {
        await using Terminal terminal = Terminal.Open(line);
        await using Database database = await Database.Open(terminal.Settings, terminal.Log, terminal.Stop);
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(database.ServingConnectionString);
        long differences = 0;
        long events = await Verification.Run(source, difference =>
        {
            if (++differences <= ShownMax)
                Terminal.Say(difference);
        }, terminal.Progress("verifying"), terminal.Stop);
        terminal.Done(differences == 0
            ? $"{events} events verified: every current job is what its events give"
            : $"{events} events verified: {differences} differences{(differences > ShownMax ? $", the first {ShownMax} shown" : string.Empty)}");
        return differences == 0 ? 0 : 1;
    }
}
