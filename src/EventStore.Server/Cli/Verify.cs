using EventStore.Server.Hosting;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Proof;
using Npgsql;

namespace EventStore.Server.Cli;

/// <summary><c>verify</c>: is the store what was written? The exit code is the verdict.</summary>
internal static class Verify
{
    /// <summary>How many findings are shown: the first ones in the log's order.</summary>
    private const int ShownMax = 20;

    public static async Task<int> Run(CommandLine line)
    {
        await using Terminal terminal = Terminal.Open(line);
        Checkpoint? kept = terminal.Configuration["since-checkpoint"] is { } file ? Read(file) : null;
        await using Database database = await Database.Open(terminal.Settings, terminal.Log, terminal.Stop);
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(database.ServingConnectionString);
        var first = new PriorityQueue<Finding, long>(); // the last of those shown comes out first
        long count = 0;
        (long events, long missing) = await Verification.Run(source, kept, Keep, terminal.Progress("verifying"), terminal.Stop);
        foreach (Finding finding in first.UnorderedItems.Select(item => item.Element).OrderBy(finding => finding.Revision))
            Terminal.Say(Show(finding));
        if (missing > 0)
            Terminal.Say($"{missing} {(missing == 1 ? "snapshot is" : "snapshots are")} missing, which is no damage: reading the past is slower; 'rebuild' makes them");
        terminal.Done(count == 0
            ? $"{events} events verified: the chain is whole, and everything else is what the events give{(kept is null ? string.Empty : $"; the checkpoint of revision {kept.Revision} holds")}"
            : $"{events} events verified: {count} {(count == 1 ? "difference" : "differences")}{(count > ShownMax ? $", the first {ShownMax} shown" : string.Empty)}");
        return count == 0 ? 0 : 1;

        void Keep(Finding finding)
        {
            count++;
            first.Enqueue(finding, -finding.Revision);
            if (first.Count > ShownMax)
                first.Dequeue();
        }
    }

    /// <summary>A finding as a line.</summary>
    public static string Show(Finding finding) =>
        finding.Revision == Finding.Nowhere ? finding.What : $"revision {finding.Revision}: {finding.What}";

    private static Checkpoint Read(string file)
    {
        try
        {
            return Checkpoint.Parse(File.ReadAllBytes(file));
        }
        catch (Exception e) when (e is FormatException or IOException or UnauthorizedAccessException)
        {
            throw new OperatorException($"{file} is no checkpoint: {e.Message}", "Name a file that holds what GET /apis/audit.eventstore.io/v1/checkpoint answered.");
        }
    }
}
