using System.Globalization;
using EventStore.Domain.History;
using EventStore.Domain.Json;
using EventStore.Server.Hosting;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Proof;
using Npgsql;

namespace EventStore.Server.Cli;

/// <summary><c>verify</c>: proves that the store is what was written. The exit code is the verdict.</summary>
internal static class Verify
{
    /// <summary>How many findings are shown: the first ones in the log's order.</summary>
    private const int ShownMax = 20;

    public static async Task<int> Run(VerbRun run)
    {
        Checkpoint? kept = run.Configuration["since-checkpoint"] is { } file ? Read(file) : null;
        await using Database database = await Database.OpenExisting(run);
        await using NpgsqlDataSource source = database.Serving();
        var first = new PriorityQueue<Finding, long>(); // a max-heap of the first differences by revision
        long count = 0;
        Verified verified = await VerbRun.WithProgress(
            "verifying", progress => Verification.Run(source, kept, Keep, progress, run.Stop));
        foreach (Finding finding in first.UnorderedItems.Select(item => item.Element).OrderBy(finding => finding.Revision))
            VerbRun.Say(Show(finding));
        (long events, long missing) = verified;
        foreach (Epoch epoch in verified.Epochs)
            VerbRun.Say(Show(epoch));
        if (missing > 0)
        {
            string snapshots = missing == 1 ? "snapshot is" : "snapshots are";
            VerbRun.Say($"{missing} {snapshots} missing, which is no damage: reading the past is slower; 'rebuild' makes them");
        }

        string holds = kept is null ? string.Empty : $"; the checkpoint of revision {kept.Revision} holds";
        string shown = count > ShownMax ? $", the first {ShownMax} shown" : string.Empty;
        run.Done(count == 0
            ? $"{events} events verified: the chain is whole, and everything else is what the events give{holds}"
            : $"{events} events verified: {count} {(count == 1 ? "difference" : "differences")}{shown}");
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

    private static string Show(Epoch epoch) =>
        string.Create(CultureInfo.InvariantCulture, $"epoch {epoch.Number} began at {Rfc3339.Of(epoch.Began)} ")
        + string.Create(CultureInfo.InvariantCulture, $"behind revision {epoch.Revision}, its revisions are above {epoch.Floor}: ")
        + (epoch.Loss ?? "no revision is known to be lost with it");

    private static Checkpoint Read(string file)
    {
        try
        {
            return Checkpoint.Parse(File.ReadAllBytes(file));
        }
        catch (Exception e) when (e is FormatException or IOException or UnauthorizedAccessException)
        {
            throw new OperatorException(
                $"{file} is no checkpoint: {e.Message}",
                "Name a file that holds what GET /apis/audit.eventstore.io/v1/checkpoint answered.");
        }
    }
}
