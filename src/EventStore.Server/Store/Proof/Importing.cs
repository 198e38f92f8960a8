using EventStore.Domain.History;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Reads;
using Npgsql;
using NpgsqlTypes;

namespace EventStore.Server.Store.Proof;

/// <summary>
/// Imports an exported history into an empty store: the same revisions, times and hashes, and everything derived from the events.
/// It is one transaction: after a failure the store is still empty.
/// </summary>
public sealed class Importing
{
    private const string CopySql = """
        COPY imported (seq_id, id, stream_id, version, data, type, class, time, user_name, headers, request, hash, paths)
        FROM STDIN (FORMAT binary)
        """;

    private const string EventsSql = """
        INSERT INTO eventstore.mt_streams (id, version, timestamp, created)
        SELECT stream_id, max(version), max(time), min(time) FROM imported GROUP BY stream_id;
        INSERT INTO eventstore.mt_events
               (seq_id, id, stream_id, version, data, type, mt_dotnet_type, timestamp, user_name, headers, correlation_id)
        SELECT seq_id, id, stream_id, version, data, type, class, time, user_name, headers, request FROM imported ORDER BY seq_id;
        DELETE FROM eventstore.head;
        INSERT INTO eventstore.head (revision, time, hash) SELECT seq_id, time, hash FROM imported ORDER BY seq_id DESC LIMIT 1;
        """;

    private const string IndexSql = """
        INSERT INTO eventstore.revision (revision, namespace, job, type, user_name, hash, reason)
        SELECT i.seq_id, j.namespace, j.name, i.type, i.user_name, i.hash, i.headers ->> 'reason'
          FROM imported i JOIN eventstore.mt_doc_current_job j ON j.id = i.stream_id ORDER BY i.seq_id;
        INSERT INTO eventstore.revision_path (path, revision)
        SELECT p.path, i.seq_id FROM imported i, unnest(i.paths) p (path);
        """;

    private const string EpochSql = """
        INSERT INTO eventstore.epoch (number, revision, floor, system, timeline, database, lost_from, lost_to, began, hash)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, timestamptz 'epoch' + $9 * interval '1 microsecond', $10)
        """;

    // The clients of the store that was exported may hold later revisions: the first server begins another epoch, because the last one was
    // served elsewhere. Where it was served in this very database, before that was emptied, it begins here.
    private const string ElsewhereSql = "UPDATE eventstore.epoch SET database = 0 WHERE number = 1 AND revision = 1";

    private const string HereSql = """
        SELECT eventstore.epoch_add_1() FROM eventstore.epoch_here_1() h
          JOIN (SELECT * FROM eventstore.epoch ORDER BY number DESC LIMIT 1) e
            ON (e.system, e.timeline, e.database) = (h.system, h.timeline, h.database)
        """;

    private readonly List<HistoryEpoch> epochs = [];
    private readonly NpgsqlConnection owner;
    private readonly CancellationToken stop;

    private Importing(NpgsqlConnection owner, CancellationToken stop) => (this.owner, this.stop) = (owner, stop);

    /// <summary>Imports, and returns the checkpoint of the last event.</summary>
    /// <param name="owner">A connection of the owner's.</param>
    /// <param name="lines">The file's lines.</param>
    /// <param name="progress">Called with the events folded and the events in all.</param>
    /// <param name="stop">Cancels the import; then nothing is changed.</param>
    /// <exception cref="FormatException">The store is not empty, or the file is not a whole history from the first revision on.</exception>
    public static async Task<(Checkpoint End, long Events)> Run(
        NpgsqlConnection owner, IAsyncEnumerable<string> lines, Action<long, long> progress, CancellationToken stop)
    {
        await using NpgsqlTransaction transaction = await owner.BeginTransactionAsync(System.Data.IsolationLevel.ReadCommitted, stop);
        await owner.Run(DatabaseNames.TakeCommitLock, stop);
        if (await owner.Ask("SELECT EXISTS (SELECT FROM eventstore.mt_events) OR (SELECT revision FROM eventstore.head) <> 1",
            stop) is true)
            throw new FormatException("the store is not empty");
        var import = new Importing(owner, stop);
        (Checkpoint end, long events) = await import.Copy(lines);
        if (events > 0)
            await import.Finish(end, events, progress);
        await transaction.CommitAsync(stop);
        return (end, events);
    }

    private async Task<(Checkpoint End, long Events)> Copy(IAsyncEnumerable<string> lines)
    {
        await owner.Run(
            """
            CREATE TEMP TABLE imported (
                seq_id bigint, id uuid, stream_id uuid, version bigint, data jsonb, type text, class text, time timestamptz,
                user_name text, headers jsonb, request text, hash bytea, paths text[]) ON COMMIT DROP
            """,
            stop);
        await using NpgsqlBinaryImporter copy = await owner.BeginBinaryImportAsync(CopySql, stop);
        (byte[] before, long number, long revision, DateTime time) = (Chain.Beginning.ToArray(), 0, 1, DateTime.MinValue);
        long floor = 0;
        bool whole = false;
        await foreach (string line in lines.WithCancellation(stop))
        {
            number++;
            HistoryEntry? entry = whole ? throw Wrong(number, "there is something behind the last line") : Parse(line, number);
            if (entry is HistoryEpoch begun)
            {
                Keep(begun, before, revision, number);
                (before, floor) = (begun.Hash, begun.Epoch.Floor);
                continue;
            }

            if (entry is not HistoryEvent happened)
            {
                var expected = new Checkpoint(revision, Convert.ToHexStringLower(before));
                whole = Checkpoint.Parse(System.Text.Encoding.UTF8.GetBytes(line)) == expected
                    ? true
                    : throw Wrong(number, "the chain does not end where the last line says");
                continue;
            }

            if (happened.Link.Revision <= Math.Max(revision, floor) || happened.Time < time
                || !happened.Before.AsSpan().SequenceEqual(before))
                throw Wrong(
                    number, $"revision {happened.Link.Revision} does not follow from the line before: lines are missing, or were moved");
            if (!Chain.Hash(before, happened.Link).AsSpan().SequenceEqual(happened.Hash))
                throw Wrong(number, $"revision {happened.Link.Revision} is not what its hash says: it was edited");
            (before, revision, time) = (happened.Hash, happened.Link.Revision, happened.Time);
            await Write(copy, happened, number);
        }

        if (!whole)
            throw new FormatException($"the file was cut off: line {number} is not the checkpoint an export ends in");
        await copy.CompleteAsync(stop);
        return (new Checkpoint(revision, Convert.ToHexStringLower(before)), number - 1 - epochs.Count);
    }

    private void Keep(HistoryEpoch begun, byte[] before, long revision, long line)
    {
        Epoch epoch = begun.Epoch;
        if (epoch.Revision != revision || epoch.Number <= (epochs.LastOrDefault()?.Epoch.Number ?? 0)
            || !begun.Before.AsSpan().SequenceEqual(before))
            throw Wrong(line, $"epoch {epoch.Number} does not follow from the line before: lines are missing, or were moved");
        if (!Chain.Hash(before, epoch).AsSpan().SequenceEqual(begun.Hash))
            throw Wrong(line, $"epoch {epoch.Number} is not what its hash says: it was edited");
        epochs.Add(begun);
    }

    private async Task WriteEpochs(byte[] head)
    {
        await owner.Run(epochs.Count > 0 ? "DELETE FROM eventstore.epoch" : ElsewhereSql, stop);
        foreach ((Epoch epoch, _, byte[] hash) in epochs)
        {
            await using var command = new NpgsqlCommand(EpochSql, owner);
            foreach (long? value in (long?[])
                [
                    epoch.Number, epoch.Revision, epoch.Floor, epoch.System, epoch.Timeline, epoch.Database, epoch.LostFrom, epoch.LostTo,
                    epoch.TimeMicroseconds,
                ])
                command.Parameters.Add(new NpgsqlParameter<long?> { TypedValue = value, NpgsqlDbType = NpgsqlDbType.Bigint });
            command.Parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = hash });
            await command.ExecuteNonQueryAsync(stop);
        }

        await using var heads = new NpgsqlCommand("UPDATE eventstore.head SET hash = $1", owner);
        heads.Parameters.Add(new NpgsqlParameter<byte[]> { TypedValue = head });
        await heads.ExecuteNonQueryAsync(stop);
    }

    private async Task Finish(Checkpoint end, long events, Action<long, long> progress)
    {
        await owner.Run(EventsSql, stop);
        (JobFixes batch, long done) = (new JobFixes(), 0L);
        await foreach (ReplayedStream stream in EventLog.Fold(owner, new StreamRange(), _ => { }, stop))
        {
            batch.Add(stream.Row is null ? throw new FormatException($"{stream.Uid}: {stream.Problem}") : stream, isWrong: true);
            progress(done += stream.Events, events);
            if (batch.IsMany)
                await Flush();
        }

        await Flush();
        await owner.Run(IndexSql, stop);
        await WriteEpochs(Convert.FromHexString(end.Hash));
        await RequireChain(end);
        await owner.Ask($"SELECT setval('eventstore.mt_events_sequence', {end.Revision})", stop); // last: a rollback does not undo it
        await owner.Ask(HereSql, stop);

        async Task Flush()
        {
            await DerivedRows.WriteJobs(owner, batch.Jobs, stop);
            await DerivedRows.WriteSnapshots(owner, batch.MissingSnapshots, stop);
            batch = new JobFixes();
        }
    }

    /// <summary>
    /// Recomputes the hashes from what the database stored: jsonb may normalize a text, which would then differ from what was hashed.
    /// </summary>
    private async Task RequireChain(Checkpoint end)
    {
        var walk = new IndexWalk(await ChainRows.Keys(owner, stop), Refuse, _ => { });
        await foreach ((long _, bool _) in walk.Follow(owner, 0, Chain.Beginning.ToArray(), Convert.FromHexString(end.Hash), stop))
        {
            // Everything that is wrong is thrown.
        }

        static void Refuse(Finding finding) =>
            throw new FormatException($"revision {finding.Revision} cannot be stored as it was written: {finding.What}");
    }

    private static HistoryEntry? Parse(string line, long number)
    {
        try
        {
            return HistoryLine.Read(line);
        }
        catch (FormatException e)
        {
            throw Wrong(number, e.Message);
        }
    }

    private async Task Write(NpgsqlBinaryImporter copy, HistoryEvent happened, long number)
    {
        Link link = happened.Link;
        if (!EventCodec.Knows(link.Type))
            throw Wrong(number, $"this release knows no event named {link.Type}");
        await copy.StartRowAsync(stop);
        await copy.WriteAsync(link.Revision, NpgsqlDbType.Bigint, stop);
        await copy.WriteAsync(happened.Id, NpgsqlDbType.Uuid, stop);
        await copy.WriteAsync(link.Uid, NpgsqlDbType.Uuid, stop);
        await copy.WriteAsync(link.Version, NpgsqlDbType.Bigint, stop);
        await copy.WriteAsync(link.Data.ToArray(), NpgsqlDbType.Jsonb, stop);
        await copy.WriteAsync(link.Type, NpgsqlDbType.Text, stop);
        await copy.WriteNullAsync(stop); // the class: Marten finds it by the stored name
        await copy.WriteAsync(happened.Time, NpgsqlDbType.TimestampTz, stop);
        await copy.WriteAsync(link.User, NpgsqlDbType.Text, stop);
        await copy.WriteAsync(EventCodec.Headers(link), NpgsqlDbType.Jsonb, stop);
        await copy.WriteAsync(link.RequestId, NpgsqlDbType.Text, stop);
        await copy.WriteAsync(happened.Hash, NpgsqlDbType.Bytea, stop);
        await copy.WriteAsync(Paths(link, number), NpgsqlDbType.Array | NpgsqlDbType.Text, stop);
    }

    private static string[] Paths(Link link, long number)
    {
        try
        {
            return [.. ChangedPaths.Of(EventCodec.Read(link.Type, System.Text.Encoding.UTF8.GetString(link.Data.Span)))];
        }
        catch (Exception e) when (e is System.Text.Json.JsonException or FormatException or ArgumentException)
        {
            throw Wrong(number, $"the event of revision {link.Revision} cannot be read: {e.Message.ReplaceLineEndings(" ")}");
        }
    }

    private static FormatException Wrong(long line, string what) => new($"line {line}: {what}");
}
