using EventStore.Server.Hosting;
using EventStore.Server.Store.Proof;
using Npgsql;

namespace EventStore.Server.Cli;

/// <summary><c>rebuild</c>: everything that is made of the events, made anew, while servers run.</summary>
internal static class Rebuild
{
    private const int ShownMax = 20;

    public static async Task<int> Run(CommandLine line)
    {
        await using Terminal terminal = Terminal.Open(line);
        await using Database database = await Database.Open(terminal.Settings, terminal.Log, terminal.Stop);
        await using NpgsqlDataSource owner = NpgsqlDataSource.Create(database.RequireOwner("rebuild"));
        long damaged = 0;
        Rebuilding rebuilt = await Rebuilding.Run(owner, Tell, terminal.Progress("rebuilding"), terminal.Stop) ?? throw new OperatorException(
            "another rebuild of this database is at work", "Wait until it has ended.");
        if (rebuilt.GoesOn is { } began)
            Terminal.Say($"went on where the rebuild of {began:yyyy-MM-ddTHH:mm:ssZ} was stopped");
        terminal.Done($"rebuilt: {rebuilt.Changed} rows were written, the others were right");
        if (damaged == 0)
            return 0;
        Terminal.Say($"{damaged} {(damaged == 1 ? "event is" : "events are")} not what was written; 'verify' says which");
        return 1;

        void Tell(Finding finding)
        {
            if (++damaged <= ShownMax)
                Terminal.Say(Verify.Show(finding));
        }
    }
}
