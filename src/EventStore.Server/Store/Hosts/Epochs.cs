using EventStore.Domain.History;
using EventStore.Server.Store.Format;
using Npgsql;

namespace EventStore.Server.Store.Hosts;

/// <summary>
/// What this server knows of the epochs, and the last revision it has seen: what it, or one of its clients, may hold. Where that is missing
/// in a database that is met again, another epoch begins (migrations/V0019 and V0021).
/// </summary>
/// <remarks>
/// Nothing here costs a round trip of its own in ordinary service: the commit compares the epoch under its lock, and reads of the head
/// answer the last number with it.
/// </remarks>
public sealed class Epochs
{
    // Every epoch begins more than 2^20 revisions above everything known (migrations/V0021). A server that has seen nothing while others
    // committed as many meets the same distance without an epoch, and compares in vain, which is harmless.
    private const long JumpMin = 1L << 20;

    private const string CheckSql = "SELECT number, revision, has_begun, is_former FROM eventstore.epoch_check_1($1, $2, $3, $4)";

    private const string LearnSql = $"SELECT {EpochRow.Columns} FROM eventstore.epoch e ORDER BY e.number";

    private readonly Lock gate = new();
    private volatile Epoch[] known = [];
    private long seen;

    /// <summary>Is raised for an epoch that has begun since the last one was known.</summary>
    public event Action<Epoch>? Began;

    /// <summary>The epochs that are known, in order.</summary>
    public IReadOnlyList<Epoch> Known => known;

    /// <summary>The number of the last one that is known; 0 before any is.</summary>
    public long Last => known is [.., var last] ? last.Number : 0;

    /// <summary>The last revision seen of that epoch or of the one before.</summary>
    public long Seen => Interlocked.Read(ref seen);

    /// <summary>Whether a revision behind another one may be of a later epoch.</summary>
    public static bool IsBetween(long revision, long later) => later - revision >= JumpMin;

    /// <summary>Notes a revision that was committed, read as the head, or passed on.</summary>
    /// <returns>
    /// Whether it is noted. One that may be of a later epoch is not, because revisions between it and the last one seen may be lost:
    /// <see cref="Check"/> has to be called first.
    /// </returns>
    public bool TryNote(long revision)
    {
        for (long before = Seen; revision > before; before = Seen)
        {
            if (before > 0 && IsBetween(before, revision))
                return false;
            Interlocked.CompareExchange(ref seen, revision, before);
        }

        return true;
    }

    /// <summary>The last epoch whose history lacks the revision: it was lost, or never given out; null if there is none.</summary>
    public Epoch? Lacking(long revision) => Array.FindLast(known, epoch => epoch.Lacks(revision));

    /// <summary>
    /// Compares what is known with what a database has, where another epoch begins if they do not fit. To be called with every session that
    /// is opened after one was lost, before anything is answered by it.
    /// </summary>
    /// <param name="session">A session of the primary, outside any transaction.</param>
    /// <param name="stop">Cancels it.</param>
    /// <exception cref="StrayPrimaryException">It is a former primary: its history was left for another.</exception>
    public async Task Check(NpgsqlConnection session, CancellationToken stop = default)
    {
        bool isLast = false;
        while (!isLast) // another session may be compared meanwhile, even one of another database
            isLast = await CheckOnce(session, stop);
    }

    private async Task<bool> CheckOnce(NpgsqlConnection session, CancellationToken stop)
    {
        Epoch[] before = known;
        (Epoch? last, long told) = (before.LastOrDefault(), Seen);
        (long number, long head, bool hasBegun) = (0, 0, false);
        await using (var command = new NpgsqlCommand(CheckSql, session))
        {
            foreach (long? value in (long?[])[last?.Number, told == 0 ? null : told, last?.System, last?.Timeline])
                command.Parameters.Add(new NpgsqlParameter<long?> { TypedValue = value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Bigint });
            await using NpgsqlDataReader row = await command.ExecuteReaderAsync(stop);
            await row.ReadAsync(stop);
            if (row.GetBoolean(3))
                throw new StrayPrimaryException();
            (number, head, hasBegun) = (row.GetInt64(0), row.GetInt64(1), row.GetBoolean(2));
        }

        if (!await Learn(session, before, hasBegun ? number : 0, stop))
            return false;
        // What was seen by then is there, or is named as lost. What was seen since is compared the next time.
        Interlocked.CompareExchange(ref seen, head, told);
        return true;
    }

    /// <summary>Reads all epochs: where one was lost that is known here, another may have its number.</summary>
    /// <param name="session">The session.</param>
    /// <param name="before">What was known when it was compared.</param>
    /// <param name="begun">The number of the epoch that began by that; 0 for none.</param>
    /// <param name="stop">Cancels it.</param>
    /// <returns>Whether nothing else was learned since: what is read last need not be what is true now.</returns>
    private async Task<bool> Learn(NpgsqlConnection session, Epoch[] before, long begun, CancellationToken stop)
    {
        List<Epoch> all = [];
        await using (var command = new NpgsqlCommand(LearnSql, session))
        {
            await using NpgsqlDataReader row = await command.ExecuteReaderAsync(stop);
            while (await row.ReadAsync(stop))
                all.Add(EpochRow.From(row).Epoch);
        }

        List<Epoch> news;
        lock (gate)
        {
            if (known.SequenceEqual(all))
                return true;
            if (known != before)
                return false;
            news = all.FindAll(epoch => known is [] ? epoch.Number == begun : !known.Contains(epoch));
            known = [.. all];
        }

        news.ForEach(epoch => Began?.Invoke(epoch));
        return true;
    }
}
