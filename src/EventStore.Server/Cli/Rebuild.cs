using EventStore.Server.Hosting;
using EventStore.Server.Store.Activities;
using EventStore.Server.Store.Proof;
using Npgsql;

namespace EventStore.Server.Cli;

/// <summary><c>rebuild</c>: derives current jobs, index and snapshots from the events again, while servers run.</summary>
internal static class Rebuild
{
    private const int ShownMax = 20;

    public static async Task<int> Run(VerbRun run)
    {
        await using Database database = await Database.OpenExisting(run);
        await using NpgsqlDataSource owner = database.Owner();
        long damaged = 0;
        // Each event is read twice, once for its job and once for the index, and reported once.
        Rebuilding rebuilt = await VerbRun.WithProgress(
            "rebuilding", progress => Rebuilding.Run(owner, Show, (done, total) => progress(done / 2, total / 2), run.Stop))
            ?? throw new OperatorException("another rebuild of this database is at work", "Wait until it has ended.");
        await using (NpgsqlConnection connection = await owner.OpenConnectionAsync(run.Stop))
            await ActivityOfLog.Rebuild(connection, run.Stop);
        if (rebuilt.GoesOn is { } began)
            VerbRun.Say($"went on where the rebuild of {began:yyyy-MM-ddTHH:mm:ssZ} was stopped");
        run.Done($"rebuilt: {rebuilt.Changed} rows were written, the others were right");
        if (damaged == 0)
            return 0;
        VerbRun.Say($"{damaged} {(damaged == 1 ? "event is" : "events are")} not what was written; 'verify' says which");
        return 1;

        void Show(Finding finding)
        {
            if (++damaged <= ShownMax)
                VerbRun.Say(Verify.Show(finding));
        }
    }
}
