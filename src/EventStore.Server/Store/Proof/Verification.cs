using System.Data;
using EventStore.Domain.History;
using EventStore.Server.Store.Activities;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Reads;
using Npgsql;

namespace EventStore.Server.Store.Proof;

/// <summary>The result of a verification.</summary>
/// <param name="Events">The number of events.</param>
/// <param name="MissingSnapshots">
/// How many snapshots are missing where the append function leaves one. That is no damage, because snapshots only make the past
/// faster to read: a database from before there were any (migrations/V0004) has none.
/// </param>
public sealed record Verified(long Events, long MissingSnapshots)
{
    /// <summary>The epochs that are linked, in order.</summary>
    public IReadOnlyList<Epoch> Epochs { get; init; } = [];
}

/// <summary>
/// Verifies the store: the hash chain from the first event to the head, everything derived from the events, and the schema with its
/// rights. It changes nothing, and trusts only the columns of <c>mt_events</c> and the stored hashes.
/// </summary>
public static class Verification
{
    private const string HeadSql = """
        SELECT h.revision, h.time, h.hash, e.seq_id, e.timestamp, coalesce(l.hash, r.hash)
          FROM (SELECT) AS one
          LEFT JOIN eventstore.head h ON true
          LEFT JOIN (SELECT seq_id, timestamp FROM eventstore.mt_events ORDER BY seq_id DESC LIMIT 1) e ON true
          LEFT JOIN (SELECT hash FROM eventstore.revision ORDER BY revision DESC LIMIT 1) r ON true
          LEFT JOIN (SELECT revision, hash FROM eventstore.epoch ORDER BY number DESC LIMIT 1) l ON l.revision >= coalesce(e.seq_id, 1)
        """;

    /// <summary>Verifies the store.</summary>
    /// <param name="database">A connection that may read.</param>
    /// <param name="kept">A checkpoint that was kept outside and must still match; or null.</param>
    /// <param name="wrong">Called for each finding, in no order, by one thread at a time.</param>
    /// <param name="progress">Called with the events done and the events in all.</param>
    /// <param name="stop">Cancels the read.</param>
    public static async Task<Verified> Run(
        NpgsqlDataSource database, Checkpoint? kept, Action<Finding> wrong, Action<long, long> progress, CancellationToken stop)
    {
        var gate = new Lock();
        // Two passes in parallel, the chain in the order of the log and the jobs by stream, over one MVCC snapshot.
        await using NpgsqlConnection chain = await database.OpenConnectionAsync(stop);
        await using NpgsqlConnection streams = await database.OpenConnectionAsync(stop);
        await using NpgsqlTransaction transaction = await chain.BeginTransactionAsync(IsolationLevel.RepeatableRead, stop);
        await using NpgsqlTransaction same = await streams.BeginTransactionAsync(IsolationLevel.RepeatableRead, stop);
        await streams.Run($"SET TRANSACTION SNAPSHOT '{await chain.Ask("SELECT pg_export_snapshot()", stop)}'", stop);
        if (!await SchemaCheck.Run(chain, Add, stop))
            return new Verified(0, 0);
        long total = await EventLog.Count(chain, stop);
        (long linked, long folded, long missingSnapshots) = (0, 0, 0);
        await Task.WhenAll(
            Task.Run(async () =>
            {
                await FollowChain(chain, kept, Add, () => Report(ref linked, 1), stop);
                await ActivityOfLog.Compare(chain, (revision, what) => Add(new Finding(revision, what) { IsDerived = true }), stop);
            }, stop),
            Task.Run(async () => missingSnapshots = await FoldStreams(streams, Add, events => Report(ref folded, events), stop), stop));
        progress(total, total);
        List<EpochRow> epochs = await ChainRows.Epochs(chain, 0, stop);
        var verified = new Verified(total, missingSnapshots);
        return epochs.Count == 0 ? verified : verified with { Epochs = epochs.ConvertAll(row => row.Epoch) };

        void Add(Finding finding)
        {
            lock (gate)
                wrong(finding);
        }

        void Report(ref long done, long more)
        {
            lock (gate)
            {
                done += more;
                if (linked + folded < 2 * total)
                    progress((linked + folded) / 2, total);
            }
        }
    }

    private static async Task FollowChain(
        NpgsqlConnection connection, Checkpoint? kept, Action<Finding> wrong, Action done, CancellationToken stop)
    {
        byte[]? head = await CompareHead(connection, wrong, stop);
        if (kept is not null)
            await Compare(kept, connection, wrong, stop);
        var walk = new IndexWalk(await ChainRows.Keys(connection, stop), wrong, _ => { });
        await foreach ((long _, bool _) in walk.Follow(connection, 0, Chain.Beginning.ToArray(), head, stop))
            done();
    }

    /// <summary>Compares each folded stream with its stored rows, and returns how many snapshots are missing.</summary>
    private static async Task<long> FoldStreams(
        NpgsqlConnection connection, Action<Finding> wrong, Action<long> done, CancellationToken stop)
    {
        long missing = 0;
        await foreach (JudgedStream judged in StreamWalk.Judge(connection, new StreamRange(), Stray, stop))
        {
            if (judged.Difference is { } difference)
                wrong(new Finding(judged.Revision, difference));
            foreach (SnapshotRow snapshot in judged.Stream?.WrongSnapshots ?? [])
                wrong(new Finding(snapshot.Revision,
                    $"{judged.Stream!.Name}: the snapshot of revision {snapshot.Revision} is not what the events give")
                { IsDerived = true });
            missing += judged.Stream?.MissingSnapshots.Count ?? 0;
            done(judged.Stream?.Events ?? 0);
        }

        return missing;

        void Stray(SnapshotRow snapshot) => wrong(new Finding(Finding.Nowhere, $"{snapshot.Uid}: there is a snapshot without events"));
    }

    /// <summary>Compares the head with the last event, and returns the hash of the head.</summary>
    private static async Task<byte[]?> CompareHead(NpgsqlConnection connection, Action<Finding> wrong, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(HeadSql, connection) { CommandTimeout = 0 };
        await using NpgsqlDataReader row = await command.ExecuteReaderAsync(stop);
        await row.ReadAsync(stop);
        long last = row.IsDBNull(3) ? 1 : row.GetInt64(3);
        if (row.IsDBNull(0))
        {
            wrong(new Finding(last, $"the head is missing, the events end at {last}"));
            return null;
        }

        byte[] hash = row.GetFieldValue<byte[]>(2);
        if (row.GetInt64(0) != last)
            wrong(new Finding(last, $"the head is at revision {row.GetInt64(0)}, the events end at {last}"));
        if (!row.IsDBNull(4) && row.GetDateTime(4) != row.GetDateTime(1))
            wrong(new Finding(last, "the head's time is not that of the last event"));
        if (!hash.AsSpan().SequenceEqual(row.IsDBNull(5) ? Chain.Beginning : row.GetFieldValue<byte[]>(5)))
            wrong(new Finding(last, "the head's hash is not that of the last revision"));
        return hash;
    }

    private static async Task Compare(Checkpoint kept, NpgsqlConnection connection, Action<Finding> wrong, CancellationToken stop)
    {
        string? stored = kept.Revision == 1
            ? Convert.ToHexStringLower(Chain.Beginning)
            : await connection.Ask($"SELECT encode(hash, 'hex') FROM eventstore.revision WHERE revision = {kept.Revision}", stop) as string;
        IEnumerable<string> later = from row in await ChainRows.Epochs(connection, kept.Revision, stop)
                                    where row.Epoch.Revision == kept.Revision
                                    select Convert.ToHexStringLower(row.Hash);
        if (stored is null)
            wrong(new Finding(kept.Revision, $"the checkpoint does not hold: there is no revision {kept.Revision} any more"));
        else if (stored != kept.Hash && !later.Contains(kept.Hash))
            wrong(new Finding(kept.Revision,
                $"the checkpoint does not hold: the hash is {stored}, it was {kept.Hash}: what is before was rewritten"));
    }
}
