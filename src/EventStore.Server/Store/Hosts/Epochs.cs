using EventStore.Domain.History;
using EventStore.Server.Store.Format;
using Npgsql;

namespace EventStore.Server.Store.Hosts;

/// <summary>
/// What this server knows of the epochs, and the last revision it has seen: what it, or one of its clients, may hold. Where that is missing
/// in a database that is met again, another epoch begins (migrations/V0019 and V0020).
/// </summary>
/// <remarks>
/// Nothing here costs a round trip of its own in ordinary service: the commit compares the epoch under its lock, and reads of the head
/// answer the last number with it.
/// </remarks>
public sealed class Epochs
{
    // Every epoch begins more than 2^20 above everything known (migrations/V0020), and nothing else jumps as far at once.
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

    /// <summary>Says that a revision was seen: committed, read as the head, or passed on.</summary>
    /// <returns>
    /// Whether it is remembered. One that may be of a later epoch does not take the place of what may be lost with that one: first
    /// <see cref="Check"/> has to be called.
    /// </returns>
    public bool Saw(long revision)
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
        (Epoch? last, long told) = (known.LastOrDefault(), Seen);
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

        await Learn(session, number, hasBegun, stop);
        // What was seen by then is there, or is named as lost. What was seen since is compared the next time.
        Interlocked.CompareExchange(ref seen, head, told);
    }

    /// <summary>Reads all epochs: where one was lost that is known here, another may have its number.</summary>
    private async Task Learn(NpgsqlConnection session, long number, bool hasBegun, CancellationToken stop)
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
            if (known.Take(all.Count).SequenceEqual(all))
                return; // nothing new, or another call has read more meanwhile
            news = all.FindAll(epoch => known is [] ? hasBegun && epoch.Number == number : !known.Contains(epoch));
            known = [.. all];
        }

        news.ForEach(epoch => Began?.Invoke(epoch));
    }
}
