using EventStore.Domain.History;
using EventStore.Server.Hosting;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Proof;
using Npgsql;

namespace EventStore.Server.Cli;

/// <summary><c>export</c>: the history as lines, to standard output or into a file.</summary>
internal static class Export
{
    private const int BufferBytes = 128 * 1024;

    public static async Task<int> Run(VerbRun run)
    {
        IConfiguration asked = run.Configuration;
        var range = new HistoryRange(asked["since"], asked["until"]);
        bool isOurs = asked["format"] switch
        {
            null or "ndjson" => true,
            "audit.k8s.io" => false,
            var other => throw new OperatorException($"there is no format '{other}'", "Choose ndjson or audit.k8s.io."),
        };
        try
        {
            _ = range.Where; // a range that cannot be read is refused before anything is started
            await using Database database = await Database.OpenExisting(run);
            await using NpgsqlDataSource source = database.Serving(mayReadOnly: true);
            await using Stream to = asked["out"] is { } file ? File.Create(file) : Console.OpenStandardOutput();
            await using var buffered = new BufferedStream(to, BufferBytes);
            (long events, Checkpoint end) = await VerbRun.WithProgress(
                "exporting", progress => Write(ExportReads.Read(source, range, progress, run.Stop), isOurs, buffered, run.Stop));
            run.Done($"{events} {(events == 1 ? "event" : "events")} exported; the chain ends at {end}", Console.Error);
            return 0;
        }
        catch (FormatException e)
        {
            throw new OperatorException(e.Message, "'export --help' says what can be asked for, 'verify' whether the store is whole.");
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.SerializationFailure)
        {
            throw new OperatorException(
                "a standby stopped the reading, because it kept replay from going on",
                "Begin again: on a standby whose max_standby_streaming_delay is longer than the export takes, or on the primary.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new OperatorException($"cannot write: {e.Message}", "What was written so far is not the whole history.");
        }
    }

    private static async Task<(long Events, Checkpoint End)> Write(
        IAsyncEnumerable<HistoryEntry> history, bool isOurs, BufferedStream to, CancellationToken stop)
    {
        (long events, var end) = (0L, new Checkpoint(1, Convert.ToHexStringLower(Chain.Beginning)));
        await foreach (HistoryEntry entry in history.WithCancellation(stop))
        {
            if (entry is not HistoryEvent happened)
            {
                if (!isOurs || entry is not HistoryEpoch begun)
                    continue;
                HistoryLine.Write(to, begun);
                to.WriteByte((byte)'\n');
                end = end with { Hash = Convert.ToHexStringLower(begun.Hash) };
                continue;
            }

            if (isOurs)
                HistoryLine.Write(to, happened);
            else
                AuditLine.Write(to, happened);
            to.WriteByte((byte)'\n');
            (events, end) = (events + 1, new Checkpoint(happened.Link.Revision, Convert.ToHexStringLower(happened.Hash)));
        }

        if (isOurs)
        {
            HistoryLine.Write(to, end, events);
            to.WriteByte((byte)'\n');
        }

        await to.FlushAsync(stop);
        return (events, end);
    }
}
