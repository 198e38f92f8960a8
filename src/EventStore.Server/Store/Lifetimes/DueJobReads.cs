using System.Data;
using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Domain.Lifetimes;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Hosts;
using EventStore.Server.Store.Reads;
using Npgsql;

namespace EventStore.Server.Store.Lifetimes;

/// <summary>Finds the jobs whose lifetime ends by a field of their own, and when: from their rows, and from changes of the feed.</summary>
/// <param name="database">The database.</param>
/// <param name="rules">The rules that end lifetimes here.</param>
/// <param name="pageLength">The number of jobs on a page. It is small because a job may have megabytes.</param>
internal sealed class DueJobReads(Primary database, IReadOnlySet<LifetimeRule> rules, int pageLength = 200)
{
    // Only the texts of jobs that have one of the fields are sent over and parsed.
    private const string Sql = """
        SELECT namespace, name, CASE WHEN text LIKE '%"ttlSecondsAfterFinished":%' OR text LIKE '%"activeDeadlineSeconds":%' THEN text END
          FROM (SELECT j.namespace, j.name, j.data ->> 'text' AS text FROM eventstore.mt_doc_current_job j WHERE NOT j.deleted
        """;

    /// <summary>The last revision.</summary>
    public Task<long> Head(CancellationToken stop) => database.Read(
        async connection =>
        {
            await using var command = new NpgsqlCommand($"SELECT h.revision FROM {HeadRow.Sql} h", connection);
            return (long)(await command.ExecuteScalarAsync(stop))!;
        },
        stop);

    /// <summary>Reads a page of the living jobs. No connection is held between two pages, and no page takes long.</summary>
    /// <param name="behind">The last job of the page before; null to begin.</param>
    /// <param name="stop">Cancels it.</param>
    /// <returns>The jobs of the page that have a due time, and the last job of the page; null if there are no more.</returns>
    public async Task<(IReadOnlyList<DueJob> Due, JobKey? Last)> Page(JobKey? behind, CancellationToken stop)
    {
        await using NpgsqlConnection connection = await database.OpenConnectionAsync(stop);
        await using var command = new NpgsqlCommand(Sql, connection);
        new JobRange { Behind = behind }.Narrow(command, "j.namespace", "j.name");
        JobRange.Add(command, $" ORDER BY {JobRange.Order("j.namespace", "j.name")} LIMIT ", pageLength);
        command.CommandText += ") j";
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(CommandBehavior.SequentialAccess, stop);
        (List<DueJob> found, JobKey? last, int count) = ([], null, 0);
        for (; await reader.ReadAsync(stop); count++)
        {
            var key = new JobKey(reader.GetString(0), reader.GetString(1));
            last = key;
            if (!await reader.IsDBNullAsync(2, stop) && Of(key, await reader.GetFieldValueAsync<byte[]>(2, stop)) is { } due)
                found.Add(due);
        }

        return (found, count < pageLength ? null : last);
    }

    /// <summary>The due time of a job after a change; null if nothing ends it.</summary>
    public DueJob? After(JobChange change)
    {
        ReadOnlySpan<byte> text = change.Stored.Utf8.Span;
        bool hasField = text.IndexOf("\"ttlSecondsAfterFinished\":"u8) >= 0 || text.IndexOf("\"activeDeadlineSeconds\":"u8) >= 0;
        return change.After.Deleted || !hasField ? null : Of(change.After.Key, text);
    }

    private DueJob? Of(JobKey key, ReadOnlySpan<byte> text)
    {
        JsonObject manifest = JobText.Manifest(text);
        return Lifetime.Of(manifest) is { } lifetime && rules.Contains(lifetime.Rule)
            ? new DueJob(key, Guid.Parse(((JsonText)manifest["metadata"]!.Member("uid")!).Value), lifetime)
            : null;
    }
}
