using System.Data;
using System.Runtime.CompilerServices;
using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Domain.Lifetimes;
using EventStore.Server.Store.Format;
using EventStore.Server.Store.Hosts;
using EventStore.Server.Store.Reads;
using Npgsql;

namespace EventStore.Server.Store.Lifetimes;

/// <summary>Tells which jobs end by a field of their own, and when: from their rows, and from what happens to them.</summary>
internal sealed class DueJobReads(Primary database, IReadOnlySet<LifetimeRule> rules)
{
    // Only jobs that have one of the fields are sent over and parsed. OFFSET 0 keeps the planner from taking the text out of the row twice.
    private const string Sql = """
        SELECT namespace, name, text
          FROM (SELECT namespace, name, data ->> 'text' AS text FROM eventstore.mt_doc_current_job WHERE NOT deleted OFFSET 0) j
         WHERE text LIKE '%"ttlSecondsAfterFinished":%' OR text LIKE '%"activeDeadlineSeconds":%'
        """;

    /// <summary>The last revision there is.</summary>
    public async Task<long> Head(CancellationToken stop)
    {
        await using NpgsqlCommand command = database.CreateCommand($"SELECT h.revision FROM {HeadRow.Sql} h");
        return (long)(await command.ExecuteScalarAsync(stop))!;
    }

    /// <summary>All living jobs that end by a field of theirs.</summary>
    public async IAsyncEnumerable<DueJob> All([EnumeratorCancellation] CancellationToken stop)
    {
        await using NpgsqlConnection connection = await database.OpenConnectionAsync(stop);
        await using var command = new NpgsqlCommand(Sql, connection) { CommandTimeout = 0 };
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync(CommandBehavior.SequentialAccess, stop);
        while (await reader.ReadAsync(stop))
        {
            var key = new JobKey(reader.GetString(0), reader.GetString(1));
            if (Of(key, await reader.GetFieldValueAsync<byte[]>(2, stop)) is { } due)
                yield return due;
        }
    }

    /// <summary>What a change makes of a job; null where nothing ends it.</summary>
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
