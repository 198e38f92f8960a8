using System.Data;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using EventStore.Domain.Jobs;
using Npgsql;

namespace EventStore.Server.Store;

/// <summary>Which jobs a list is about.</summary>
public sealed record JobRange
{
    /// <summary>Only in this namespace; null for all.</summary>
    public string? Namespace { get; init; }

    /// <summary>Only of this name; null for all.</summary>
    public string? Name { get; init; }

    /// <summary>Only those behind this one, in the list's order.</summary>
    public JobKey? Behind { get; init; }

    /// <summary>
    /// Texts that stand in every job wanted, as it is printed: others need not be read. That leaves out most, and may let pass some that
    /// are not wanted.
    /// </summary>
    public IReadOnlyList<string> Containing { get; init; } = [];
}

/// <summary>
/// All jobs as one moment left them. Lists come in etcd's order, that of the bytes of <c>namespace/name</c>, and may be as of any
/// revision: rows that have not changed since are read as they are, the others are taken back through what their events replaced.
/// </summary>
public sealed class JobSnapshot : IAsyncDisposable
{
    private const int PieceMin = 64;
    private const int PieceMax = 4096;

    private readonly NpgsqlConnection connection;
    private readonly NpgsqlTransaction transaction;
    private (JobRange Range, long Revision, List<StoredJob> Jobs)? known;

    private JobSnapshot(NpgsqlConnection connection, NpgsqlTransaction transaction, long head) =>
        (this.connection, this.transaction, Head) = (connection, transaction, head);

    /// <summary>The revision the snapshot stands at.</summary>
    public long Head { get; }

    /// <summary>Takes a snapshot; the connection is closed with it.</summary>
    internal static async Task<JobSnapshot> Open(NpgsqlConnection connection, CancellationToken stop)
    {
        try
        {
            NpgsqlTransaction transaction = await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, stop);
            await using var command = new NpgsqlCommand("SELECT revision FROM eventstore.head", connection);
            return new JobSnapshot(connection, transaction, (long)(await command.ExecuteScalarAsync(stop))!);
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>The jobs that lived at the revision, in order, read as they are asked for.</summary>
    /// <param name="range">Which ones.</param>
    /// <param name="revision">As of this revision, which is not beyond <see cref="Head"/>.</param>
    /// <param name="stop">Gives up.</param>
    public async IAsyncEnumerable<StoredJob> List(JobRange range, long revision, [EnumeratorCancellation] CancellationToken stop)
    {
        List<StoredJob> changed = await ChangedSince(range, revision, stop);
        int next = 0;
        // Piece by piece, each longer than the one before: who has enough after a page leaves the rest unread.
        (int piece, int read) = (PieceMin / 2, PieceMin / 2);
        while (read == piece)
        {
            (piece, read) = (Math.Min(2 * piece, PieceMax), 0);
            await using NpgsqlCommand command = SelectPiece(range, revision, piece);
            await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(CommandBehavior.SequentialAccess, stop);
            for (; await reader.ReadAsync(stop); read++)
            {
                var key = new JobKey(reader.GetString(0), reader.GetString(1));
                while (next < changed.Count && Compare(changed[next].Key, key) < 0)
                    yield return changed[next++];
                yield return new StoredJob(key, reader.GetInt64(2), reader.GetFieldValue<byte[]>(3), reader.GetFieldValue<DateTimeOffset>(4));
                range = range with { Behind = key };
            }
        }

        while (next < changed.Count)
            yield return changed[next++];
    }

    /// <summary>How many jobs of the range there were at the revision.</summary>
    public async Task<long> Count(JobRange range, long revision, CancellationToken stop)
    {
        await using NpgsqlCommand command = Select(range, revision, "count(*)");
        return (long)(await command.ExecuteScalarAsync(stop))! + (await ChangedSince(range, revision, stop)).Count;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await transaction.DisposeAsync();
        await connection.DisposeAsync();
    }

    private async Task<List<StoredJob>> ChangedSince(JobRange range, long revision, CancellationToken stop)
    {
        if (revision >= Head)
            return [];
        // The list asks, and for how many remain the count asks again.
        if (known is not { } last || last.Range != range with { Behind = null } || last.Revision != revision)
        {
            List<StoredJob> jobs = await JobPast.LivingAt(connection, revision, range.Namespace, range.Name, stop);
            jobs.Sort((a, b) => Compare(a.Key, b.Key));
            known = last = (range with { Behind = null }, revision, jobs);
        }

        return range.Behind is { } behind ? last.Jobs.FindAll(job => Compare(job.Key, behind) > 0) : last.Jobs;
    }

    private NpgsqlCommand SelectPiece(JobRange range, long revision, int length)
    {
        NpgsqlCommand command = Select(range, revision, "j.namespace, j.name, j.revision, j.data ->> 'text', j.mt_last_modified");
        command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = length });
        command.CommandText += $" ORDER BY (j.namespace || '/') COLLATE \"C\", j.name COLLATE \"C\" LIMIT ${command.Parameters.Count}";
        return command;
    }

    private NpgsqlCommand Select(JobRange range, long revision, string columns)
    {
        var command = new NpgsqlCommand { Connection = connection, CommandTimeout = 0 };
        var sql = new StringBuilder($"SELECT {columns} FROM eventstore.mt_doc_current_job j WHERE NOT j.deleted");
        if (revision < Head)
            Add(" AND j.revision <= ", revision);
        if (range.Namespace is not null)
            Add(" AND (j.namespace || '/') COLLATE \"C\" = ", range.Namespace + "/");
        if (range.Name is not null)
            Add(" AND j.name COLLATE \"C\" = ", range.Name);
        foreach (string text in range.Containing)
        {
            Add(" AND strpos(j.data ->> 'text', ", text);
            sql.Append(") > 0");
        }

        if (range.Behind is { } behind)
        {
            Add(" AND ((j.namespace || '/') COLLATE \"C\", j.name COLLATE \"C\") > (", behind.Namespace + "/");
            Add(", ", behind.Name);
            sql.Append(')');
        }

        command.CommandText = sql.ToString();
        return command;

        void Add<T>(string condition, T value)
        {
            command.Parameters.Add(new NpgsqlParameter<T> { TypedValue = value });
            sql.Append(CultureInfo.InvariantCulture, $"{condition}${command.Parameters.Count}");
        }
    }

    // Names are ASCII, so the order of UTF-16 units is that of bytes.
    private static int Compare(JobKey a, JobKey b) =>
        string.CompareOrdinal(a.Namespace + "/", b.Namespace + "/") is var order and not 0 ? order : string.CompareOrdinal(a.Name, b.Name);
}
