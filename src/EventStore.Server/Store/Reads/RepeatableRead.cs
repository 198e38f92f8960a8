using System.Data;
using System.Runtime.CompilerServices;
using EventStore.Domain.Jobs;
using EventStore.Server.Store.Format;
using Npgsql;

namespace EventStore.Server.Store.Reads;

/// <summary>
/// A list as of one revision, in a read transaction. Lists are in etcd's order, by the bytes of <c>namespace/name</c>, and may be
/// as of any revision: jobs unchanged since then are read from their rows, the others are reconstructed (see
/// <see cref="PastJobs"/>), chunk by chunk in that order. The cost is that of the listed jobs and of those changed since; the
/// memory is that of one chunk.
/// </summary>
internal sealed class RepeatableRead : IAsyncDisposable
{
    private const int BufferMin = 4096;
    private const int PieceMin = 64;
    private const int PieceMax = 4096;
    private const int PastPieceMax = 256;
    private const long PieceBytes = 4 << 20;
    private const long PastPieceBytes = 4 << 20;

    // Living now or not, each name that changed since is looked up once.
    private const string ChangedSinceSql =
        "SELECT j.namespace, j.name FROM eventstore.mt_doc_current_job j WHERE NOT j.deleted AND j.revision > ";

    private const string OrDeletedSinceSql =
        $" UNION SELECT r.namespace, r.job FROM eventstore.revision r WHERE r.type = '{EventCodec.Deleted}' AND r.revision > $1";

    private const string ThenSql = $$"""
        SELECT count(*) FROM ({0}) AS k
         CROSS JOIN LATERAL (
               SELECT r.type FROM eventstore.revision r
                WHERE r.namespace = k.namespace AND r.job = k.name AND r.revision <= $1 ORDER BY r.revision DESC LIMIT 1) l
         WHERE l.type <> '{{EventCodec.Deleted}}'
        """;

    private readonly NpgsqlConnection connection;
    private readonly NpgsqlTransaction transaction;

    private RepeatableRead(NpgsqlConnection connection, NpgsqlTransaction transaction, long head) =>
        (this.connection, this.transaction, Head) = (connection, transaction, head);

    /// <summary>The revision it stands at.</summary>
    public long Head { get; }

    /// <summary>Begins one; the connection is closed with it.</summary>
    public static async Task<RepeatableRead> Begin(NpgsqlConnection connection, CancellationToken stop)
    {
        try
        {
            NpgsqlTransaction transaction = await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, stop);
            await using var command = new NpgsqlCommand($"SELECT h.revision FROM {HeadRow.Sql} h", connection);
            return new RepeatableRead(connection, transaction, (long)(await command.ExecuteScalarAsync(stop))!);
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>
    /// The jobs that lived at the revision, in order, read as they are asked for. A job's text is good until the next job is asked for.
    /// </summary>
    /// <param name="range">Which ones.</param>
    /// <param name="revision">As of this revision, which is not beyond <see cref="Head"/>.</param>
    /// <param name="stop">Cancels the read.</param>
    public IAsyncEnumerable<StoredJob> List(JobRange range, long revision, CancellationToken stop) =>
        revision >= Head
            ? Unchanged(range, revision, stop)
            : range.Only is { } key
            ? One(range, key, revision, stop)
            : Past(range, revision, stop);

    /// <summary>How many jobs of the range there were at the revision.</summary>
    public async Task<long> Count(JobRange range, long revision, CancellationToken stop)
    {
        await using NpgsqlCommand command = Select(range, revision, "count(*)");
        long unchanged = (long)(await command.ExecuteScalarAsync(stop))!;
        if (revision >= Head)
            return unchanged;
        await using var changed = new NpgsqlCommand { Connection = connection, CommandTimeout = 0 };
        JobRange.Add(changed, ChangedSinceSql, revision);
        range.Narrow(changed, "j.namespace", "j.name");
        changed.CommandText += OrDeletedSinceSql;
        range.Narrow(changed, "r.namespace", "r.job");
        changed.CommandText = ThenSql.Replace("{0}", changed.CommandText, StringComparison.Ordinal);
        return unchanged + (long)(await changed.ExecuteScalarAsync(stop))!;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await transaction.DisposeAsync();
        await connection.DisposeAsync();
    }

    private async IAsyncEnumerable<StoredJob> One(
        JobRange range, JobKey key, long revision, [EnumeratorCancellation] CancellationToken stop)
    {
        if (range.Behind is { } behind && JobRange.Compare(key, behind) <= 0)
            yield break;
        if (await PastJobs.OneAt(connection, key, revision, stop) is { } past)
            yield return StoredJob.Of(past.Job!, past.Time);
    }

    private async IAsyncEnumerable<StoredJob> Past(JobRange range, long revision, [EnumeratorCancellation] CancellationToken stop)
    {
        var names = new NamesAtRevision(connection, range, revision);
        var ahead = new List<(JobKey Key, bool HasChanged)>();
        int length = PieceMin;
        while (true)
        {
            ahead.AddRange(await names.Next(Math.Max(0, length - ahead.Count), stop));
            if (ahead.Count == 0)
                yield break;
            List<(JobKey Key, bool HasChanged)> piece = ahead.GetRange(0, Math.Min(length, ahead.Count));
            Dictionary<JobKey, PastJob> past = await ReadChanged(piece, revision, stop);
            length = piece.Count < Math.Min(length, ahead.Count) ? piece.Count : Math.Min(2 * length, PastPieceMax);
            ahead.RemoveRange(0, piece.Count);
            JobRange between = range with { Through = piece[^1].Key, Containing = [] }; // the keys below are all there, in step with it
            await using IAsyncEnumerator<StoredJob> unchanged = Unchanged(between, revision, stop).GetAsyncEnumerator(stop);
            foreach ((JobKey key, bool hasChanged) in piece)
            {
                if (!hasChanged && await unchanged.MoveNextAsync())
                    yield return unchanged.Current;
                else if (hasChanged && past.Remove(key, out PastJob? then))
                    yield return StoredJob.Of(then.OrThrow().Job!, then.Time);
            }

            range = range with { Behind = piece[^1].Key };
        }
    }

    /// <summary>
    /// Reads the jobs of a piece that have changed since, as they were. When they have too many bytes, half as many are read, and the piece
    /// ends before the first that was not.
    /// </summary>
    private async Task<Dictionary<JobKey, PastJob>> ReadChanged(
        List<(JobKey Key, bool HasChanged)> piece, long revision, CancellationToken stop)
    {
        JobKey[] changed = [.. piece.Where(key => key.HasChanged).Select(key => key.Key)];
        while (changed.Length > 0)
        {
            PastJobs.Found found = await PastJobs.At(connection, changed, revision, PastPieceBytes, stop);
            if (found.Complete)
                return found.Jobs.ToDictionary(past => past.Key);
            changed = changed[..(changed.Length / 2)];
            int end = piece.FindLastIndex(key => key.Key == changed[^1]) + 1;
            piece.RemoveRange(end, piece.Count - end);
        }

        return [];
    }

    /// <summary>The living jobs that have not changed since the revision.</summary>
    private async IAsyncEnumerable<StoredJob> Unchanged(JobRange range, long revision, [EnumeratorCancellation] CancellationToken stop)
    {
        // Piece by piece, each longer than the one before as long as jobs are small: who has enough after a page leaves the rest of the
        // piece unread, and the database will have sent all of it.
        int length = PieceMin;
        byte[] buffer = [];
        for (bool more = true; more;)
        {
            (int read, long bytes) = (0, 0);
            await using NpgsqlCommand command = SelectPiece(range, revision, length);
            await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(CommandBehavior.SequentialAccess, stop);
            JobKey? last = range.Behind;
            for (; await reader.ReadAsync(stop); read++)
            {
                var key = new JobKey(reader.GetString(0), reader.GetString(1));
                long changed = reader.GetInt64(2);
                (buffer, int textBytes) = await ReadText(reader, 3, buffer, stop);
                ReadOnlyMemory<byte> text = JobText.Shown(buffer.AsMemory(0, textBytes), changed);
                yield return new StoredJob(key, changed, text, reader.GetFieldValue<DateTimeOffset>(4));
                bytes += textBytes;
                last = key;
            }

            range = range with { Behind = last };
            more = read == length;
            length = bytes > PieceBytes ? (int)Math.Max(1, length * PieceBytes / bytes) : Math.Min(2 * length, PieceMax);
        }
    }

    /// <summary>
    /// Reads a text into the buffer, or into a larger one. A large text has not arrived in whole when its row has: its bytes are
    /// awaited, as the reader would otherwise wait for them on the thread.
    /// </summary>
    private static async ValueTask<(byte[] Buffer, int Length)> ReadText(
        NpgsqlDataReader reader, int column, byte[] buffer, CancellationToken stop)
    {
        await using Stream text = await reader.GetStreamAsync(column, stop);
        int length = (int)text.Length;
        if (buffer.Length < length)
            buffer = new byte[Math.Max(BufferMin, length + (length / 8))];
        await text.ReadExactlyAsync(buffer.AsMemory(0, length), stop);
        return (buffer, length);
    }

    private NpgsqlCommand SelectPiece(JobRange range, long revision, int length)
    {
        NpgsqlCommand command = Select(range, revision, "j.namespace, j.name, j.revision, j.data ->> 'text', j.mt_last_modified");
        JobRange.Add(command, $" ORDER BY {JobRange.Order("j.namespace", "j.name")} LIMIT ", length);
        return command;
    }

    private NpgsqlCommand Select(JobRange range, long revision, string columns)
    {
        var command = new NpgsqlCommand(
            $"SELECT {columns} FROM eventstore.mt_doc_current_job j WHERE NOT j.deleted", connection)
        { CommandTimeout = 0 };
        if (revision < Head)
            JobRange.Add(command, " AND j.revision <= ", revision);
        range.Narrow(command, "j.namespace", "j.name");
        foreach (string text in range.Containing)
        {
            JobRange.Add(command, " AND strpos(j.data ->> 'text', ", text);
            command.CommandText += ") > 0";
        }

        return command;
    }
}
