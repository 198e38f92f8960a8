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
            (long events, Checkpoint end) = await Into(asked["out"], to => VerbRun.WithProgress(
                "exporting", progress => Write(ExportReads.Read(source, range, progress, run.Stop), isOurs, to, run.Stop)));
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

    /// <summary>
    /// Writes to standard output, or into a file: beside it first, readable by its owner alone, and renamed once all of it is on disk, so
    /// that an export which breaks off leaves the one before it. A link, a device or a pipe is written to as it is.
    /// </summary>
    private static async Task<T> Into<T>(string? file, Func<BufferedStream, Task<T>> write)
    {
        if (file is null)
            return await To(Console.OpenStandardOutput());
        var present = new FileInfo(file);
        if (present is { Exists: true, LinkTarget: not null } or { Exists: true, Length: 0 })
            return await To(File.Create(file));
        string beside = file + ".new";
        try
        {
            FileStream made = PrivateFile.Create(beside);
            T written = await To(made, () => made.Flush(flushToDisk: true));
            if (present.Exists && !OperatingSystem.IsWindows())
                File.SetUnixFileMode(beside, present.UnixFileMode);
            File.Move(beside, file, overwrite: true);
            return written;
        }
        catch
        {
            File.Delete(beside);
            throw;
        }

        async Task<T> To(Stream to, Action? flushed = null)
        {
            await using var buffered = new BufferedStream(to, BufferBytes);
            T written = await write(buffered);
            flushed?.Invoke();
            return written;
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
